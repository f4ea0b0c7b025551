"""The plan under another choice of kernels: forbidden, forced, faster, of one rule.

Stacks are timed anew only where they could matter. A choice less never makes the planner's stacks faster, so a plan is
searched with the old times first, what it uses is timed, and so on until nothing in the plan is left untimed: exact,
and a few GPUs are timed in place of all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from planner.analysis.case import Case, Posed, joined, loaded, only_rows
from planner.estimate.admissible import Admissible
from planner.kernels.registry import load_variants
from planner.optimize.problem import Bools
from planner.options.configurations import Configuration, Configurations
from planner.options.table import Ways
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
    ways = list(of_engine(case, scope, engine))
    touched = {w: _touched(ways[w], rule, rule_of(case)) for w in scope.workloads}
    timed: set[tuple[int, str]] = set()
    pending = (
        {(w, gpu) for w, rows in touched.items() for gpu in _gpus(ways[w], rows)} if everywhere else set()
    )
    while True:
        for w, gpu in sorted(pending):
            mine = touched[w] & np.array([c.evaluation.gpu.key == gpu for c in ways[w].configurations], bool)
            fresh = _timed_anew(case, only_rows(ways[w], mine), gpu, rule)
            touched[w] = np.append(touched[w][~mine], np.zeros(len(fresh.configurations), bool))
            ways[w] = joined(only_rows(ways[w], ~mine), fresh)
            timed.add((w, gpu))
        posed = case.posed(ways, offers=case.cheapest)
        pending = {(o.workload, o.offer.gpu) for o in posed.used()
                   if o.workload in touched and touched[o.workload][o.row]}  # fmt: skip
        if not pending:
            return posed


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
    fresh = loaded(way, peak, quantile=case.scenario.constraints.quantile)
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
