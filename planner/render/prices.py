"""The listings of prices themselves: offers, what a dollar buys, what moved, how it moved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from itertools import groupby
from typing import TYPE_CHECKING

from planner.canonical import to_data
from planner.plan import Offer
from planner.render.listing import Listing, Shown
from planner.render.spark import sparkline
from planner.render.words import dollars, number, place, plural, price_ages, term

if TYPE_CHECKING:
    from planner.pricing.compare import Change, PriceDiff
    from planner.pricing.history import PricePoint
    from planner.pricing.per_unit import Normalised

MOST_ON_A_PAGE = 50
OLD_DAYS = 30
"""A price this old is worth another look: list prices move a few times a year, spot every day."""
_OFFER = (
    Shown("GPU", lambda o: o.gpu, whole=True),
    Shown("Seller", lambda o: o.seller, whole=True),
    Shown("Instance", lambda o: o.instance),
    Shown("Count", lambda o: number(o.gpu_count), right=True),
    Shown("Where", place),
    Shown("Term", lambda o: term(o.term)),
    Shown("$/GPU-hour", lambda o: dollars(o.usd_per_gpu_hour), right=True),
    Shown("$/hour", lambda o: dollars(o.usd_per_hour), right=True),
    Shown("As of", lambda o: o.as_of or "undated", whole=True),
)
_FIELDS = tuple(f.name for f in fields(Offer))


def age_warning(offers: Iterable[Offer], *, limit_days: int = OLD_DAYS) -> str:
    """One line where prices are old or undated, else nothing."""
    rows = tuple(offers)
    old = [o.age_days for o in rows if o.age_days is not None and o.age_days > limit_days]
    undated = sum(o.as_of is None for o in rows)
    parts = []
    if old:
        parts.append(f"{len(old):,} older than {limit_days} days (the oldest {max(old)})")
    if undated:
        parts.append(f"{undated:,} undated")
    remedy = "check with the seller, or fetch new ones: planner prices refresh"
    return f"of {plural(len(rows), 'price')} {' and '.join(parts)}; {remedy}" if parts else ""


def offers(found: Iterable[Offer], *, left_out: int = 0) -> Listing:
    """Prices; `left_out` rows failed a sanity gate on import and are counted, not shown."""
    rows = tuple(found)
    return Listing(
        plural(len(rows), "offer"), rows, _OFFER, _offer_notes(rows, left_out), MOST_ON_A_PAGE, _FIELDS
    )


def _offer_notes(rows: Sequence[Offer], left_out: int) -> tuple[str, ...]:
    notes = [f"prices {price_ages(rows)}"] if rows else ["no offer matches"]
    if warning := age_warning(rows):
        notes.append(f"warning: {warning}")
    if left_out:
        notes.append(f"{plural(left_out, 'row')} of the sources failed a sanity gate and are left out")
    return tuple(notes)


_PER: Mapping[str, tuple[str, str]] = {
    "gpu": ("$/GPU-h", "usd_per_gpu_hour"),
    "gib": ("$/GiB-h", "usd_per_gib_hour"),
    "tbps": ("$/(TB/s)-h", "usd_per_tbps_hour"),
    "tflops": ("$/TFLOPS-h", "usd_per_tflops_hour"),
    "co2": ("g CO2/GPU-h", "grams_co2_per_gpu_hour"),
}


def offers_per_unit(
    found: Iterable[tuple[Offer, Normalised]], per: Sequence[str], *, left_out: int = 0
) -> Listing:
    """Prices with what a dollar buys: the columns asked for, ranked by the first of them."""
    pairs = tuple(found)
    rows = tuple({**to_data(offer), **to_data(figures)} for offer, figures in pairs)
    columns = [
        Shown("GPU", lambda row: row["gpu"], whole=True),
        Shown("Seller", lambda row: row["seller"], whole=True),
        Shown("Instance", lambda row: row["instance"]),
        Shown("Term", lambda row: term(row["term"])),
        *(_figure(name) for name in dict.fromkeys(("gpu", *per))),
    ]
    notes = list(_offer_notes(tuple(offer for offer, _ in pairs), left_out))
    if "tflops" in per:
        columns.append(Shown("TFLOPS are", lambda row: row["tflops_basis"] or "not known"))
        notes.append(
            "dense bf16; measured: the fastest matrix product in our tables; datasheet: a peak no kernel reaches"
        )
    header = (*_FIELDS, *(name for _, name in _PER.values() if name not in _FIELDS), "tflops_basis")
    title = plural(len(rows), "offer")
    if "co2" in per:
        notes.append("emissions at full load with host and cooling, average grid of the region or country")
    columns.append(Shown("As of", lambda row: row["as_of"] or "undated", whole=True))
    return Listing(title, rows, tuple(columns), tuple(notes), MOST_ON_A_PAGE, header)


def _figure(name: str) -> Shown:
    title, column = _PER[name]
    text = dollars if title.startswith("$") else number
    return Shown(title, lambda row: text(row[column]), right=True)


def difference(diff: PriceDiff, old: str, new: str) -> Listing:
    """What moved, came and went; the odd ones first, then by size."""
    columns = (
        Shown("Change", lambda c: c.change, whole=True),
        Shown("GPU", lambda c: c.gpu, whole=True),
        Shown("Seller", lambda c: c.seller, whole=True),
        Shown("Instance", lambda c: c.instance),
        Shown("Region", lambda c: c.region or ""),
        Shown("Term", lambda c: f"{term(c.term)} {c.payment.replace('_', ' ')}".strip()),
        Shown("Old $/GPU-h", lambda c: or_blank(c.old_usd_per_gpu_hour), right=True),
        Shown("New $/GPU-h", lambda c: or_blank(c.new_usd_per_gpu_hour), right=True),
        Shown("Change %", _moved, right=True),
        Shown("Suspicious", lambda c: c.suspicious),
    )
    counts = ", ".join(f"{diff.count(kind):,} {kind}" for kind in ("moved", "new", "gone"))
    title = f"{old} to {new}: {counts}, {diff.unchanged:,} unchanged"
    notes = (f"{plural(diff.suspicious, 'change')} to look at before planning on",) if diff.suspicious else ()
    names = ("change", "seller", "instance", "gpu", "region", "term", "payment", "old_usd_per_gpu_hour",
             "new_usd_per_gpu_hour", "percent", "suspicious", "old_as_of", "new_as_of")  # fmt: skip
    return Listing(title, diff.changes, columns, notes, MOST_ON_A_PAGE, names)


def or_blank(usd: float | None) -> str:
    """Dollars, or nothing where there is no such price."""
    return "" if usd is None else dollars(usd)


def _moved(change: Change) -> str:
    return "" if change.percent is None else f"{change.percent:+.1f}%"


def history(points: Iterable[PricePoint], gpu: str) -> Listing:
    """Prices by day, with a chart of the lowest and the median price of each term in one line each."""
    rows = tuple(points)
    columns = (
        Shown("Day", lambda p: p.day, whole=True),
        Shown("GPU", lambda p: p.gpu, whole=True),
        Shown("Term", lambda p: term(p.term)),
        Shown("Offers", lambda p: f"{p.offers:,}", right=True),
        Shown("Sellers", lambda p: f"{p.sellers:,}", right=True),
        Shown("Low", lambda p: dollars(p.low_usd_per_gpu_hour), right=True),
        Shown("Median", lambda p: dollars(p.median_usd_per_gpu_hour), right=True),
        Shown("High", lambda p: dollars(p.high_usd_per_gpu_hour), right=True),
    )
    charts = [line for _, group in groupby(rows, lambda p: (p.gpu, p.term)) for line in _charts(tuple(group))]
    if rows:
        charts.append("days differ in which sellers answered: see the counts before reading a trend")
    names = ("day", "gpu", "term", "offers", "sellers", "low_usd_per_gpu_hour", "median_usd_per_gpu_hour",
             "high_usd_per_gpu_hour")  # fmt: skip
    notes = tuple(charts) or ("no stored price matches",)
    return Listing(
        f"{gpu}: {plural(len(rows), 'day')} of prices, $/GPU-hour", rows, columns, notes, None, names
    )


def _charts(points: Sequence[PricePoint]) -> Iterable[str]:
    first, last = points[0], points[-1]
    for what in ("low", "median"):
        values = [getattr(p, f"{what}_usd_per_gpu_hour") for p in points]
        ends = f"{dollars(values[0])} to {dollars(values[-1])}"
        span = f"{first.day} to {last.day}"
        yield f"{first.gpu} {term(first.term)}, {what}: {sparkline(values)} {ends}, {span}"
