"""What a purchaser may change in a report: named numbers beside the plan, each with its source.

A cost the plan does not know is left out of the totals and says so; give it, and it counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from planner.errors import InputError, did_you_mean

Unit = Literal["share", "usd_per_month", "usd_once", "per_usd"]
GIVEN = "given for this report"
NOT_IN_PLAN = "not in the plan, so not counted: ask, then fill in"


@dataclass(frozen=True, slots=True)
class Input:
    """One number: `row` is where it stands in the cost table, empty for rates."""

    name: str
    words: str
    value: float | None
    unit: Unit
    source: str
    row: str = ""


def _open(name: str, words: str, row: str, unit: Unit = "usd_per_month") -> Input:
    return Input(name, words, None, unit, NOT_IN_PLAN, row)


INPUTS = (
    Input("discount_rate", "Discount rate a year", None, "share", ""),
    Input("price_change_per_year", "Change of rental and API prices a year", 0.0, "share",
          "assumption: prices stay as quoted"),
    Input("fx_rate", "Units of the report's currency for one USD", 1.0, "per_usd", "the plan is in USD"),
    _open("power_usd_per_month", "Power and cooling not inside a rent or an owned unit", "Power and cooling"),
    _open("hosting_usd_per_month", "Hosting, colocation", "Hosting"),
    _open("network_usd_per_month", "Network, egress", "Network"),
    _open("support_usd_per_month", "Support contracts", "Support"),
    _open("staff_usd_per_month", "Staff", "Staff"),
    _open("software_usd_per_month", "Software licences", "Software"),
    _open("migration_usd_once", "Migration, once at the start", "Migration", "usd_once"),
    _open("disposal_usd_once", "Disposal less residual value, at the end", "Residual value or disposal", "usd_once"),
)  # fmt: skip
"""In the order they are listed."""


def inputs_of(given: Mapping[str, float], *, discount_rate: float, discount_source: str) -> tuple[Input, ...]:
    """All inputs, with what is given in place; InputError for an unknown name or an impossible rate."""
    known = {i.name: i for i in INPUTS}
    for name, value in given.items():
        if name not in known:
            raise InputError(
                f"--assume {name}: not an input", hint=did_you_mean(name, known) or ", ".join(known)
            )
        low, high = {"share": (-0.9, 2.0), "per_usd": (1e-9, 1e9)}.get(known[name].unit, (-1e12, 1e12))
        if not low <= value <= high:
            raise InputError(f"--assume {name}={value:g}: not between {low:g} and {high:g}")
    start = replace(known["discount_rate"], value=discount_rate, source=discount_source)
    return tuple(
        replace(i, value=given[i.name], source=GIVEN) if i.name in given else i
        for i in (start if i.name == "discount_rate" else i for i in INPUTS)
    )
