"""Numbers and names as a reader sees them. What is not known says so; it never turns into a zero."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import date

from planner.plan import BASES, Offer, Placement
from planner.records import Quantity

UNKNOWN = "not known"
TERMS = {
    "on_demand": "on demand",
    "spot": "spot",
    "committed_1y": "committed 1 year",
    "committed_3y": "committed 3 years",
    "owned": "owned",
    "api": "hosted API",
}


def number(x: float | None) -> str:
    """Three significant digits for small numbers, whole ones with separators for large.

    >>> number(12345.6), number(0.123456), number(8.0), number(None)
    ('12,346', '0.123', '8', 'not known')
    """
    if x is None:
        return UNKNOWN
    if abs(x) >= 100:
        return f"{x:,.0f}"
    return f"{x:.3g}"


def dollars(x: float | None) -> str:
    """Whole dollars from $100, cents from $1, and three significant digits below, as token prices need.

    >>> dollars(38120.4), dollars(1.4), dollars(0.35), dollars(0.04217), dollars(None)
    ('$38,120', '$1.40', '$0.35', '$0.0422', 'not known')
    """
    if x is None:
        return UNKNOWN
    size = abs(x)
    amount = f"{size:,.{0 if size >= 100 else 2}f}" if size >= 1 or not size else _below_one(size)
    return f"{'-' if x < 0 else ''}${amount}"


def _below_one(x: float) -> str:
    digits = 2 - math.floor(math.log10(x))
    whole, fraction = f"{x:.{digits}f}".split(".")
    return f"{whole}.{fraction.rstrip('0').ljust(2, '0')}"


def percent(share: float | None) -> str:
    """A share as a percentage; small ones keep a decimal.

    >>> percent(0.62), percent(0.0042), percent(None)
    ('62%', '0.4%', 'not known')
    """
    if share is None:
        return UNKNOWN
    return f"{100 * share:.0f}%" if abs(share) >= 0.1 or share == 0 else f"{100 * share:.1f}%"


def interval(q: Quantity | None) -> str:
    """Value with its 80 % interval.

    >>> interval(Quantity(412.3, 350.0, 509.6, "calibrated"))
    '412 (350 to 510)'
    """
    return UNKNOWN if q is None else f"{number(q.value)} ({number(q.low)} to {number(q.high)})"


def stacked(q: Quantity | None) -> str:
    """Value above its interval, for a narrow column."""
    return UNKNOWN if q is None else f"{number(q.value)}\n{number(q.low)} to {number(q.high)}"


def term(name: str) -> str:
    """A term in plain words.

    >>> term("committed_1y"), term("committed_6m")
    ('committed 1 year', 'committed 6m')
    """
    return TERMS.get(name, name.replace("_", " "))


def plural(count: int, noun: str) -> str:
    """Count with its noun.

    >>> plural(1, "unit"), plural(3, "unit")
    ('1 unit', '3 units')
    """
    return f"{count:,} {noun if count == 1 else noun + 's'}"


def hardware(offer: Offer) -> str:
    """GPUs of one unit, such as `8 x h100_sxm`; the count can be a fraction."""
    return f"{offer.gpu_count:g} x {offer.gpu}"


def place(offer: Offer) -> str:
    """Region and country, as far as they are known."""
    known = [offer.region or "", f"({offer.country})" if offer.country else ""]
    return " ".join(p for p in known if p) or f"region {UNKNOWN}"


def stack(p: Placement) -> tuple[str, ...]:
    """What runs on a placement, in short lines: engine, precisions, replicas and layout, batch limit."""
    if p.engine is None:
        return ("run by the seller",)
    version = p.estimate.engine_version if p.estimate and p.estimate.engine_version else ""
    replicas = f"{p.replicas_per_unit} x " if p.replicas_per_unit and p.replicas_per_unit > 1 else ""
    lines = (
        f"{p.engine} {version}".strip(),
        f"{p.weight_precision or UNKNOWN}, KV {p.kv_precision or UNKNOWN}",
        f"{replicas}{p.layout}" if p.layout else "",
        f"batch up to {p.batch_limit}" if p.batch_limit else "",
    )
    return tuple(line for line in lines if line)


def price_ages(offers: Iterable[Offer]) -> str:
    """How old the prices of these offers are; unknown dates are counted, never guessed."""
    offers = tuple(dict.fromkeys(offers))
    ages = sorted(o.age_days for o in offers if o.age_days is not None)
    dated = sorted(o.as_of for o in offers if o.as_of)
    undated = sum(1 for o in offers if not o.as_of)
    parts = []
    if dated:
        span = dated[0] if dated[0] == dated[-1] else f"{dated[0]} to {dated[-1]}"
        parts.append(f"dated {span}" + (f", oldest {plural(ages[-1], 'day')} old" if ages else ""))
    if undated:
        parts.append(f"date not known for {undated:,} of {plural(len(offers), 'offer')}")
    return "; ".join(parts) or "no offer used"


def bases(quantities: Iterable[Quantity | None]) -> str:
    """The bases present, best evidence first."""
    present = {q.basis for q in quantities if q is not None}
    return ", ".join(b for b in BASES if b in present) or UNKNOWN


def long_date(iso: str) -> str:
    """A date to read: `22 November 2026`; the text itself where it is no date.

    >>> long_date("2026-11-22"), long_date("soon")
    ('22 November 2026', 'soon')
    """
    try:
        day = date.fromisoformat(iso)
    except ValueError:
        return iso
    return f"{day.day} {day:%B %Y}"
