"""The month as a few slices of hours in which every workload has one rate.

Each workload brings its own load-duration curve, busiest hours first. Laid over each other they assume that
all workloads are busiest at the same time: no clock says otherwise, and a fleet sized so never falls short.

Work with a deadline may wait for quiet hours inside it. A deadline of a week or more sees busy and quiet hours in
the proportion of the month, so it is open in its part of every slice; a shorter one is taken to fall into the
busiest hours. All such work arrives together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from planner.demand import Demand
from planner.pricing.money import HOURS_PER_MONTH

WEEK_H = 168.0


@dataclass(frozen=True, slots=True)
class Slice:
    """Hours per month, and the rate of each workload during them.

    `deadlines`: hours a month within which a workload's volume must be done, at any rate; None where requests come
    when they come. The rate of such work is then its mean within the deadline, 0 in slices it cannot reach.
    """

    hours: float
    rates: tuple[float, ...]
    deadlines: tuple[float | None, ...] = ()

    def deadline(self, workload: int) -> float | None:
        """Of one workload."""
        return self.deadlines[workload] if self.deadlines else None

    def open_hours(self, workload: int) -> float:
        """Hours of the slice in which the workload may run: its part where a long deadline leaves out the rest."""
        deadline = self.deadline(workload)
        return self.hours * (
            deadline / HOURS_PER_MONTH if deadline is not None and deadline >= WEEK_H else 1.0
        )


def slices(demands: Sequence[Demand], deadlines: Sequence[float | None] = ()) -> tuple[Slice, ...]:
    """Common slices of several load-duration curves, busiest first; neighbours with equal rates are one.

    >>> a, b = Demand.constant(2), Demand.volume(3600, deadline_hours=1)
    >>> [(s.hours, s.rates) for s in slices([a, b], [None, 1.0])]
    [(1.0, (2.0, 1.0)), (729.0, (2.0, 0.0))]
    >>> [(s.hours, s.rates) for s in slices([a, Demand.volume(365 * 3600, deadline_hours=365)], [None, 365.0])]
    [(730.0, (2.0, 1.0))]
    """
    limits = tuple(deadlines) if any(deadlines) else ()
    long = {i: demands[i].peak_requests_per_s for i, d in enumerate(limits) if d is not None and d >= WEEK_H}
    flat = [Demand.constant(long[i]) if i in long else d for i, d in enumerate(demands)]
    return tuple(replace(s, deadlines=limits) for s in _laid_over(flat))


def _laid_over(demands: Sequence[Demand]) -> tuple[Slice, ...]:
    ends = [np.cumsum([p.hours_per_month for p in d.periods]) for d in demands]
    cuts = np.unique(np.round(np.concatenate(ends), 9))
    found: list[Slice] = []
    start = 0.0
    for cut in cuts[cuts <= HOURS_PER_MONTH + 1e-6]:
        middle = 0.5 * (start + cut)
        rates = tuple(_rate_at(d, e, middle) for d, e in zip(demands, ends, strict=True))
        if cut - start > 1e-6:
            if found and found[-1].rates == rates:
                found[-1] = Slice(found[-1].hours + float(cut - start), rates)
            else:
                found.append(Slice(float(cut - start), rates))
        start = float(cut)
    return tuple(found)


def _rate_at(demand: Demand, ends: np.ndarray[tuple[int], np.dtype[np.float64]], hour: float) -> float:
    i = int(np.searchsorted(ends, hour, side="right"))
    return demand.periods[min(i, len(demand.periods) - 1)].requests_per_s
