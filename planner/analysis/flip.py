"""At which price, throughput or demand an option enters or leaves the plan, in percent from today.

Looked for: every offer in the plan (how much dearer or slower before it leaves a workload), the nearest other
GPUs (how much cheaper or faster before one enters), and for each workload the demand at which the hardware changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property

import numpy as np

from planner.analysis.case import Case, Posed
from planner.analysis.parts import (
    CLOSE,
    Part,
    entering_bounds,
    entering_price,
    entering_speed,
    leaving_price,
    leaving_speed,
    parts,
)
from planner.analysis.records import Flip, Flips
from planner.optimize.problem import Bools
from planner.options.columns import owned_entry
from planner.options.hosted import HostedOption
from planner.options.table import Option
from planner.pricing.offer import Offer

NEAREST = 3
"""Other GPUs reported per workload."""
MOST_TRIED = 12
"""Offers tried for them, the most promising by their bound first; bounds usually end the search earlier."""
DEMAND_STEPS = (1.1, 1.25, 1.5, 2.0)
"""Multiples of today's demand tried, and their inverses, until the hardware differs; then bisected."""
RULE = (
    "one quantity at a time, everything else as today; each figure is found by exact re-solves. Price: of the offer "
    "in all its hours; throughput: of the offer for this workload; demand: the whole curve of the workload, over the "
    "strongest configurations of each GPU"
)


def flips(case: Case) -> Flips:
    """All flips of the case."""
    found = [flip for looked in _Workload.all(case) for flip in looked.flips()]
    order = {"price": 0, "throughput": 1, "demand": 2}
    found.sort(
        key=lambda f: (order[f.quantity], f.state == "out", f.flips_at is None, abs(f.change_percent or 0.0))
    )
    return Flips(tuple(found), RULE)


def handle(option: Option) -> str:
    """What is priced as one: a seller's GPU on a term, in every size and region; or an owned entry."""
    entry = owned_entry(option)
    offer = option.offer
    return entry[0] if entry else f"{offer.gpu} from {offer.seller}, {offer.term.replace('_', ' ')}"


class Handles:
    """Columns of a case by what is priced as one; `among(w)` are the parts of workload `w`."""

    def __init__(self, case: Case) -> None:
        self.case = case
        names: dict[str, int] = {}
        handles = [
            *(handle(c.option) for c in case.decided.columns),
            *(x.api.label for x in case.decided.hosted),
        ]
        self.number = np.array([names.setdefault(name, len(names)) for name in handles])
        self.names = tuple(names)
        self._offers: dict[object, list[int]] = {}
        for o, column in enumerate(case.decided.columns):
            self._offers.setdefault((column.option.workload, column.option.offer.key), []).append(o)

    def offered(self, offers: Iterable[Offer], workload: int) -> Bools:
        """[O]: the columns of these offers for one workload."""
        mine = np.zeros(len(self.number), bool)
        mine[[o for offer in offers for o in self._offers.get((workload, offer.key), ())]] = True
        return mine

    def mask(self, number: int, workload: int) -> Bools:
        """[O]: the columns of a handle for one workload."""
        mine: Bools = (self.number == number) & (self.case.problem.option_group == workload)
        return mine

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """Parts of the base."""
        decision = self.case.base.decision
        assert decision is not None  # a case is feasible
        return parts(self.case.memory.family, self.case.problem, decision)

    def among(self, workload: int) -> tuple[Part, ...]:
        """Parts with demand of the workload."""
        p = self.case.problem
        return tuple(x for x in self.parts if (x.problem.demand_per_s[p.class_group == workload] > 0).any())

    def option(self, number: int, workload: int) -> Option | HostedOption:
        """Of the options of a handle the one in the plan, else the cheapest for the load it carries."""
        decision, mine = self.case.base.decision, np.flatnonzero(self.mask(number, workload))
        assert decision is not None
        columns, hosted = self.case.decided.columns, self.case.decided.hosted
        if mine[0] >= len(columns):
            return hosted[int(mine[0]) - len(columns)]
        options = [columns[int(o)].option for o in mine]
        rank = [
            (-int(decision.units[o]), x.offer.usd_per_hour / x.capacity_per_s)
            for o, x in zip(mine, options, strict=True)
        ]
        return options[min(range(len(mine)), key=rank.__getitem__)]


class _Workload:
    """The flips of one workload."""

    def __init__(self, handles: Handles, workload: int) -> None:
        self.handles, self.workload, self.case = handles, workload, handles.case
        self.family, self.among = handles.case.memory.family, handles.among(workload)
        self.name = handles.case.names()[workload]

    @classmethod
    def all(cls, case: Case) -> Iterator[_Workload]:
        """One of each workload."""
        handles = Handles(case)
        for workload in range(len(case.names())):
            yield cls(handles, workload)

    def flips(self) -> Iterator[Flip]:
        """Of the offers in its plan, of the nearest others, of its demand."""
        inside = self._in_plan()
        for number in inside:
            yield self._price(number, "in", self._leaving(number))
            if isinstance(self.handles.option(number, self.workload), Option):
                yield self._speed(number, "in", leaving_speed(self.family, self.among, self._mask(number)))
        for number, factor in self._nearest(inside):
            yield self._price(number, "out", factor)
            if isinstance(self.handles.option(number, self.workload), Option):
                yield self._speed(number, "out", entering_speed(self.family, self.among, self._mask(number)))
        yield from self._demand()

    def _mask(self, number: int) -> Bools:
        return self.handles.mask(number, self.workload)

    def _in_plan(self) -> list[int]:
        used = np.zeros(len(self.handles.number), bool)
        for part in self.among:
            used[part.columns[part.used]] = True
        used &= self.case.problem.option_group == self.workload
        return [int(n) for n in dict.fromkeys(self.handles.number[used])]

    def _leaving(self, number: int) -> float | None:
        return leaving_price(self.family, self.among, self._mask(number))

    def _nearest(self, inside: list[int]) -> list[tuple[int, float]]:
        """(handle, price factor) of the best offer of the GPUs nearest to entering, nearest first."""
        taken = {self._kind(n) for n in inside}
        best: dict[str, tuple[int, float]] = {}
        tried = 0
        for bound, number in self._ranked():
            level = sorted((f for _, f in best.values()), reverse=True)[NEAREST - 1 : NEAREST]
            if (level and bound <= level[0]) or tried == MOST_TRIED:
                break
            gpu = self._kind(number)
            if gpu in taken or (gpu in best and best[gpu][1] >= bound):
                continue
            above = best[gpu][1] if gpu in best else 0.0
            tried += 1
            factor = entering_price(self.family, self.among, self._mask(number), above=above)
            if factor is not None:
                best[gpu] = (number, factor)
        return sorted(best.values(), key=lambda found: -found[1])[:NEAREST]

    def _kind(self, number: int) -> str:
        option = self.handles.option(number, self.workload)
        return option.offer.gpu if isinstance(option, Option) else option.api.label

    def _ranked(self) -> list[tuple[float, int]]:
        """(factor no entering price is above, handle), highest first; found without a solve."""
        most = np.zeros(len(self.handles.names))
        mine = self.case.problem.option_group == self.workload
        for part in self.among:
            there = mine[part.columns]
            np.maximum.at(most, self.handles.number[part.columns[there]], entering_bounds(part)[there])
        return [(float(most[n]), int(n)) for n in np.argsort(-most, kind="stable") if most[n] > 0]

    def _price(self, number: int, state: str, factor: float | None) -> Flip:
        note = "" if factor is not None else "nothing else can serve the workload within the limits"
        option, name = self.handles.option(number, self.workload), self.handles.names[number]
        if isinstance(option, HostedOption):
            usd = 1e3 * option.usd_per_request
            return self._flip(name, state, "price", "USD per thousand mean requests", usd, factor, note)
        return self._flip(
            name, state, "price", "USD per GPU-hour", option.offer.usd_per_gpu_hour, factor, note
        )

    def _speed(self, number: int, state: str, factor: float | None) -> Flip:
        option = self.handles.option(number, self.workload)
        assert isinstance(option, Option)
        note = "" if factor is not None else "not at a tenth" if state == "in" else "not at eight times"
        now = option.capacity_per_s / option.offer.gpu_count
        return self._flip(
            self.handles.names[number], state, "throughput", "requests/s per GPU", now, factor, note
        )

    def _flip(self, subject: str, state: str, quantity: str, unit: str, now: float, factor: float | None,
              note: str) -> Flip:  # fmt: skip
        at = None if factor is None else now * factor
        change = None if factor is None else 100.0 * (factor - 1.0)
        return Flip(self.name, subject, state, quantity, unit, now, at, change, note)  # type: ignore[arg-type]

    def _demand(self) -> Iterator[Flip]:
        """The nearest demand, up and down, at which other GPUs serve the workload."""
        peak = self.case.decided.ways[self.workload].workload.demand.peak_requests_per_s
        today = self._hardware(self._at(1.0))
        for direction in (1.0, -1.0):
            factor, changed_to = self._other_hardware(today, direction)
            note = f"then {' and '.join(sorted(changed_to))}" if changed_to else (
                f"the same from {1 / DEMAND_STEPS[-1]:g} to {DEMAND_STEPS[-1]:g} times today's demand")  # fmt: skip
            subject = " and ".join(sorted(today))
            yield self._flip(subject, "in", "demand", "requests/s at the peak", peak, factor, note)

    def _hardware(self, posed: Posed) -> frozenset[str]:
        return frozenset([*(o.offer.gpu for o in posed.used()), *(x.api.label for x in posed.called())])

    def _other_hardware(self, today: frozenset[str], direction: float) -> tuple[float | None, frozenset[str]]:
        same = 1.0
        for step in DEMAND_STEPS:
            other = step**direction
            found = self._hardware(self._at(other))
            if found != today:
                break
            same = other
        else:
            return None, frozenset()
        while abs(other / same - 1.0) > 10 * CLOSE:
            middle = float(np.sqrt(other * same))
            seen = self._hardware(self._at(middle))
            if seen == today:
                same = middle
            else:
                other, found = middle, seen
        return other, found

    def _at(self, factor: float) -> Posed:
        return self.case.at_demand(self.workload, factor)
