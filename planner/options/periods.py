"""The month as a few slices of hours in which every workload has one rate.

Each workload brings its own load-duration curve, busiest hours first. Laid over each other they assume that
all workloads are busiest at the same time: no clock says otherwise, and a fleet sized so never falls short.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.demand import Demand
from planner.pricing.money import HOURS_PER_MONTH


@dataclass(frozen=True, slots=True)
class Slice:
    """Hours per month, and the rate of each workload during them."""

    hours: float
    rates: tuple[float, ...]


def slices(demands: Sequence[Demand]) -> tuple[Slice, ...]:
    """Common slices of several load-duration curves, busiest first; neighbours with equal rates are one.

    >>> a, b = Demand.constant(2), Demand.volume(3600, deadline_hours=1)
    >>> [(s.hours, s.rates) for s in slices([a, b])]
    [(1.0, (2.0, 1.0)), (729.0, (2.0, 0.0))]
    """
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
