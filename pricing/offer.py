"""One offer: a thing that can be rented or owned at a price, and how it is written in a file.

The columns are those of `planner prices show`; their order is written out here, not derived, so that a new
field cannot silently change the published format. An empty cell is an unknown, never a zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from typing import Any

from planner.pricing.errors import PriceError

COLUMNS = (
    "seller", "instance", "gpu", "gpu_name_as_listed", "gpu_count", "gpu_memory_gib", "vcpus",
    "host_memory_gib", "region", "country", "zone", "term", "usd_per_hour", "usd_per_gpu_hour", "currency",
    "upfront_usd", "commitment_months", "interruption_per_hour", "availability", "source", "as_of",
    "age_days", "licence", "flags",
)  # fmt: skip
TERMS = ("on_demand", "spot", "committed_1y", "committed_3y", "capacity_block", "owned", "api")
COMMITMENT_MONTHS = {"committed_1y": 12, "committed_3y": 36}
PAYMENTS = ("no_upfront", "partial_upfront", "all_upfront")
"""How a commitment is paid; an offer carries it as the flag `payment:OPTION`, in the seller's own split."""
Key = tuple[str, str, str, str, str]


@dataclass(frozen=True, slots=True)
class Offer:
    """A price for one instance under one term; None is unknown."""

    seller: str
    instance: str
    gpu: str
    """Key of `profiles.gpus`; the slowest member where the listing is ambiguous (see `flags`)."""
    gpu_name_as_listed: str
    gpu_count: float
    """Can be a fraction (AWS g6f sells eighths of an L4)."""
    gpu_memory_gib: float | None
    """Per GPU, as listed."""
    vcpus: float | None
    host_memory_gib: float | None
    region: str | None
    country: str | None
    """ISO 3166 alpha-2."""
    zone: str | None
    term: str
    usd_per_hour: float
    """Whole instance, before tax."""
    usd_per_gpu_hour: float
    currency: str
    """The seller's own; the figures here are always USD."""
    upfront_usd: float | None
    commitment_months: int | None
    interruption_per_hour: float | None
    availability: float | None
    """Instances to be had at once; None where the seller states no limit."""
    source: str
    as_of: str | None
    age_days: int | None
    """None at rest; `Catalog.aged` fills it."""
    licence: str
    flags: tuple[str, ...]

    @property
    def key(self) -> Key:
        """What a newer row of the same offer replaces; each payment option of a commitment is its own."""
        term = self.term
        if term in COMMITMENT_MONTHS and self.payment:
            term = f"{term} {self.payment}"
        return self.seller, self.instance, self.region or "", self.gpu, term

    @property
    def payment(self) -> str:
        """One of `PAYMENTS`, or nothing where the seller names none; nothing upfront is an option too."""
        found = next((flag for flag in self.flags if flag.startswith("payment:")), "")
        committed = self.term in COMMITMENT_MONTHS and self.upfront_usd == 0
        return found.removeprefix("payment:") or ("no_upfront" if committed else "")

    @property
    def ambiguous_gpus(self) -> tuple[str, ...]:
        """The GPUs the listing may mean, slowest first; empty when it is clear."""
        found = next((flag for flag in self.flags if flag.startswith("ambiguous_gpu:")), "")
        return tuple(found.removeprefix("ambiguous_gpu:").split("|")) if found else ()

    @property
    def label(self) -> str:
        """One line for messages: `aws p5.48xlarge us-east-1 spot`."""
        return " ".join((self.seller, self.instance, self.region or "(no region)", self.term))


def _text(cell: str) -> str:
    if not cell:
        raise ValueError("is empty")
    return cell


def _optional_text(cell: str) -> str | None:
    return cell or None


def _positive(cell: str) -> float:
    value = float(cell)
    if not 0 < value < math.inf:
        raise ValueError("is not above 0")
    return value


def _optional_positive(cell: str) -> float | None:
    return _positive(cell) if cell else None


def _optional_amount(cell: str) -> float | None:
    if not cell:
        return None
    value = float(cell)
    if not 0 <= value < math.inf:
        raise ValueError("is negative or not finite")
    return value


def _optional_count(cell: str) -> int | None:
    value = _optional_amount(cell)
    if value is not None and value != int(value):
        raise ValueError("is not a whole number")
    return None if value is None else int(value)


def _term(cell: str) -> str:
    if cell not in TERMS:
        close = get_close_matches(cell, TERMS, n=1)
        raise ValueError(
            f"is not a term, did you mean {close[0]}?" if close else f"is not one of {', '.join(TERMS)}"
        )
    return cell


def _day(cell: str) -> str | None:
    if cell:
        try:
            date.fromisoformat(cell)
        except ValueError as error:
            raise ValueError("is not a date like 2026-08-22") from error
    return cell or None


def _flags(cell: str) -> tuple[str, ...]:
    return tuple(cell.split()) if cell else ()


PARSERS: Mapping[str, Callable[[str], Any]] = {
    "seller": _text, "instance": _text, "gpu": _text, "gpu_name_as_listed": _text, "gpu_count": _positive,
    "gpu_memory_gib": _optional_positive, "vcpus": _optional_positive,
    "host_memory_gib": _optional_positive, "region": _optional_text, "country": _optional_text,
    "zone": _optional_text, "term": _term, "usd_per_hour": _positive, "usd_per_gpu_hour": _positive,
    "currency": _text, "upfront_usd": _optional_amount, "commitment_months": _optional_count,
    "interruption_per_hour": _optional_amount, "availability": _optional_amount, "source": _text,
    "as_of": _day, "age_days": _optional_count, "licence": _text, "flags": _flags,
}  # fmt: skip


def parse_cell(column: str, cell: str, *, where: str) -> Any:
    """The value of one cell; raises `PriceError` naming file, row, column, value and what is wrong.

    >>> parse_cell("gpu_count", "0.125", where="offers.csv: row 2")
    0.125
    """
    try:
        return PARSERS[column](cell)
    except ValueError as error:
        reason = str(error) if str(error).startswith("is ") else "is not a number"
        raise PriceError(f"{where}: {column}: {cell!r} {reason}") from error


def write_cell(value: object) -> str:
    """The inverse of `parse_cell`: shortest text that reads back as the same value.

    >>> write_cell(None), write_cell(2.0), write_cell(("marketplace", "broker"))
    ('', '2', 'marketplace broker')
    """
    if value is None:
        return ""
    if isinstance(value, tuple):
        return " ".join(value)
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value)


def to_row(offer: Offer) -> tuple[str, ...]:
    """The offer as text cells in the order of `COLUMNS`."""
    return tuple(write_cell(getattr(offer, column)) for column in COLUMNS)
