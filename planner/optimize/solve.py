"""From a placement problem to a checked decision: prune, search, and if nothing fits, say why."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from planner.errors import InputError, did_you_mean
from planner.optimize import diagnose, highs, pulp_door
from planner.optimize.check import Proposal
from planner.optimize.highs import Answer, Stops
from planner.optimize.problem import Bools, Decision, Problem, Relaxation
from planner.optimize.prune import undominated
from planner.optimize.search import Engine, Search, as_proposal

ENGINES: dict[str, Callable[..., Answer]] = {"highs": highs.run, "pulp": pulp_door.run}
"""`pulp` carries the same arrays to CBC, or with `pulp:NAME` to any solver PuLP knows by that name."""

DIAGNOSIS = Stops(gap=0.01, nodes_within_gap=0, nodes=2_000, seconds=10.0)
"""Re-solves that only explain an infeasible problem: a percent is close enough."""


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
    """Cheapest plan within `gap` (small problems: proven); infeasible problems say what stands in the way.

    `known` is a plan of a similar problem over the same options; it is used where it stands. The clock is
    only a guard: reaching it (or Ctrl-C) gives status "limit" with the best plan so far. `stops` overrides
    gap, time and threads. Raises InputError for an unknown engine, NoAnswer when time ended before any plan.
    """
    began = time.perf_counter()
    stops = stops or Stops(gap=gap, seconds=time_limit_s, threads=threads)
    search = Search(_engine(engine), stops)
    hopeless = () if problem.unserved_allowed else diagnose.unservable(problem)
    if hopeless:
        return infeasible(problem, hopeless, time.perf_counter() - began)
    keep = undominated(problem)
    pruned = problem.keep(keep)
    decision = search.decide(pruned, None if known is None else _restricted(known, keep))
    if decision is None:
        in_stock = problem.changed(pool_limit=np.maximum(problem.pool_limit, 1.0))
        explained = problem.keep(undominated(in_stock))  # an offer out of stock may be what it would take
        why = diagnose.relaxations(explained, Search(highs.run, replace(DIAGNOSIS, threads=threads)).decide)
        return infeasible(problem, why, time.perf_counter() - began)
    return replace(expanded(decision, keep), seconds=time.perf_counter() - began)


def solve_without(
    problem: Problem,
    forbidden: Bools,
    *,
    known: Decision | None = None,
    gap: float = 0.01,
    stops: Stops | None = None,
) -> Decision:
    """The best plan that uses none of the `forbidden` options [O].

    When `known`, the best plan of all, uses none of them already, it is returned as it is: forbidding what is
    unused cannot help.
    """
    if known is not None and known.status in {"optimal", "within_gap"} and not known.units[forbidden].any():
        return known
    return solve(problem.without(forbidden), gap=gap, stops=stops)


def _engine(name: str) -> Engine:
    base, _, solver = name.partition(":")
    if base not in ENGINES:
        known = ", ".join(ENGINES)
        raise InputError(f"engine: {name!r} is not one of {known}", hint=did_you_mean(base, ENGINES))
    return partial(ENGINES[base], solver=solver) if solver else ENGINES[base]


def infeasible(problem: Problem, binding: tuple[Relaxation, ...] = (), seconds: float = 0.0) -> Decision:
    """The answer that there is no plan."""
    return Decision(
        status="infeasible",
        units=np.zeros(len(problem.options), np.int64),
        shares=np.zeros(problem.capacity_per_s.shape),
        unserved=(problem.demand_per_s > 0).astype(float),
        usd_per_hour=np.inf,
        bound=np.inf,
        gap=0.0,
        seconds=seconds,
        binding=binding,
    )


def _restricted(known: Decision, keep: Bools) -> Proposal | None:
    """A known plan in the pruned problem's numbering; None when it uses an option that was pruned."""
    if known.status == "infeasible" or known.units[~keep].any():
        return None
    plan = as_proposal(known)
    return replace(plan, units=plan.units[keep], shares=plan.shares[:, keep])


def expanded(decision: Decision, keep: Bools) -> Decision:
    """The decision over all options, pruned ones unused."""
    units = np.zeros(len(keep), np.int64)
    units[keep] = decision.units
    shares = np.zeros((len(decision.unserved), len(keep)))
    shares[:, keep] = decision.shares
    return replace(decision, units=units, shares=shares)
