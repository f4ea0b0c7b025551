"""From a placement problem to a checked decision: prune, build, solve, round, judge, and if need be diagnose."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from planner.errors import InputError, NoAnswer, did_you_mean
from planner.optimize import child, diagnose, highs, pulp_door
from planner.optimize.arrays import Arrays
from planner.optimize.check import Proposal, objective, usd_per_hour, violations
from planner.optimize.highs import Answer, Stops
from planner.optimize.model import Model, build
from planner.optimize.problem import Bools, Decision, Floats, Problem, Relaxation, Status
from planner.optimize.prune import undominated
from planner.optimize.single import best_single, greedy, plan_of, whole_units

Engine = Callable[..., Answer]
ENGINES: dict[str, Engine] = {"highs": highs.run, "pulp": pulp_door.run}
"""`pulp` carries the same arrays to CBC, or with `pulp:NAME` to any solver PuLP knows by that name."""

OPTIMAL_GAP = 1e-6
CHILD_COLUMNS = 50_000
"""HiGHS overran a 30 s limit to 102 s on 306k columns; above this size it runs where it can be killed."""
DROPPED_SHARE = 1e-6


def solve(
    problem: Problem,
    *,
    gap: float = 0.01,
    time_limit_s: float | None = 20.0,
    engine: str = "highs",
    threads: int = 1,
    stops: Stops | None = None,
    known: Decision | None = None,
) -> Decision:
    """Cheapest plan within `gap` (small problems: proven optimal). Infeasible problems say what stands in the way.

    `known` is a plan of a similar problem over the same options; it is used where it stands. The clock is only
    a guard: reaching it (or Ctrl-C) gives status "limit" with the best plan so far.
    Raises InputError for an unknown engine, NoAnswer when the limits ended the search before any plan.
    """
    began = time.perf_counter()
    stops = stops or Stops(gap=gap, seconds=time_limit_s, threads=threads)
    hopeless = () if problem.unserved_allowed else diagnose.unservable(problem)
    if hopeless:
        return _infeasible(problem, hopeless, began)
    keep = undominated(problem)
    search = Search(problem.keep(keep), stops, _engine(engine))
    decision = search.decide(None if known is None else _restricted(known, keep))
    if decision is None:
        again = replace(stops, gap=max(stops.gap, 0.01), nodes=2_000)
        relaxations = diagnose.relaxations(problem.keep(keep), Search.open_solver(again))
        return _infeasible(problem, relaxations, began)
    return _expanded(decision, keep, time.perf_counter() - began)


class Search:
    """One problem (already pruned), one set of stops, one engine."""

    def __init__(self, problem: Problem, stops: Stops, engine: Engine) -> None:
        self.problem = problem
        self.stops = stops
        self.engine = engine
        # The budget is a limit on the objective itself: look for the minimum, compare afterwards.
        self.open = problem if problem.unserved_allowed else problem.changed(budget_usd_per_hour=None)

    @staticmethod
    def open_solver(stops: Stops) -> Callable[[Problem], Decision | None]:
        """For diagnosis: solve a changed problem, None when it is infeasible too."""
        return lambda problem: Search(problem, stops, highs.run).decide(None)

    def decide(self, known: Proposal | None) -> Decision | None:
        """The decision, or None when no plan satisfies the limits."""
        incumbent = self.incumbent(known)
        decision = self.judged(self.open, incumbent, budget_row=False)
        budget = self.problem.limits.budget_usd_per_hour
        if decision is None or budget is None or not violations(self.problem, _proposal(decision)):
            return decision
        if decision.bound > budget or decision.status == "optimal":
            return None
        return self.judged(self.problem, None, budget_row=True)

    def incumbent(self, known: Proposal | None) -> Proposal | None:
        """The cheapest plan that needs no solver, checked; so no answer is worse than the best single option."""
        p, plans = self.open, [known]
        single = best_single(p)
        nobody = np.zeros(len(p.classes))
        for found in (None if single is None else plan_of(p, single), greedy(p)):
            plans.append(None if found is None else Proposal(*found, nobody))
        if p.unserved_allowed:
            nothing = np.zeros(len(p.options), np.int64)
            everyone = (p.demand_per_s > 0).astype(float)
            plans.append(Proposal(nothing, np.zeros(p.capacity_per_s.shape), everyone))
        standing = [plan for plan in plans if plan is not None and not violations(p, plan)]
        return min(standing, key=lambda plan: objective(p, plan), default=None)

    def judged(self, p: Problem, incumbent: Proposal | None, *, budget_row: bool) -> Decision | None:
        """Solve, check independently, and try once more with other settings when the answer does not hold."""
        most = np.inf if incumbent is None else objective(p, incumbent)
        most = min(most, p.limits.budget_usd_per_hour or np.inf) if budget_row else most
        model = build(p, most_usd_per_hour=most, budget_row=budget_row)
        notes: list[str] = []
        for stops in (self.stops, replace(self.stops, presolve=False)):
            answer = self.run(model.arrays, stops)
            plan = _rounded(p, model, answer.values)
            doubt = _doubt(p, answer, plan, incumbent, self.stops.gap)
            if doubt is None:
                break
            notes.append(f"solver's answer not used: {doubt}")
        else:
            plan, answer = None, replace(answer, ended="failed", bound=0.0)
        if answer.ended == "infeasible" and incumbent is None:
            return None
        standing = [q for q in (plan, incumbent) if q is not None]
        if not standing:
            raise NoAnswer(
                f"the search ended ({answer.ended}) before any plan was found; allow more time or nodes"
            )
        best = min(standing, key=lambda q: objective(p, q))
        return _decision(p, best, answer, self.stops.gap, tuple(notes))

    def run(self, arrays: Arrays, stops: Stops) -> Answer:
        """In this process, or where it can be killed when the model is large."""
        if not arrays.integer.size:
            return Answer("optimal", np.zeros(0), 0.0)
        if len(arrays.cost) > CHILD_COLUMNS and self.engine is highs.run:
            return child.run(arrays, stops)
        return self.engine(arrays, stops)


def _engine(name: str) -> Engine:
    base, _, solver = name.partition(":")
    if base not in ENGINES:
        raise InputError(
            f"engine: {name!r} is not one of {', '.join(ENGINES)}", hint=did_you_mean(base, ENGINES)
        )
    if not solver:
        return ENGINES[base]
    return lambda arrays, stops: ENGINES[base](arrays, stops, solver=solver)


def _rounded(p: Problem, model: Model, values: Floats | None) -> Proposal | None:
    """Whole units and clean shares; the cheaper of keeping and dropping shares below a millionth."""
    if values is None:
        return None
    raw = np.maximum(model.shares(values, p.capacity_per_s.shape), 0.0)
    unserved = np.clip(model.unserved(values), 0.0, 1.0)
    unserved[unserved < DROPPED_SHARE] = 0.0
    counted = np.rint(values[model.columns.units]).astype(np.int64)
    if p.splitting != "continuous":
        return _with_units(
            p, np.rint(raw * p.pieces) / p.pieces, np.rint(unserved * p.pieces) / p.pieces, counted
        )
    plans = []
    for shares in (np.where(raw < DROPPED_SHARE, 0.0, raw), raw):
        total = shares.sum(axis=1, keepdims=True)
        scaled = shares * np.divide((1 - unserved)[:, None], total, out=np.zeros_like(total), where=total > 0)
        plans.append(_with_units(p, scaled, unserved, counted))
    return min(plans, key=lambda plan: usd_per_hour(p, plan.units))


def _with_units(p: Problem, shares: Floats, unserved: Floats, counted: np.ndarray) -> Proposal:
    """As many units as the shares keep busy; groups with spares keep the solver's count where it is higher."""
    busy = np.zeros(len(p.options))
    for period in range(p.period_count):
        at = p.period_of_class == period
        busy = np.maximum(busy, whole_units((shares[at] * p.load_units[at]).sum(axis=0)))
    spare = (p.spare_units > 0)[p.option_group] if p.group_count else np.zeros(len(p.options), bool)
    return Proposal(np.where(spare, np.maximum(busy, counted), busy).astype(np.int64), shares, unserved)


def _doubt(
    p: Problem, answer: Answer, plan: Proposal | None, incumbent: Proposal | None, gap: float
) -> str | None:
    """Why the solver's answer cannot be right, or None. Being stopped early is no reason for doubt."""
    if answer.ended == "failed":
        return "it failed"
    known = np.inf if incumbent is None else objective(p, incumbent)
    if answer.ended == "infeasible" and incumbent is not None:
        return f"it says infeasible, but a plan for {known:.6g} USD per hour exists"
    if np.isfinite(answer.bound) and answer.bound > known * (1 + OPTIMAL_GAP) + 1e-9:
        return f"its bound {answer.bound:.6g} is above a known plan of {known:.6g} USD per hour"
    if plan is None:
        return None
    broken = violations(p, plan)
    if broken and answer.ended == "optimal":
        return broken[0]
    if answer.ended == "optimal" and objective(p, plan) > known * (1 + gap) + 1e-9:
        return f"it costs {objective(p, plan):.6g}, a known plan {known:.6g} USD per hour"
    return None


def _decision(p: Problem, plan: Proposal, answer: Answer, gap: float, notes: tuple[str, ...]) -> Decision:
    cost = objective(p, plan)
    bound = float(np.clip(answer.bound, 0.0, cost)) if np.isfinite(answer.bound) else 0.0
    reached = (cost - bound) / cost if cost > 0 else 0.0
    status: Status = "optimal" if reached <= OPTIMAL_GAP else "within_gap" if reached <= gap else "limit"
    return Decision(
        status=status,
        units=plan.units,
        shares=plan.shares,
        unserved=plan.unserved,
        usd_per_hour=usd_per_hour(p, plan.units),
        bound=bound,
        gap=reached,
        seconds=0.0,
        notes=notes,
        nodes=answer.nodes,
        interrupted=answer.interrupted,
    )


def _infeasible(problem: Problem, binding: tuple[Relaxation, ...], began: float) -> Decision:
    return Decision(
        status="infeasible",
        units=np.zeros(len(problem.options), np.int64),
        shares=np.zeros(problem.capacity_per_s.shape),
        unserved=(problem.demand_per_s > 0).astype(float),
        usd_per_hour=np.inf,
        bound=np.inf,
        gap=0.0,
        seconds=time.perf_counter() - began,
        binding=binding,
    )


def _proposal(decision: Decision) -> Proposal:
    return Proposal(decision.units, decision.shares, decision.unserved)


def _restricted(known: Decision, keep: Bools) -> Proposal | None:
    """A known plan in the pruned problem's numbering; None when it uses an option that was pruned."""
    if known.status == "infeasible" or known.units[~keep].any():
        return None
    return Proposal(known.units[keep], known.shares[:, keep], known.unserved)


def _expanded(decision: Decision, keep: Bools, seconds: float) -> Decision:
    """The decision over all options, pruned ones unused."""
    units = np.zeros(len(keep), np.int64)
    units[keep] = decision.units
    shares = np.zeros((len(decision.unserved), len(keep)))
    shares[:, keep] = decision.shares
    return replace(decision, units=units, shares=shares, seconds=seconds)
