"""What each kernel choice is worth in dollars a month: with it, without it, with another in its place.

A variant is forbidden or forced where estimates choose their kernels (`stacks`), and the cheapest plan of what is left
is compared with the cheapest of all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from planner.analysis.case import Case, Posed
from planner.analysis.records import KernelValue, KernelWorth
from planner.analysis.stacks import Scope, posed_for, restacked, rule_of, scopes
from planner.errors import InputError, did_you_mean
from planner.estimate.admissible import Admissible
from planner.estimate.spread import Z80
from planner.kernels.registry import load_stand_ins, load_variants
from planner.optimize.problem import Floats
from planner.options.table import Option
from planner.pricing.money import HOURS_PER_MONTH
from planner.profiles.basis import INTERPOLATED, MEASURED
from planner.records import BASES, Basis, Quantity

OP_HALF_WIDTH = {"measured": 0.05, "interpolated": 0.10, "transferred": 0.50}
"""80 % half widths of one op's time beside another's, by basis: the wide ends of what such tables are known to err by
(measured in-grid 2-5 %, interpolated 5-10 %, across architectures 25-50 %). An assumption, stated in every answer."""
RULE = (
    "interval: both costs are solved again with all capacities at the low and at the high end of their 80 % interval "
    "(an error the two stacks share), and with the swapped op's time at both ends of its own: a stand-in's stated "
    "ratio, else 5 % measured, 10 % interpolated, 50 % transferred (assumed); low and high are the extremes. "
    "Where the planner's own choice with a variant is no faster than without it, its option value is 0"
)
Speedups = Mapping[str, tuple[float, float, float]]
"""Variant to (ratio, low, high): how many times faster it would be."""


def kernel_value(case: Case, speedups: Speedups | None = None) -> KernelValue:
    """Option, switch and engine values of the kernels in the plan; with `speedups`, what those would save instead.

    Raises InputError for a variant that is not in the registry, or a ratio that is not above 0.
    """
    pricer = _Pricer(case)
    rows = list(_speedups(pricer, speedups) if speedups is not None else _values(pricer))
    rows.sort(key=lambda r: -(r.usd_per_month.value if r.usd_per_month else -np.inf))
    order = {"option": 0, "switch": 1, "engine": 2, "speedup": 3}
    rows.sort(key=lambda r: order[r.kind])
    return KernelValue(case.usd_per_month, tuple(rows), RULE)


def _values(pricer: _Pricer) -> Iterator[KernelWorth]:
    for scope in pricer.scopes:
        used = pricer.used(scope)
        for variant, ops in used.items():
            yield pricer.option_value(scope, variant, ops)
    for workload in range(len(pricer.case.names())):
        yield from pricer.switch_values(workload)
    for scope in pricer.scopes:
        yield from pricer.engine_values(scope)


def _speedups(pricer: _Pricer, speedups: Speedups) -> Iterator[KernelWorth]:
    known = load_variants()
    for variant, ratios in speedups.items():
        if variant not in known:
            raise InputError(
                f"kernel variant {variant!r} is not in the registry", hint=did_you_mean(variant, known)
            )
        if not 0 < ratios[1] <= ratios[0] <= ratios[2]:
            raise InputError(
                f"{variant}: ratio {ratios[0]:g} with interval {ratios[1]:g} to {ratios[2]:g} is not one"
            )
        for scope in pricer.scopes:
            yield pricer.speedup_value(scope, variant, ratios)


class _Pricer:
    """Costs of the case under other choices of kernels."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.scopes, self.today = scopes(case), posed_for(case, Scope("all", ()))
        options = self.today.used()
        spread = [o.configuration.spread.at(o.batch_index)[0] for o in options]
        self.level = float(np.exp(Z80 * max(spread, default=0.0)))
        self.basis: Basis = _worst([o.configuration.spread.basis for o in options])
        self._at_level: dict[tuple[int, float], tuple[Posed, float]] = {}

    def used(self, scope: Scope, one: Option | None = None) -> dict[str, tuple[str, ...]]:
        """Reviewed variants that the plan (or one option of it) runs for these workloads, and the ops they run."""
        known, found = load_variants(), dict[str, list[str]]()
        for option in self.today.used() if one is None else (one,):
            if option.workload in scope.workloads:
                for part in option.configuration.evaluation.step.parts:
                    if part.variant in known and part.op not in found.setdefault(part.variant, []):
                        found[part.variant].append(part.op)
        return {variant: tuple(ops) for variant, ops in sorted(found.items())}

    def option_value(self, scope: Scope, variant: str, ops: tuple[str, ...]) -> KernelWorth:
        """Cost without the variant less cost of all, never negative."""
        other = restacked(self.case, scope, replace(self._rule, without=frozenset({variant})))
        worth = self._difference(other, self.today, swapped=ops, least=0.0)
        instead = sorted({p.variant for o in other.used() if o.workload in scope.workloads
                          for p in o.configuration.evaluation.step.parts if p.op in ops})  # fmt: skip
        note = "no plan without it" if worth is None else f"then {', '.join(instead)}" if instead else ""
        note += (
            "; ours stands in at a published ratio" if any(v.startswith("planner_") for v in instead) else ""
        )
        return KernelWorth("option", scope.name, variant, None, ops, worth, note)

    def switch_values(self, workload: int) -> Iterator[KernelWorth]:
        """Within the engine: cost with today's variant forced less cost with another measured one forced."""
        scope = self.scopes[workload]
        for option in {
            o.configuration.engine: o for o in self.today.used() if o.workload == workload
        }.values():
            engine, gpu = option.configuration.engine, option.configuration.evaluation.gpu
            for today, ops in self.used(scope, option).items():
                system = gpu.key if gpu.measured else gpu.reference or ""
                for other in sorted({v for op in ops for v in self._measured(op, engine, system)} - {today}):
                    now, then = (
                        restacked(self.case, scope, replace(self._rule, forced=frozenset({v})), engine=engine)
                        for v in (today, other)
                    )
                    worth = self._difference(now, then, swapped=ops)
                    note = f"in {engine}" + ("" if worth is not None else "; no plan runs on it alone")
                    yield KernelWorth("switch", scope.name, other, today, ops, worth, note)

    def engine_values(self, scope: Scope) -> Iterator[KernelWorth]:
        """Cost with another engine only less cost with today's only."""
        spent: dict[str, float] = {}
        for option in self.today.used():
            if option.workload in scope.workloads:
                engine = option.configuration.engine
                spent[engine] = spent.get(engine, 0.0) + option.offer.usd_per_hour
        if not spent:
            return
        main = max(spent, key=lambda e: (spent[e], e))
        engines = {c.engine for w in scope.workloads for c in self.case.decided.ways[w].configurations}
        now = self._engine_only(scope, main)
        for other in sorted(engines - {main}):
            worth = self._difference(self._engine_only(scope, other), now)
            note = "" if worth is not None else f"no plan runs on {other if now.decision else main} alone"
            yield KernelWorth("engine", scope.name, main, other, (), worth, note)

    def speedup_value(self, scope: Scope, variant: str, ratios: tuple[float, float, float]) -> KernelWorth:
        """Cost today less cost if the variant took 1/ratio of its time.

        A slower one stays in its place (switch value): what a regression costs whoever does not switch away.
        """
        saved = []
        for ratio in ratios:
            rule = replace(self._rule, faster=((variant, ratio),))
            rule = replace(rule, forced=frozenset({variant})) if ratio < 1 else rule
            faster = restacked(self.case, scope, rule, everywhere=True)
            best = min(faster.usd_per_month, self.today.usd_per_month) if ratio >= 1 else faster.usd_per_month
            saved.append(self.today.usd_per_month - best)
        known = load_variants()[variant]
        worth = Quantity(saved[0], min(saved), max(saved), self.basis)
        note = f"{ratios[0]:g} times faster ({ratios[1]:g} to {ratios[2]:g})"
        return KernelWorth("speedup", scope.name, variant, None, known.ops, worth, note)

    @property
    def _rule(self) -> Admissible:
        return rule_of(self.case)

    def _measured(self, op: str, engine: str, system: str) -> Sequence[str]:
        """Variants of an op in the engine's own tables of the system, that the kernel rule allows."""
        blocks = self.case.profiles.blocks(system=system, op=op, engine=engine)
        usable = {b.variant for b in blocks if not {"launch_bound", "eager"} & set(b.quality)}
        return sorted(v for v in usable if self._rule.allows(v, op))

    def _engine_only(self, scope: Scope, engine: str) -> Posed:
        return posed_for(self.case, scope, engine)

    def _difference(self, dearer: Posed, cheaper: Posed, *, swapped: tuple[str, ...] = (),
                    least: float = -np.inf) -> Quantity | None:  # fmt: skip
        """USD per month of the first plan less the second, with the extremes of the corners of RULE."""
        if dearer.decision is None or cheaper.decision is None:
            return None
        value = max(dearer.usd_per_month - cheaper.usd_per_month, least)
        corners = [value]
        for level in (1 / self.level, self.level):
            for end in (0, 1) if swapped else (0,):
                a = (
                    self._cost(dearer, level, _op_factor(dearer, swapped, end))
                    if swapped
                    else self._at(dearer, level)
                )
                b = self._at(cheaper, level)
                if np.isfinite(a) and np.isfinite(b):
                    corners.append(max(a - b, least))
        return Quantity(value, min(corners), max(corners), self.basis)

    def _at(self, posed: Posed, level: float) -> float:
        """Cost with all capacities multiplied; of some plans it is asked again and again."""
        key = (id(posed), level)  # the plan is kept beside its cost, so its id holds
        if key not in self._at_level:
            usd = self._cost(posed, level, np.ones(len(posed.problem.options)))
            self._at_level[key] = (posed, usd)
        return self._at_level[key][1]

    def _cost(self, posed: Posed, level: float, factor: Floats) -> float:
        p = posed.problem
        scaled = np.where(p.is_hosted, 1.0, level * factor)
        found = self.case.memory.family.decide(p.changed(capacity_per_s=p.capacity_per_s * scaled))
        return float("inf") if found is None else found.usd_per_hour * HOURS_PER_MONTH


def _op_factor(posed: Posed, ops: tuple[str, ...], end: int) -> Floats:
    """[O]: factor on capacity with the time of `ops` at its low (0) or high (1) end, by their share of the time."""
    factors = np.ones(len(posed.problem.options))
    if ops:
        known: dict[tuple[int, int], float] = {}
        for o, column in enumerate(posed.columns):
            key = (id(column.option.configuration), column.option.batch_index)
            if key not in known:
                share, ratio = _share(column.option, ops), _ends(column.option, ops)[end]
                known[key] = 1.0 / (1.0 + share * (ratio - 1.0))
            factors[o] = known[key]
    return factors


def _share(option: Option, ops: tuple[str, ...]) -> float:
    """Of a decode step and its share of prefills, host time included, what these ops take."""
    e, i = option.configuration.evaluation, option.batch_index
    prefills = float(e.served.batch[i]) / e.lengths.output_tokens
    mine, total = 0.0, float(e.step.host_s[i]) * (1.0 + prefills)
    for part in e.step.parts:
        seconds = float(part.seconds[i]) if part.phase == "decode" else prefills * float(part.seconds[0])
        total += seconds
        mine += seconds if part.op in ops else 0.0
    return mine / total


def _ends(option: Option, ops: tuple[str, ...]) -> tuple[float, float]:
    """Low and high end of the ops' time over the time taken."""
    parts = [p for p in option.configuration.evaluation.step.parts if p.op in ops]
    ours = {p.variant for p in parts if p.variant.startswith("planner_")}
    stated = [(s.low / s.ratio, s.high / s.ratio) for s in load_stand_ins() if s.variant in ours]
    if stated:
        return min(low for low, _ in stated), max(high for _, high in stated)
    worst = max((int(p.basis.max()) for p in parts), default=0)
    name = "measured" if worst == MEASURED else "interpolated" if worst == INTERPOLATED else "transferred"
    return 1.0 / (1.0 + OP_HALF_WIDTH[name]), 1.0 + OP_HALF_WIDTH[name]


def _worst(bases: Sequence[str]) -> Basis:
    return max((b for b in BASES if b in bases), key=BASES.index, default="roofline")
