"""The plan under another choice of kernels: forbidden, forced, faster, of one rule.

Stacks are timed anew only where they could matter. A choice less never makes the planner's stacks faster, so a plan is
searched with the old times first, what it uses is timed, and so on until nothing in the plan is left untimed: exact,
and a few GPUs are timed in place of all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from planner.analysis.case import Case, Posed, joined, only_rows
from planner.estimate.admissible import Admissible
from planner.kernels.registry import load_variants
from planner.optimize.problem import Bools
from planner.options.build import capacity_of
from planner.options.configurations import Configuration, Configurations
from planner.options.table import Ways, options_of
from planner.profiles.gpus import load_gpus


@dataclass(frozen=True, slots=True)
class Scope:
    """Which workloads a comparison is about: one, or all of the fleet."""

    name: str
    workloads: tuple[int, ...]


def scopes(case: Case) -> tuple[Scope, ...]:
    """Each workload, and all together where there are several."""
    each = [Scope(name, (w,)) for w, name in enumerate(case.names())]
    whole = Scope("all", tuple(range(len(each))))
    return (*each, whole) if len(each) > 1 else tuple(each)


def rule_of(case: Case) -> Admissible:
    """The choice of kernels the scenario itself allows."""
    return Admissible(case.scenario.constraints.kernels)


def of_engine(case: Case, scope: Scope, engine: str | None) -> tuple[Ways, ...]:
    """The ways of the case, those of the scope in one engine where it is given."""
    return tuple(
        only_rows(way, np.array([c.engine == engine for c in way.configurations], bool))
        if engine is not None and w in scope.workloads else way
        for w, way in enumerate(case.decided.ways)
    )  # fmt: skip


def restacked(
    case: Case, scope: Scope, rule: Admissible, *, engine: str | None = None, everywhere: bool = False
) -> Posed:
    """The cheapest plan when the workloads of the scope choose their kernels by `rule`, in one engine if given.

    `everywhere`: time all touched GPUs, for a rule that makes stacks faster.
    """
    asked = (scope.workloads, rule, engine, everywhere)
    if asked not in case.posed_before:
        case.posed_before[asked] = _restacked(case, scope, rule, engine=engine, everywhere=everywhere)
    return case.posed_before[asked]


def _restacked(case: Case, scope: Scope, rule: Admissible, *, engine: str | None, everywhere: bool) -> Posed:
    posed = posed_for(case, scope, engine)
    touched = {w: _touched(posed.ways[w], rule, rule_of(case)) for w in scope.workloads}
    pending = (
        {(w, gpu) for w, rows in touched.items() for gpu in _gpus(posed.ways[w], rows)}
        if everywhere
        else set()
    )
    timed: set[tuple[int, str]] = set()
    while True:
        for w, gpu in sorted(pending):
            posed = _with_gpu(case, posed, w, gpu, touched[w], rule)
            timed.add((w, gpu))
        found = case.memory.family.decide(posed.problem)
        posed = replace(posed, decision=found)
        pending = {(o.workload, o.offer.gpu) for o in posed.used()
                   if o.workload in touched and touched[o.workload].any()} - timed  # fmt: skip
        if not pending:
            return posed


def posed_for(case: Case, scope: Scope, engine: str | None = None) -> Posed:
    """The question on the cheapest offers, the scope's workloads in one engine if given; posed once per case."""
    key = (scope.workloads if engine else (), engine)
    if key not in case.posed_before:
        case.posed_before[key] = case.posed(of_engine(case, scope, engine), offers=case.cheapest)
    return case.posed_before[key]


def _with_gpu(case: Case, posed: Posed, w: int, gpu: str, touched: Bools, rule: Admissible) -> Posed:
    """The posed question with the touched configurations of one GPU timed anew: its columns change, no other."""
    way = posed.ways[w]
    here = np.array([c.evaluation.gpu.key == gpu for c in way.configurations], bool)
    fresh = only_rows(way, here & ~touched)
    if (here & touched).any():
        fresh = joined(fresh, _timed_anew(case, only_rows(way, here & touched), gpu, rule))
    offers = {c.option.offer.key: c.option.offer for c in posed.columns if c.option.offer.gpu == gpu}
    options = {o.offer.key: o for o in options_of(w, fresh, tuple(offers.values()))[0]} if len(here) else {}
    capacity, columns = posed.problem.capacity_per_s.copy(), list(posed.columns)
    mine = [i for i, c in enumerate(columns) if c.option.workload == w and c.option.offer.gpu == gpu]
    able = [i for i in mine if columns[i].option.offer.key in options]
    capacity[:, sorted(set(mine) - set(able))] = 0.0
    for i in able:
        columns[i] = replace(columns[i], option=options[columns[i].option.offer.key])
    if able:
        ways = tuple(fresh if i == w else x for i, x in enumerate(posed.ways))
        capacity[:, able] = capacity_of(ways, [columns[i] for i in able], case.decided.slices)
    return replace(posed, columns=tuple(columns), problem=posed.problem.changed(capacity_per_s=capacity))


def _timed_anew(case: Case, before: Ways, gpu: str, rule: Admissible) -> Ways:
    """The touched configurations of one GPU under the rule; fewer where it leaves no kernel."""
    most = max(c.layout.gpus for c in before.configurations)
    found: list[Configuration] = []
    for engine in sorted({c.engine for c in before.configurations}):
        found += _stack(case, rule, engine).on(before.workload, load_gpus()[gpu], most_gpus=most)
    if not found:
        return only_rows(before, np.zeros(len(before.configurations), bool))
    peak = before.workload.demand.peak_requests_per_s
    way = replace(before, configurations=tuple(found))
    fresh = case.memory.loaded(way, peak, quantile=case.scenario.constraints.quantile)
    return fresh if rule.faster else _no_faster(fresh, before)


def _stack(case: Case, rule: Admissible, engine: str) -> Configurations:
    base, stacks = case.decided.configurations, case.memory.stacks
    key = (rule, engine, base.calibration.digest, base.profiles.digest)
    if key not in stacks:
        stacks[key] = Configurations(base.profiles, rule.rule, (engine,), base.calibration, admissible=rule)
    return stacks[key]


def _touched(way: Ways, rule: Admissible, today: Admissible) -> Bools:
    """[configurations]: whether the rule may change them. Tables of several kernels speak for one product, so any
    configuration with an op that a named kernel can run counts."""
    if rule.rule != today.rule:
        return np.ones(len(way.configurations), bool)
    ops = {op for name in rule.named for op in load_variants()[name].ops}
    return np.array([any(p.op in ops for p in c.evaluation.step.parts) for c in way.configurations], bool)


def _gpus(way: Ways, rows: Iterable[bool]) -> set[str]:
    return {c.evaluation.gpu.key for c, here in zip(way.configurations, rows, strict=True) if here}


def _no_faster(fresh: Ways, before: Ways) -> Ways:
    """A stack with a choice less is not faster than the planner's own: it could have been chosen with all."""
    best: dict[object, float] = {}
    for c, rate in zip(before.configurations, before.load.requests_per_s.tolist(), strict=True):
        best[c.engine, c.weights, c.kv, c.layout] = rate
    most = np.array([best.get((c.engine, c.weights, c.kv, c.layout), 0.0) for c in fresh.configurations])
    return replace(
        fresh, load=replace(fresh.load, requests_per_s=np.minimum(fresh.load.requests_per_s, most))
    )
