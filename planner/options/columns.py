"""The columns of the problem: an option in a slice of the month, in all of it, or by the hour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from planner.optimize.problem import ALL_PERIODS
from planner.options.interruptions import STARTS_PER_MONTH
from planner.options.periods import Slice
from planner.options.table import Option
from planner.pricing.money import HOURS_PER_MONTH

FLEXIBLE_TERMS = frozenset({"on_demand", "spot"})


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the problem: an option in one slice of the month, or in all (`ALL_PERIODS`).

    `held`: its units are those of a holding shared with other columns. `window_h`: a unit is one unit-hour, to be
    spent within so many hours.
    """

    option: Option
    period: int
    held: bool = False
    window_h: float | None = None


def columns_of(options: Sequence[Option], slices: Sequence[Slice]) -> list[Column]:
    """Columns of all options; a slice without demand for the workload needs none."""
    workloads = {o.workload for o in options}
    shared = len(workloads) > 1 and any(slices[0].deadline(w) for w in workloads)
    found = []
    for option in options:
        flexible, window = option.offer.term in FLEXIBLE_TERMS, slices[0].deadline(option.workload)
        if flexible and window is not None:
            found.append(Column(option, ALL_PERIODS, window_h=window))
        elif len(slices) > 1 and (flexible or shared or window is not None):
            open_ = (t for t, s in enumerate(slices) if s.rates[option.workload] > 0)
            found += [Column(option, t, held=not flexible) for t in open_]
        else:
            found.append(Column(option, ALL_PERIODS))
    return found


def paid_hours(column: Column, slices: Sequence[Slice]) -> float:
    """Hours a month for which one unit of a column is paid.

    The time to start comes on top for units that run a part of the month: it is laid on the busiest slice and taken
    off the last, so that units which run through all of them pay none.
    """
    start_h = column.option.cold_start.value / 3600.0
    if column.window_h is not None:
        return 1.0 + start_h / column.window_h
    if column.period == ALL_PERIODS:
        return float(HOURS_PER_MONTH)
    hours, last = slices[column.period].hours, len(slices) - 1
    starts = STARTS_PER_MONTH.value * start_h * ((column.period == 0) - (column.period == last))
    return max(hours + starts, 0.0)


def owned_entry(option: Option) -> tuple[str, float] | None:
    """Name and GPU count of the `[[owned]]` entry an option comes from."""
    flag = next((f for f in option.offer.flags if f.startswith("owned_entry:")), None)
    if flag is None:
        return None
    _, name, count = flag.split(":")
    return name, float(count)
