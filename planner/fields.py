"""A wrong value, and the checks that every part of the question shares."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

from planner.errors import did_you_mean


class FieldError(ValueError):
    """A value is wrong; `field` says which part of what was given ("periods[2].requests_per_s")."""

    def __init__(self, message: str, *, field: str = "", hint: str | None = None) -> None:
        self.field = field
        self.hint = hint
        super().__init__(message)


def number(value: object, field: str, *, most: float, zero: bool = False) -> float:
    """`value` as a float above 0 (from 0 if `zero`) and at most `most`; raises FieldError otherwise.

    >>> number(3, "requests_per_s", most=10)
    3.0
    """
    if value is None:
        raise FieldError("missing", field=field)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FieldError(f"{str(value)[:40]!r} is not a number", field=field)
    if isinstance(value, float) and math.isnan(value):
        raise FieldError("nan is not a number", field=field)
    if value < 0 or (value == 0 and not zero):
        raise FieldError(f"{value} is not {'0 or more' if zero else 'above 0'}", field=field)
    if value > most:
        shown = f"{value:g}" if isinstance(value, float) else str(value)[:20]
        raise FieldError(f"{shown} is more than {most:g}", field=field)
    return float(value)


def listed(names: Collection[str], *, most: int = 12) -> str:
    """The names with commas, cut short when there are many.

    >>> listed(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    shown = ", ".join([*names][:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def only(given: Mapping[Any, Any], known: Collection[str], *, where: str = "") -> None:
    """Refuse keys other than `known`."""
    for key in given:
        if key not in known:
            hint = did_you_mean(str(key), known) or f"known: {listed(known)}"
            raise FieldError("unknown key", field=f"{where}{str(key)[:40]}", hint=hint)


def one_of(value: str, known: Collection[str], what: str) -> str:
    """`value` if it is among `known`, ignoring case; raises FieldError with the nearest names.

    >>> one_of("Spot", ("on_demand", "spot"), "term")
    'spot'
    """
    folded = value.strip().casefold()
    if folded in known:
        return folded
    hint = did_you_mean(folded, known) or f"one of {listed(sorted(known))}"
    raise FieldError(f"unknown {what} {value[:40]!r}", hint=hint)
