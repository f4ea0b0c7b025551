"""Reserved quotes of the AWS price list: a fee and an hourly rate stand in two rows that have to meet.

Both have the SKU and the code of the offer term in common, and are told apart by `Unit`: `Quantity` is the
fee, paid once, `Hrs` what is billed by the hour. All upfront has both as well, the rate being zero; no upfront
has the rate alone. Nothing says that the two rows stand side by side, so quotes wait until the list ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from planner.pricing.providers.records import Item, Listing, Quarantined

RATE, FEE = "Hrs", "Quantity"
PAYMENTS: Mapping[str, str] = {
    "No Upfront": "no_upfront", "Partial Upfront": "partial_upfront", "All Upfront": "all_upfront",
}  # fmt: skip
TERMS: Mapping[str, str] = {"1yr": "committed_1y", "3yr": "committed_3y"}
OFFERED = "standard"
"""The convertible class can be exchanged and costs more: another product under the same terms."""


@dataclass(frozen=True, slots=True)
class Part:
    """One row of a reserved quote, as a listing of its own price."""

    sku: str
    offer_term: str
    unit: str
    listing: Listing

    @property
    def quote(self) -> tuple[str, str, Listing]:
        """What both rows have in common: everything but the unit and the price."""
        return self.sku, self.offer_term, replace(self.listing, price=None)


def paired(items: Iterable[Item | Part]) -> Iterator[Item]:
    """The items with the parts of each quote made one listing; a quote that lacks a part is quarantined.

    A part that was read twice counts once; one with two prices gives two listings, which `judge.settle` holds.
    """
    quotes: dict[tuple[str, str, Listing], dict[str, dict[object, None]]] = {}
    for item in items:
        if isinstance(item, Part):
            prices = quotes.setdefault(item.quote, {}).setdefault(item.unit, {})
            prices[item.listing.price] = None
        else:
            yield item
    for (sku, offer_term, listing), parts in quotes.items():
        yield from _joined(f"{sku}.{offer_term}", listing, parts)


def _joined(
    quote: str, listing: Listing, parts: Mapping[str, Mapping[object, None]]
) -> Iterator[Listing | Quarantined]:
    free: Mapping[object, None] = {"0": None} if listing.payment == "no_upfront" else {}
    rates, fees = parts.get(RATE, {}), parts.get(FEE, free)
    if not rates or not fees:
        lost = RATE if not rates else FEE
        row = f"{listing.seller} {listing.instance} {listing.region} {listing.term} {listing.payment} {quote}"
        yield Quarantined(row, f"missing_partner_row: no row with Unit {lost}")
        return
    for rate in rates:
        yield from (replace(listing, price=rate, upfront=fee) for fee in fees)
