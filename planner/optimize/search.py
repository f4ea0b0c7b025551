"""One pruned problem, solved group by group where nothing couples the groups, every answer judged."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from planner.errors import NoAnswer
from planner.optimize import child, contest, highs
from planner.optimize.arrays import Arrays
from planner.optimize.check import Proposal, objective, usd_per_hour, violations
from planner.optimize.highs import Answer, Stops
from planner.optimize.model import Model, build
from planner.optimize.problem import Decision, Problem, Status
from planner.optimize.rounding import rounded
from planner.optimize.single import best_single, greedy, plan_of

Engine = Callable[[Arrays, Stops], Answer]

OPTIMAL_GAP = 1e-6
CHILD_COLUMNS = 50_000
"""HiGHS overran a 30 s limit to 102 s on 306k columns; above this size it runs where it can be killed."""
SMALL_OPTIONS = 300
"""Up to here contested limits are solved jointly to the proof; it takes a second or two."""
JOINT_OPTIONS = 6_000
"""From here a joint model finds nothing better in the time the groups took apart: benchmarks/optimizer.py."""
THINNED = "spare units: too many sizes of unit to try all; the plan is safe, the bound is for those tried"


@dataclass(frozen=True)
class Search:
    """How to solve: the engine and when it stops."""

    engine: Engine
    stops: Stops

    def decide(self, problem: Problem, known: Proposal | None = None) -> Decision | None:
        """The cheapest plan, or None when no plan satisfies the limits.

        A budget limits the objective itself (unless load may go unserved): the minimum is found without it
        and compared. Only a minimum left unproven on both sides of the budget is searched again with it.
        """
        budget = problem.limits.budget_usd_per_hour
        free = problem if problem.unserved_allowed else problem.changed(budget_usd_per_hour=None)
        decision = self.decide_by_group(free, known)
        if decision is None or not violations(problem, as_proposal(decision)):
            return decision
        if budget is None or decision.bound > budget or decision.status == "optimal":
            return None
        return self.decide_jointly(problem, None, most_usd=budget)

    def decide_by_group(self, p: Problem, known: Proposal | None) -> Decision | None:
        """Groups apart first: exact when the parts together keep the shared limits, else a bound."""
        groups = p.linked_groups
        if len(groups) < 2:
            return self.decide_jointly(p, known)
        clock = _Clock(self.stops.seconds)
        parts: list[contest.Part] = []
        # Many small proofs add up: here the gap asked for is enough.
        lean = replace(self.stops, nodes_within_gap=0) if len(p.options) > SMALL_OPTIONS else self.stops
        search = replace(self, stops=lean)
        for i, group in enumerate(groups):
            # Half of the time is for the first pass; what one group leaves the next may use.
            search = search.within(0.5 * clock.total * (i + 1) / len(groups) - clock.spent())
            part = search.decide_jointly(p.only(group), None)
            if part is None:
                return None
            parts.append((group, part))
            if part.interrupted:
                search = search.within(0.0)
        parts = replace(self, stops=lean)._closer(p, parts, clock)
        bound = sum(part.bound for _, part in parts)
        if not violations(p, contest.union(p, parts)):
            return self._whole(p, parts, bound)
        return replace(self, stops=lean)._contested(p, parts, bound, known, clock)

    def _closer(self, p: Problem, parts: list[contest.Part], clock: _Clock) -> list[contest.Part]:
        """The groups that keep the whole from the gap asked for, once more with half of the time that is left."""
        found = list(parts)
        for i in sorted(range(len(parts)), key=lambda i: parts[i][1].bound - parts[i][1].usd_per_hour):
            groups, part = found[i]
            usd, bound = (sum(getattr(x, name) for _, x in found) for name in ("usd_per_hour", "bound"))
            if usd - bound <= self.stops.gap * usd or part.gap <= OPTIMAL_GAP or part.interrupted:
                break
            again = self.within(0.5 * clock.left()).decide_jointly(p.only(groups), as_proposal(part))
            if again is not None:
                found[i] = (
                    groups,
                    _restated(p.only(groups), again, max(part.bound, again.bound), self.stops.gap),
                )
        return found

    def _contested(
        self, p: Problem, parts: list[contest.Part], bound: float, known: Proposal | None, clock: _Clock
    ) -> Decision | None:
        """Groups that ask too much of a limit together: they yield in turn; if that proves too little, all at once."""
        each = clock.left() / min(len(parts), 8)

        def one(problem: Problem, plan: Proposal | None) -> Decision | None:
            try:
                return self.within(min(each, clock.left())).decide_jointly(problem, plan)
            except NoAnswer:
                return None

        found = contest.settle(p, parts, one, more=lambda: clock.spent() < 0.75 * clock.total)
        settled = None if found is None else self._whole(p, found, bound)
        if settled is not None and violations(p, as_proposal(settled)):
            settled = None
        if settled is not None and (settled.gap <= self.enough(p) or len(p.options) > JOINT_OPTIONS):
            return settled
        best = known if settled is None else as_proposal(settled)
        joint = self.within(clock.left()).decide_jointly(p, best)
        return None if joint is None else _restated(p, joint, max(bound, joint.bound), self.stops.gap)

    def enough(self, p: Problem) -> float:
        """The gap at which groups that yielded in turn need not be solved all at once."""
        return self.stops.gap if len(p.options) > SMALL_OPTIONS else OPTIMAL_GAP

    def _whole(self, p: Problem, parts: list[contest.Part], bound: float) -> Decision:
        plan = contest.union(p, parts)
        whole = replace(
            parts[0][1],
            units=plan.units,
            shares=plan.shares,
            unserved=plan.unserved,
            usd_per_hour=usd_per_hour(p, plan),
            notes=tuple(dict.fromkeys(note for _, part in parts for note in part.notes)),
            nodes=sum(part.nodes for _, part in parts),
            interrupted=any(part.interrupted for _, part in parts),
        )
        return _restated(p, whole, bound, self.stops.gap)

    def decide_jointly(
        self, p: Problem, known: Proposal | None, *, most_usd: float | None = None
    ) -> Decision | None:
        """Solve, check independently, and try once more with other settings when the answer does not hold."""
        incumbent = best_known(p, known)
        if most_usd is None:
            most_usd = np.inf if incumbent is None else objective(p, incumbent)
        model = build(p, most_usd_per_hour=most_usd, budget_row=p.limits.budget_usd_per_hour is not None)
        notes = [] if model.exact else [THINNED]
        for stops in (self.stops, replace(self.stops, presolve=False)):
            answer = self.run(model.arrays, stops)
            plan = None if answer.values is None else rounded(p, model, answer.values)
            doubt = _doubt(p, model, answer, plan, incumbent)
            if doubt is None:
                break
            notes.append(f"solver's answer not used: {doubt}")
        else:
            plan, answer = None, replace(answer, ended="failed", bound=0.0)
        if answer.ended == "infeasible" and incumbent is None:
            return None
        standing = [q for q in (plan, incumbent) if q is not None and not violations(p, q)]
        if not standing:
            raise NoAnswer(f"the search ended ({answer.ended}) before any plan was found; allow more time")
        best = min(standing, key=lambda q: objective(p, q))
        return _decision(p, best, answer, self.stops.gap, tuple(notes))

    def run(self, arrays: Arrays, stops: Stops) -> Answer:
        """In this process, or where it can be killed when the model is large."""
        if len(arrays.cost) > CHILD_COLUMNS and self.engine is highs.run:
            return child.run(arrays, stops)
        return self.engine(arrays, stops)

    def within(self, seconds: float) -> Search:
        """The same search with this clock guard; 0 leaves only the plans known without a solver."""
        limit = None if seconds == np.inf else max(seconds, 0.0)
        return replace(self, stops=replace(self.stops, seconds=limit))


class _Clock:
    """Seconds since it was made, and those of the whole search (inf without a guard)."""

    def __init__(self, seconds: float | None) -> None:
        self.total = np.inf if seconds is None else seconds
        self._began = time.perf_counter()

    def spent(self) -> float:
        return time.perf_counter() - self._began

    def left(self) -> float:
        return self.total - self.spent()


def best_known(p: Problem, known: Proposal | None) -> Proposal | None:
    """The cheapest plan that needs no solver, checked; so no answer is worse than the best single option."""
    single = best_single(p)
    found = [None if single is None else plan_of(p, single), greedy(p)]
    nobody = np.zeros(len(p.classes))
    plans = [known, *(Proposal(*plan, nobody) for plan in found if plan is not None)]
    if p.unserved_allowed:
        everybody = (p.demand_per_s > 0).astype(float)
        plans.append(
            Proposal(np.zeros(len(p.options), np.int64), np.zeros(p.capacity_per_s.shape), everybody)
        )
    standing = [plan for plan in plans if plan is not None and not violations(p, plan)]
    return min(standing, key=lambda plan: objective(p, plan), default=None)


def as_proposal(decision: Decision) -> Proposal:
    """The plan inside a decision, to be judged."""
    return Proposal(decision.units, decision.shares, decision.unserved)


def _doubt(
    p: Problem, model: Model, answer: Answer, plan: Proposal | None, incumbent: Proposal | None
) -> str | None:
    """Why the solver's answer cannot be right, or None. Being stopped early is no reason for doubt."""
    known = np.inf if incumbent is None else objective(p, incumbent)
    line = None
    if answer.ended == "failed":
        line = "it failed"
    elif answer.ended == "infeasible" and incumbent is not None and model.exact:
        line = f"it says infeasible, but a plan for {known:.6g} USD per hour exists"
    elif np.isfinite(answer.bound) and answer.bound > known * (1 + OPTIMAL_GAP) + 1e-9 and model.exact:
        line = f"its bound of {answer.bound:.6g} is above a known plan of {known:.6g} USD per hour"
    elif plan is not None and answer.ended == "optimal":
        line = next(iter(violations(p, plan)), None)
    return line


def _decision(p: Problem, plan: Proposal, answer: Answer, gap: float, notes: tuple[str, ...]) -> Decision:
    blank = Decision(
        status="limit",
        units=plan.units,
        shares=plan.shares,
        unserved=plan.unserved,
        usd_per_hour=usd_per_hour(p, plan),
        bound=0.0,
        gap=1.0,
        seconds=0.0,
        notes=notes,
        nodes=answer.nodes,
        interrupted=answer.interrupted,
    )
    return _restated(p, blank, answer.bound, gap)


def _restated(p: Problem, decision: Decision, bound: float, gap: float) -> Decision:
    """The decision with this bound, and the status it allows. A bound that is not a number counts as 0."""
    cost = objective(p, as_proposal(decision))
    proven = float(np.clip(bound, 0.0, cost)) if np.isfinite(bound) else 0.0
    left = (cost - proven) / cost if cost > 0 else 0.0
    status: Status = "optimal" if left <= OPTIMAL_GAP else "within_gap" if left <= gap else "limit"
    return replace(decision, bound=proven, gap=left, status=status)
