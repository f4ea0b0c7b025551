"""The chance that a plan keeps every limit: the share of the worlds in which it does."""

from __future__ import annotations

from planner.decide import Decided
from planner.worlds.draws import Draws
from planner.worlds.outlook import CERTAIN
from planner.worlds.score import kept, planned
from planner.worlds.speeds import Sampled
from planner.worlds.worlds import reach_of, worlds_of

DRAWS = Draws(seed=0, count=1000)
"""Of a pool of 440 measured curves each is drawn at least twice."""


def slo_probability(decided: Decided, draws: Draws = DRAWS) -> float | None:
    """Chance that at a busy moment every workload keeps every limit, in every slice of the month at once.

    Demand is what the scenario states. All replicas of one engine, model and GPU are as fast or slow together,
    different ones are not; spot capacity is gone for a share of the time, a whole failure domain at once.
    A hosted API is taken at its user's word. None for a plan without load.
    """
    if not decided.decision.shares.any():
        return None
    reach = reach_of(decided, only_used=True)
    errors = Sampled(draws, decided.configurations.calibration)
    worlds = worlds_of(decided, reach, errors, CERTAIN, draws)
    return float(kept(worlds, planned(reach, decided.decision)).mean())
