"""One decided question, and what re-solving it again and again needs: lean offers, remembered parts and stacks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from planner.decide import Decided, market
from planner.optimize.family import Family
from planner.optimize.problem import Bools, Decision, Problem
from planner.options.build import problem_of
from planner.options.columns import Column, columns_of
from planner.options.configurations import Configuration, Configurations
from planner.options.hosted import HostedOption
from planner.options.periods import slices
from planner.options.sustain import Curves, Sustained, curves_of, sustained
from planner.options.table import Option, Ways, options_of, tokens_at, ways_of
from planner.pricing.catalog import Catalog
from planner.pricing.money import HOURS_PER_MONTH
from planner.pricing.offer import Offer
from planner.profiles.store import Profiles
from planner.scenario import Constraints, Scenario

Keep = Callable[[Column], bool]
MOST_LOADS = 1000
"""Remembered at a time; about 50 KB each."""
STRONGEST = 3
"""Configurations kept per GPU and size where many demands are tried."""


@dataclass
class Memory:
    """What outlives a small change of the question: parts solved, and evaluations per choice of kernels."""

    family: Family = field(default_factory=Family)
    stacks: dict[tuple[object, ...], Configurations] = field(default_factory=dict)
    curves: dict[tuple[object, ...], tuple[tuple[Configuration, ...], Curves]] = field(default_factory=dict)
    loads: dict[tuple[object, ...], tuple[Curves, Sustained]] = field(default_factory=dict)

    def loaded(self, way: Ways, peak_per_s: float, *, quantile: float) -> Ways:
        """The same configurations at another peak demand, or within the limits that `way.slo` now has."""
        curves = self._curves_of(way, quantile=quantile)
        key = (id(curves), way.slo, peak_per_s)  # what an id is of is kept beside the answer, so ids hold
        if key not in self.loads:
            if len(self.loads) >= MOST_LOADS:
                self.loads.clear()
            c = way.configurations
            found = sustained(
                [x.evaluation for x in c], [x.spread for x in c], way.slo, quantile=quantile,
                demand_per_s=peak_per_s, longest_input=_longest(way), curves=curves,
            )  # fmt: skip
            self.loads[key] = (curves, found)
        return replace(way, load=self.loads[key][1])

    def _curves_of(self, way: Ways, *, quantile: float) -> Curves:
        c = way.configurations
        key = (quantile, _longest(way), *map(id, c))
        if key not in self.curves:
            if len(self.curves) >= MOST_LOADS:
                self.curves.clear()
            found = curves_of(
                [x.evaluation for x in c],
                [x.spread for x in c],
                quantile=quantile,
                longest_input=_longest(way),
            )
            self.curves[key] = (c, found)
        return self.curves[key][1]


def _longest(way: Ways) -> float:
    return tokens_at(way.workload, way.workload.percentile)


@dataclass(frozen=True, eq=False)
class Posed:
    """Columns and problem of a variation of the question, and its cheapest plan (None: there is none)."""

    ways: tuple[Ways, ...]
    columns: tuple[Column, ...]
    hosted: tuple[HostedOption, ...]
    problem: Problem
    decision: Decision | None

    @property
    def usd_per_month(self) -> float:
        """Infinite where no plan exists."""
        return float("inf") if self.decision is None else self.decision.usd_per_hour * HOURS_PER_MONTH

    def used(self) -> tuple[Option, ...]:
        """Rented or owned options of the plan, each once."""
        if self.decision is None:
            return ()
        rented = np.flatnonzero(self.decision.units[: len(self.columns)])
        found = {id(self.columns[o].option): self.columns[o].option for o in rented}
        return tuple(found.values())

    def called(self) -> tuple[HostedOption, ...]:
        """Hosted APIs of the plan."""
        if self.decision is None:
            return ()
        served = self.decision.shares[:, len(self.columns) :].sum(axis=0)
        return tuple(x for x, share in zip(self.hosted, served.tolist(), strict=True) if share > 0)


@dataclass(frozen=True, eq=False)
class Case:
    """A feasible decision and the data it was made from; `memory` is shared with cases that differ a little."""

    decided: Decided
    catalog: Catalog
    profiles: Profiles
    memory: Memory = field(default_factory=Memory)
    posed_before: dict[object, Posed] = field(default_factory=dict)
    """Variations of this very question that several analyses ask for."""

    @property
    def scenario(self) -> Scenario:
        """The question."""
        return self.decided.scenario

    @cached_property
    def problem(self) -> Problem:
        """The question's problem without its budget: what-ifs ask what things cost, affordable or not."""
        return self.decided.problem.changed(budget_usd_per_hour=None)

    @cached_property
    def base(self) -> Posed:
        """The plan the analyses compare with, proven cheapest; never dearer than the decision."""
        found, ours = self.memory.family.decide(self.problem), self.decided.decision
        best = ours if found is None or ours.usd_per_hour < found.usd_per_hour else found
        return Posed(self.decided.ways, self.decided.columns, self.decided.hosted, self.problem, best)

    @property
    def usd_per_month(self) -> float:
        """Cost of the base."""
        return self.base.usd_per_month

    def names(self) -> tuple[str, ...]:
        """Workloads, in the order of groups."""
        return tuple(way.workload.name for way in self.decided.ways)

    def mask(self, keep: Keep) -> Bools:
        """[O]: options of the base that `keep` accepts, hosted ones never."""
        d = self.decided
        return np.array([*map(keep, d.columns), *(False for _ in d.hosted)], bool)

    def solved(self, problem: Problem) -> Posed:
        """The base's columns under a changed problem."""
        d = self.decided
        return Posed(d.ways, d.columns, d.hosted, problem, self.memory.family.decide(problem))

    @cached_property
    def lean(self) -> tuple[Offer, ...]:
        """The considered offers without those that a cheaper one of the same hardware, seller and term replaces,
        whatever the limits, the demand and the kernels: most of a catalogue."""
        return lean(self.decided.considered.offers)

    def posed(
        self,
        ways: Sequence[Ways],
        *,
        limits: Constraints | None = None,
        offers: Sequence[Offer] | None = None,
        hosted: Sequence[HostedOption] | None = None,
    ) -> Posed:
        """The cheapest plan when workloads run as `ways` say, on the lean offers unless others are given."""
        slices, given = self.decided.slices, self.lean if offers is None else offers
        options = [o for i, way in enumerate(ways) for o in options_of(i, way, given)[0]]
        hosted = self.decided.hosted if hosted is None else hosted
        if not options:
            return Posed(tuple(ways), (), tuple(hosted), self.problem, None)
        columns = tuple(columns_of(options, slices))
        kept = (limits or self.scenario.constraints).model_copy(update={"budget_usd_per_month": None})
        problem = problem_of(ways, columns, slices, kept, hosted, self.decided.scenario.owned)
        return Posed(tuple(ways), columns, tuple(hosted), problem, self.memory.family.decide(problem))

    def at_demand(self, workload: int, factor: float) -> Posed:
        """The plan of one workload alone, of its strongest configurations, with its demand multiplied."""
        way, quantile = self.strongest[workload], self.scenario.constraints.quantile
        demand = way.workload.demand.scaled(factor)
        scaled = self.memory.loaded(way, demand.peak_requests_per_s, quantile=quantile)
        asked = way.workload.model_copy(update={"demand": demand})
        return self.of_one(workload, replace(scaled, workload=asked))

    def of_one(self, workload: int, way: Ways) -> Posed:
        """The plan of one workload alone, run as `way` says, on the cheapest offers of each hardware."""
        months = slices([way.workload.demand], [way.workload.deadline_hours])
        columns = tuple(columns_of(options_of(0, way, self.cheapest)[0], months))
        if not columns:
            return Posed((way,), (), (), self.problem, None)
        limits = self.scenario.constraints.model_copy(update={"budget_usd_per_month": None})
        hosted = tuple(replace(x, workload=0) for x in self.decided.hosted if x.workload == workload)
        problem = problem_of([way], columns, months, limits, hosted)
        return Posed((way,), columns, hosted, problem, self.memory.family.decide(problem))

    def timed_on(self, offers: Sequence[Offer]) -> tuple[Ways, ...]:
        """The workloads evaluated on the GPUs of these offers, remembered like those of the question."""
        most: dict[str, int] = {}
        for offer in offers:
            most[offer.gpu] = max(most.get(offer.gpu, 0), int(offer.gpu_count))
        stack, quantile = self.decided.configurations.uncounted(), self.scenario.constraints.quantile
        return tuple(
            ways_of(way.workload, stack, tuple(sorted(most)), most, quantile=quantile)
            for way in self.decided.ways
        )

    @cached_property
    def strongest(self) -> tuple[Ways, ...]:
        """Of each workload the STRONGEST configurations per GPU and size: what another demand could choose."""
        found = []
        for way in self.decided.ways:
            keys = [(c.evaluation.gpu.key, c.layout.gpus) for c in way.configurations]
            seen: Counter[tuple[str, int]] = Counter()
            keep = np.zeros(len(keys), bool)
            for row in np.argsort(-way.load.requests_per_s, kind="stable").tolist():
                keep[row] = seen[keys[row]] < STRONGEST and way.load.requests_per_s[row] > 0
                seen[keys[row]] += 1
            found.append(only_rows(way, keep))
        return tuple(found)

    @cached_property
    def cheapest(self) -> tuple[Offer, ...]:
        """Of the lean offers the cheapest of each hardware and term, whoever sells it."""
        return lean(self.lean, sellers=False)

    @cached_property
    def market(self) -> tuple[Offer, ...]:
        """Every offer of the question, those turned away by constraints included."""
        return market(self.scenario, self.catalog)


def lean(offers: Iterable[Offer], *, sellers: bool = True) -> tuple[Offer, ...]:
    """Of unlimited offers alike in all but price and place, the cheapest; limited ones all."""
    best: dict[object, Offer] = {}
    for offer in offers:
        key: object = offer.key
        if offer.availability is None:
            key = (
                offer.seller if sellers else "",
                offer.gpu,
                offer.gpu_count,
                offer.term,
                offer.interruption_per_hour,
            )
        if key not in best or offer.usd_per_hour < best[key].usd_per_hour:
            best[key] = offer
    return tuple(best.values())


def joined(first: Ways, second: Ways) -> Ways:
    """The configurations of both."""
    names = first.load.__slots__
    parts = {name: np.concatenate([getattr(first.load, name), getattr(second.load, name)]) for name in names}
    load = replace(first.load, **parts)
    return replace(first, configurations=(*first.configurations, *second.configurations), load=load)


def only_rows(ways: Ways, keep: Bools) -> Ways:
    """The ways of the mask [configurations]."""
    rows = np.flatnonzero(keep)
    load = replace(ways.load, **{name: getattr(ways.load, name)[rows] for name in ways.load.__slots__})
    return Ways(ways.workload, ways.slo, tuple(ways.configurations[i] for i in rows), load)
