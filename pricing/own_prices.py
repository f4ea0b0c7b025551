"""The user's own prices: an agreed rate for a known instance, or a machine the catalogue does not have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches

from planner.pricing.catalog import parse_offer
from planner.pricing.errors import PriceError
from planner.pricing.offer import COMMITMENT_MONTHS, Offer, parse_cell, write_cell

NEEDED = ("seller", "instance", "term", "usd_per_hour")
DETAILS = (
    "region",
    "gpu",
    "gpu_count",
    "gpu_memory_gib",
    "country",
    "availability",
    "interruption_per_hour",
    "as_of",
)
SPELLINGS = {"availability": "available"}
"""Our column to the key of `[[prices]]`, where they differ."""


def own_offers(known: Iterable[Offer], rows: Iterable[object]) -> Iterator[Offer]:
    """Offers for the rows of `[[prices]]`: mappings or records with these fields, prices per whole instance.

    Seller and instance that the catalogue has (in that region, or in every region when none is given) keep
    their hardware and take the new price and term; others must bring `gpu` and `gpu_count`. Raises
    `PriceError` with the number of the row, the field, and near names.
    """
    catalogue = tuple(known)
    for number, row in enumerate(rows, start=1):
        where = f"prices[{number}]"
        cells = _cells(row, where=where)
        term = parse_cell("term", cells["term"], where=where)
        price = parse_cell("usd_per_hour", cells["usd_per_hour"], where=where)
        same = [o for o in catalogue if o.seller == cells["seller"] and o.instance == cells["instance"]]
        matched = [o for o in same if not cells.get("region") or o.region == cells["region"]]
        if cells.get("gpu"):
            yield replace(parse_offer({**cells, "flags": "own_price"}, where=where), source="own price")
        elif matched:
            yield from _repriced(matched, cells, term=term, usd_per_hour=price)
        else:
            raise PriceError(_unmatched(cells, catalogue, same, where=where))


def _cells(row: object, *, where: str) -> dict[str, str]:
    def given(name: str) -> object:
        names = (name, SPELLINGS.get(name, name))
        values = [row.get(n) if isinstance(row, Mapping) else getattr(row, n, None) for n in names]
        return values[0] if values[0] is not None else values[1]

    cells = {name: write_cell(given(name)) for name in (*NEEDED, *DETAILS)}
    for name in NEEDED:
        if not cells[name]:
            raise PriceError(f"{where}: {name} is missing (needed: {', '.join(NEEDED)})")
    return {name: cell for name, cell in cells.items() if cell}


def _repriced(
    matched: list[Offer], cells: Mapping[str, str], *, term: str, usd_per_hour: float
) -> Iterator[Offer]:
    """One offer per region and GPU of the instance, whatever terms the catalogue knew."""
    given = (cells.get(name) for name in ("availability", "interruption_per_hour"))
    stock, interrupted = (None if cell is None else float(cell) for cell in given)
    for offer in {(o.region, o.gpu): o for o in matched}.values():
        kept = tuple(flag for flag in offer.flags if flag.startswith(("ambiguous_gpu", "fractional_gpu")))
        yield replace(
            offer, term=term, usd_per_hour=usd_per_hour, usd_per_gpu_hour=usd_per_hour / offer.gpu_count,
            commitment_months=COMMITMENT_MONTHS.get(term), upfront_usd=None, source="own price",
            as_of=cells.get("as_of") or None, age_days=None, licence="the user's own",
            flags=(*kept, "own_price"), interruption_per_hour=interrupted,
            availability=stock or offer.availability,
        )  # fmt: skip


def _unmatched(
    cells: Mapping[str, str], catalogue: tuple[Offer, ...], same: list[Offer], *, where: str
) -> str:
    if same:
        regions = ", ".join(sorted({o.region or "(none)" for o in same}))
        return f"{where}: region: {cells['region']!r} is not known for {cells['instance']} (known: {regions})"
    instances = sorted({o.instance for o in catalogue if o.seller == cells["seller"]})
    names, field = (instances, "instance") if instances else (sorted({o.seller for o in catalogue}), "seller")
    close = get_close_matches(cells[field], names, n=2)
    hint = f"did you mean {' or '.join(close)}? " if close else ""
    remedy = f"{hint}a new one needs gpu and gpu_count"
    return f"{where}: {field}: {cells[field]!r} is not in the catalogue ({remedy})"
