"""What a term means in money: commitments with their payment options, capacity blocks, spot risk.

A commitment is quoted as an upfront part and a recurring part. The effective hourly price is

    upfront / (months * 730) + recurring          [USD per hour of the whole commitment, used or not]

without interest: it is what the seller's own calculator shows, and comparing it with on-demand is fair only
for hours that are used. What a seller does not publish is absent, never a zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from planner.pricing.errors import PriceError
from planner.pricing.money import HOURS_PER_MONTH
from planner.pricing.offer import COMMITMENT_MONTHS, PAYMENTS, Offer

ZONE_SPREAD = "zone_spread:"
ABSENT = "absent"


def effective_usd_per_hour(*, upfront_usd: float, recurring_usd_per_hour: float, months: int) -> float:
    """Price of an hour of the commitment, the upfront part spread evenly over it.

    >>> round(effective_usd_per_hour(upfront_usd=8760, recurring_usd_per_hour=1.5, months=12), 6)
    2.5
    """
    if months < 1:
        raise PriceError(f"commitment_months: {months} is not 1 or more")
    if not (0 <= upfront_usd < float("inf") and 0 <= recurring_usd_per_hour < float("inf")):
        raise PriceError(f"upfront_usd: {upfront_usd:g} and {recurring_usd_per_hour:g} $/h are not amounts")
    return upfront_usd / (months * HOURS_PER_MONTH) + recurring_usd_per_hour


def recurring_usd_per_hour(offer: Offer) -> float | None:
    """The part of a committed price that is billed by the hour; None where the upfront part is unknown."""
    if offer.upfront_usd is None or not offer.commitment_months:
        return None
    spread = offer.upfront_usd / (offer.commitment_months * HOURS_PER_MONTH)
    return max(offer.usd_per_hour - spread, 0.0)


def as_committed(
    on_demand: Offer, term: str, *, payment: str, upfront_usd: float, recurring_usd_per_hour: float
) -> Offer:
    """The committed offer that a seller quotes for the instance of an on-demand one.

    Raises `PriceError` for a term that is no commitment, an unknown payment option, and a quote whose parts
    contradict the option (an upfront part under `no_upfront`, a recurring one under `all_upfront`).
    """
    if term not in COMMITMENT_MONTHS:
        raise PriceError(f"term: {term!r} is not one of {', '.join(COMMITMENT_MONTHS)}")
    if payment not in PAYMENTS:
        raise PriceError(f"payment: {payment!r} is not one of {', '.join(PAYMENTS)}")
    if (upfront_usd > 0, recurring_usd_per_hour > 0) != (payment != "no_upfront", payment != "all_upfront"):
        parts = f"{upfront_usd:g} $ upfront and {recurring_usd_per_hour:g} $/h"
        raise PriceError(f"{on_demand.label}: payment: {parts} is not {payment}")
    months = COMMITMENT_MONTHS[term]
    price = effective_usd_per_hour(
        upfront_usd=upfront_usd, recurring_usd_per_hour=recurring_usd_per_hour, months=months
    )
    kept = tuple(flag for flag in on_demand.flags if not flag.startswith(("payment:", ZONE_SPREAD)))
    return replace(
        on_demand, term=term, usd_per_hour=price, usd_per_gpu_hour=price / on_demand.gpu_count,
        upfront_usd=upfront_usd, commitment_months=months, interruption_per_hour=None,
        flags=(*kept, f"payment:{payment}"),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class ZoneSpread:
    """Spot prices of one instance over the zones of its region, USD per hour."""

    low: float
    high: float
    zones: int

    @property
    def flag(self) -> str:
        """How it travels with the offer."""
        return f"{ZONE_SPREAD}{self.low:g}-{self.high:g}/{self.zones}"


def zone_spread(usd_per_hour_by_zone: Mapping[str, float]) -> ZoneSpread | None:
    """Spread over zones; None where fewer than two are quoted.

    >>> zone_spread({"a": 2.47, "b": 8.19, "c": 3.0}).flag
    'zone_spread:2.47-8.19/3'
    """
    prices = sorted(usd_per_hour_by_zone.values())
    return ZoneSpread(prices[0], prices[-1], len(prices)) if len(prices) > 1 else None


def spread_of(offer: Offer) -> ZoneSpread | None:
    """The spread an offer carries, or None where its seller gave one price for the region."""
    found = next((flag for flag in offer.flags if flag.startswith(ZONE_SPREAD)), "")
    if not found:
        return None
    prices, _, zones = found.removeprefix(ZONE_SPREAD).rpartition("/")
    low, _, high = prices.partition("-")
    try:
        return ZoneSpread(float(low), float(high), int(zones))
    except ValueError as error:
        raise PriceError(
            f"{offer.label}: flags: {found!r} is not {ZONE_SPREAD}LOW-HIGH/ZONES (drop the flag)"
        ) from error


@dataclass(frozen=True, slots=True)
class Published:
    """How many offers of each kind one seller publishes; `absent` where there is none."""

    seller: str
    on_demand: str
    spot: str
    interruption_rate: str
    zone_spread: str
    committed_1y: str
    committed_3y: str
    payment_options: str
    capacity_block: str
    marketplace: str


def published_terms(offers: Iterable[Offer]) -> tuple[Published, ...]:
    """What each seller publishes and what it does not, by seller."""
    by_seller: dict[str, list[Offer]] = {}
    for offer in offers:
        by_seller.setdefault(offer.seller, []).append(offer)
    return tuple(_published(seller, rows) for seller, rows in sorted(by_seller.items()))


def _published(seller: str, rows: Sequence[Offer]) -> Published:
    def terms(name: str) -> str:
        return _count(offer.term == name for offer in rows)

    stated = {offer.payment for offer in rows}
    payments = [option for option in PAYMENTS if option in stated]
    return Published(
        seller=seller,
        on_demand=terms("on_demand"),
        spot=terms("spot"),
        interruption_rate=_count(offer.interruption_per_hour is not None for offer in rows),
        zone_spread=_count(spread_of(offer) is not None for offer in rows),
        committed_1y=terms("committed_1y"),
        committed_3y=terms("committed_3y"),
        payment_options=" ".join(payments) or ABSENT,
        capacity_block=terms("capacity_block"),
        marketplace=_count("marketplace" in offer.flags for offer in rows),
    )


def _count(found: Iterable[bool]) -> str:
    number = sum(found)
    return str(number) if number else ABSENT
