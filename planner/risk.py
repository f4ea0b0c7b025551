"""What uncertainty does to a plan: regret, the measurement that removes most of it, the plan of least regret.

Dollars are USD per month. Regret is what the plan costs, what it lacks rented besides, above the cheapest plan
of who knows the world; it is never negative.
"""

from __future__ import annotations

from dataclasses import dataclass

from planner.plan import Assumption


@dataclass(frozen=True, slots=True)
class Deciles:
    """Lowest tenth, middle and highest tenth over the worlds."""

    p10: float
    p50: float
    p90: float


@dataclass(frozen=True, slots=True)
class QuantilePlan:
    """The plan made on another side of the predictions: what it costs, keeps and regrets."""

    quantile: float
    usd_per_month: float
    slo_probability: float
    expected_regret_usd_per_month: float
    units: str


@dataclass(frozen=True, slots=True)
class Winner:
    """GPU models that together are cheapest in a share of the worlds."""

    gpus: tuple[str, ...]
    share: float


@dataclass(frozen=True, slots=True)
class Regret:
    """A plan scored over sampled worlds; the same seed and number of worlds give the same record.

    `slo_probability` is with the stated demand, `slo_probability_any_demand` with demand drawn too.
    `cheapest_probability`: the plan's own choice of machines, counts adapted, is within 1 % of the cheapest.
    """

    seed: int
    worlds: int
    usd_per_month: float
    expected_regret_usd_per_month: float
    p90_regret_usd_per_month: float
    slo_probability: float
    slo_probability_any_demand: float
    cheapest_probability: float
    cost_usd_per_month: Deciles
    perfect_usd_per_month: Deciles
    winners: tuple[Winner, ...]
    quantiles: tuple[QuantilePlan, ...]
    assumptions: tuple[Assumption, ...]


@dataclass(frozen=True, slots=True)
class Measurement:
    """A measurement not yet made: what it is of, and what knowing it before signing is worth a month.

    `speed_low` and `speed_high`: what the predicted throughput may turn out to be times, nine worlds of ten.
    The commands start the engine, load it and turn the result into a calibration that plans read.
    """

    gpu: str
    engine: str
    model: str
    basis: str
    speed_low: float
    speed_high: float
    in_plan: bool
    removes_usd_per_month: float
    share_of_regret: float
    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MeasureNext:
    """Measurements by what they remove of the expected regret, most first."""

    seed: int
    worlds: int
    expected_regret_usd_per_month: float
    measurements: tuple[Measurement, ...]
    assumptions: tuple[Assumption, ...]


@dataclass(frozen=True, slots=True)
class ScenarioRegret:
    """One thing that may turn out otherwise, the least cost then, and the regret of both plans."""

    scenario: str
    perfect_usd_per_month: float
    regret_usd_per_month: float
    regret_of_cheapest_usd_per_month: float


@dataclass(frozen=True, slots=True)
class Robust:
    """The plan of least maximum regret over the scenarios listed, beside the cheapest plan."""

    usd_per_month: float
    cheapest_usd_per_month: float
    max_regret_usd_per_month: float
    max_regret_of_cheapest_usd_per_month: float
    candidates: int
    scenarios: tuple[ScenarioRegret, ...]
    assumptions: tuple[Assumption, ...]
