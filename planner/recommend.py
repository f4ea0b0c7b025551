"""The answer to a scenario: decide, then say it."""

from __future__ import annotations

from datetime import date

from planner.answer.assemble import plan_of
from planner.answer.relax import infeasible
from planner.calibration.store import Calibration
from planner.decide import Progress, decide
from planner.plan import Plan
from planner.pricing.catalog import Catalog
from planner.profiles.store import Profiles
from planner.scenario import Scenario


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during a solve that already had a plan, which it carries."""

    def __init__(self, plan: Plan) -> None:
        super().__init__("interrupted; the best plan so far is kept")
        self.plan = plan


def recommend(
    scenario: Scenario,
    catalog: Catalog,
    profiles: Profiles,
    *,
    as_of: date,
    gap: float | None = None,
    time_limit_s: float | None = None,
    on_progress: Progress = lambda message: None,
    calibration: Calibration | None = None,
) -> Plan:
    """The cheapest plan that meets the scenario, as of the day `as_of`; `calibration` is the shipped one unless given.

    Raises Infeasible with the limits that bind and what relaxing each would give, NoAnswer when the solver's
    limits end before any answer, and `Interrupted` (with the incumbent) on Ctrl-C.
    """
    aged = catalog.aged(as_of)
    decided = decide(scenario, aged, profiles, gap=gap, time_limit_s=time_limit_s, on_progress=on_progress,
                     calibration=calibration)  # fmt: skip
    if decided.decision.status == "infeasible":
        on_progress("nothing fits; looking for the limits that bind")
        raise infeasible(decided, aged, profiles)
    plan = plan_of(decided, aged, profiles, as_of=as_of)
    if decided.decision.interrupted:
        raise Interrupted(plan)
    return plan
