"""The answer to a scenario: decide, then say it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from planner.answer.assemble import plan_of
from planner.answer.relax import infeasible
from planner.calibration.store import Calibration
from planner.decide import Decided, Progress, decide
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
    robust: bool = False,
) -> Plan:
    """The cheapest plan that meets the scenario, as of the day `as_of`; `calibration` is the shipped one unless given.

    With `robust` the one of least maximum regret over a set of scenarios, which the plan lists. Raises Infeasible
    with the limits that bind and what relaxing each would give, NoAnswer when the solver's limits end before any
    answer, and `Interrupted` (with the incumbent) on Ctrl-C.
    """
    aged = catalog.aged(as_of)
    decided = settled(scenario, aged, profiles, gap=gap, time_limit_s=time_limit_s, on_progress=on_progress,
                      calibration=calibration)  # fmt: skip
    plan = plan_of(decided, aged, profiles, as_of=as_of)
    if decided.decision.interrupted:
        raise Interrupted(plan)
    if robust:
        from planner.worlds.outlook import Outlook
        from planner.worlds.robust import robust_decision

        least, record = robust_decision(decided, outlook=Outlook(), on_progress=on_progress)
        plan = plan_of(least, aged, profiles, as_of=as_of)
        plan = replace(plan, analyses={**plan.analyses, "regret": record})
    return plan


def settled(
    scenario: Scenario,
    catalog: Catalog,
    profiles: Profiles,
    *,
    gap: float | None = None,
    time_limit_s: float | None = None,
    on_progress: Progress = lambda message: None,
    calibration: Calibration | None = None,
) -> Decided:
    """The decision behind a plan; raises Infeasible, with what would help, where there is none."""
    decided = decide(scenario, catalog, profiles, gap=gap, time_limit_s=time_limit_s, on_progress=on_progress,
                     calibration=calibration)  # fmt: skip
    if decided.decision.status == "infeasible":
        on_progress("nothing fits; looking for the limits that bind")
        raise infeasible(decided, catalog, profiles)
    return decided
