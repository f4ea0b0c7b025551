"""What it costs that units have to start and that spot is taken away.

Nobody publishes how often a given offer is interrupted or how long a given model takes to start, so both are
assumptions with a range, which the plan prints; `interruption_per_hour` of `[[prices]]` and `cold_start_s` of a
workload replace them.
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

from planner.estimate.evaluate import Evaluation
from planner.pricing.offer import Offer
from planner.workload import Workload


class Assumed(NamedTuple):
    """A number nobody measured here, and the range it may lie in."""

    value: float
    low: float
    high: float


AT_ONCE = Assumed(0.0, 0.0, 0.0)
INTERRUPTIONS_PER_HOUR = Assumed(0.02, 0.0002, 0.3)
"""Lowest as in published bands of 5 to 20 % a month, highest as thin markets behave on a bad day."""
BOOT_S = Assumed(180.0, 60.0, 900.0)
"""Time to get a machine, start the engine and compile."""
LOAD_BYTES_PER_S = Assumed(0.5e9, 0.2e9, 3e9)
"""Rate at which weights arrive: from a cold object store to a local disk."""
STARTS_PER_MONTH = Assumed(365 / 12, 10.0, 120.0)
"""Units that run a part of the month start once a day."""


def cold_start(evaluation: Evaluation, workload: Workload) -> Assumed:
    """Seconds from asking for a unit to its first answer.

    Boot plus weights over the rate at which they arrive; the workload's own `cold_start_s` where given.
    """
    if workload.cold_start_s is not None:
        return Assumed(*[workload.cold_start_s] * 3)
    weights, rate = evaluation.memory.weights * evaluation.layout.gpus, LOAD_BYTES_PER_S
    return Assumed(
        BOOT_S.value + weights / rate.value,
        BOOT_S.low + weights / rate.high,
        BOOT_S.high + weights / rate.low,
    )


def interruptions_per_hour(offer: Offer) -> float:
    """Chance per hour that a spot unit is taken away, 0 for other terms."""
    if offer.term != "spot":
        return 0.0
    known = offer.interruption_per_hour
    return INTERRUPTIONS_PER_HOUR.value if known is None else known


def interruption_overhead(
    per_hour: float, *, restart_s: float, checkpoint_s: float = 0.0, lost_s: float = 0.0
) -> float:
    """Time lost to interruptions as a share of useful time (Young 1974, Daly 2006).

    A job that writes checkpoints of `checkpoint_s` at the best interval, sqrt(2 C / mu), pays sqrt(2 C mu); one of
    independent requests needs none and loses `lost_s` of work each time. Both pay mu x `restart_s`.

    >>> round(interruption_overhead(1 / 3.1, restart_s=0, checkpoint_s=60), 3)
    0.104
    >>> interruption_overhead(0.05, restart_s=720)
    0.01
    """
    per_s = per_hour / 3600.0
    return sqrt(2.0 * checkpoint_s * per_s) + per_s * (restart_s + lost_s)


def failure_domain(offer: Offer) -> str | None:
    """What vanishes together: all spot of one seller in one region, of whatever GPU; None for other terms.

    Where the seller names no region, all it sells is one domain.
    """
    if offer.term != "spot":
        return None
    return " ".join(filter(None, (offer.seller, offer.region or offer.country, "spot")))
