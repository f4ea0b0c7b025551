"""A question kept warm: its estimates, options and solved parts serve the next small change.

A session does not change; `change` gives another one. What they share is only memory of finished work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

from planner.analysis.arbitrage import arbitrage
from planner.analysis.case import Case, Memory
from planner.analysis.explain import Pattern, explain
from planner.analysis.flip import flips
from planner.analysis.frontier import frontier
from planner.analysis.kernel_value import Speedups, kernel_value
from planner.analysis.lock_in import Locked, lock_in
from planner.analysis.records import Arbitrage, Explained, Flips, Frontier, KernelValue, LockIn
from planner.answer.assemble import plan_of
from planner.answer.relax import infeasible
from planner.calibration.store import Calibration
from planner.decide import Progress, decide
from planner.errors import InputError, check_known, did_you_mean
from planner.inputs import changed, scaled
from planner.optimize.problem import Decision, Problem
from planner.optimize.solve import solve
from planner.plan import Plan
from planner.pricing.catalog import Catalog
from planner.profiles.store import Profiles
from planner.scenario import Scenario

STUDIES: Mapping[str, Callable[[Case], object]] = {
    "explain": lambda case: explain(case, Pattern()),
    "flip": flips,
    "kernel_value": kernel_value,
    "lock_in": lock_in,
    "arbitrage": arbitrage,
    "frontier": frontier,
}
"""What `Plan.analyses` holds under each name."""


@dataclass(frozen=True, eq=False)
class Session:
    """One feasible question, its plan and its analyses; each is computed when it is first looked at."""

    case: Case
    as_of: date

    @property
    def scenario(self) -> Scenario:
        """The question."""
        return self.case.scenario

    @cached_property
    def bare_plan(self) -> Plan:
        """The plan without analyses."""
        return plan_of(self.case.decided, self.case.catalog, self.case.profiles, as_of=self.as_of)

    @cached_property
    def plan(self) -> Plan:
        """The plan with every analysis in it."""
        found = {name: study(self.case) for name, study in STUDIES.items()}
        return replace(self.bare_plan, analyses={**self.bare_plan.analyses, **found})

    def explain(self, **pattern: str | None) -> Explained:
        """Why what matches is in or out; words as in `Pattern`."""
        return explain(self.case, Pattern(**pattern))

    def flip(self) -> Flips:
        """Where the plan turns."""
        return flips(self.case)

    def kernel_value(self, speedups: Speedups | None = None) -> KernelValue:
        """What each kernel is worth; with `speedups` what making variants faster would save."""
        return kernel_value(self.case, speedups)

    def lock_in(
        self,
        *,
        engine: str | None = None,
        vendor: str | None = None,
        seller: str | None = None,
        term: str | None = None,
    ) -> LockIn:
        """What avoiding lock-in and being locked in cost; the names are what the split locks in."""
        return lock_in(self.case, Locked(engine, vendor, seller, term))

    def arbitrage(self) -> Arbitrage:
        """The same demand bought every way."""
        return arbitrage(self.case)

    def frontier(self) -> Frontier:
        """Cost against latency, spot share, measured share and carbon."""
        return frontier(self.case)

    def change(
        self,
        *,
        price: Mapping[str, float] | None = None,
        rate: Mapping[str, float] | None = None,
        limit: Mapping[str, object] | None = None,
    ) -> Session:
        """The session of a slightly other question.

        `price`: USD per hour of an instance by the offer's label (`Offer.label`); `rate`: requests per second at the
        peak by workload; `limit`: values by dotted path, `{"constraints.spare_replicas": 1}`. Raises InputError for
        a label or path that is not there, Infeasible (with the limits that bind) where no plan is left.
        """
        scenario = self.scenario
        for workload, peak in (rate or {}).items():
            check_known("rate", [workload], scenario.workloads)
            now = scenario.workloads[workload].demand.peak_requests_per_s
            if not peak > 0:
                raise InputError(f"rate: {workload}: {peak:g} is not above 0")
            scenario = scaled(scenario, peak / now, workload=workload)
        if limit:
            scenario = changed(scenario, limit)
        if price:
            rows = [row.model_dump(exclude_none=True) for row in scenario.prices]
            scenario = changed(
                scenario, {"prices": [*rows, *(self._own_price(*pair) for pair in price.items())]}
            )
        return ask(scenario, self.case.catalog, self.case.profiles, as_of=self.as_of, like=self)

    def _own_price(self, label: str, usd_per_hour: float) -> dict[str, object]:
        known = {o.label: o for o in self.case.market if o.term != "owned"}
        if label not in known:
            near = did_you_mean(label, known) or "use the label of an offer, `seller instance region term`"
            raise InputError(f"price: no offer {label!r}", hint=near)
        offer = known[label]
        row = {"seller": offer.seller, "instance": offer.instance, "region": offer.region, "term": offer.term}
        return {**{k: v for k, v in row.items() if v is not None}, "usd_per_hour": usd_per_hour}


def ask(
    scenario: Scenario,
    catalog: Catalog,
    profiles: Profiles,
    *,
    as_of: date,
    calibration: Calibration | None = None,
    on_progress: Progress = lambda message: None,
    like: Session | None = None,
) -> Session:
    """Decide a question for its analyses, on offers aged to `as_of`; `like` lends its memory.

    Raises Infeasible with the limits that bind, as `recommend` does.
    """
    memory = Memory() if like is None else like.case.memory

    def solver(problem: Problem) -> Decision:
        found = memory.family.decide(problem)
        budget = problem.limits.budget_usd_per_hour
        if found is None or (budget is not None and found.usd_per_hour > budget):
            return solve(problem)  # and if nothing fits, say why
        return found

    aged = catalog.aged(as_of)
    decided = decide(
        scenario, aged, profiles, on_progress=on_progress, calibration=calibration, solver=solver,
        like=None if like is None else like.case.decided,
    )  # fmt: skip
    if decided.decision.status == "infeasible":
        on_progress("nothing fits; looking for the limits that bind")
        raise infeasible(decided, aged, profiles)
    return Session(Case(decided, aged, profiles, memory), as_of)
