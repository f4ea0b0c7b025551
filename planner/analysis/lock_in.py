"""What avoiding lock-in costs, and what being locked in costs, each against the plan that may choose freely."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from planner.analysis.case import Case, Posed
from planner.analysis.records import LockIn, Restricted
from planner.analysis.stacks import Scope, of_engine, restacked
from planner.errors import check_known
from planner.estimate.admissible import Admissible
from planner.pricing.money import HOURS_PER_MONTH
from planner.pricing.offer import Offer
from planner.profiles.gpus import load_gpus

RULES = ("open", "portable")
CLAIMED = (3.0, 5.0)
"""The claim that circulates: being locked in costs three to five times."""


@dataclass(frozen=True, slots=True)
class Locked:
    """What one is locked into; None where one is free."""

    engine: str | None = None
    vendor: str | None = None
    seller: str | None = None
    term: str | None = None


def lock_in(case: Case, chosen: Locked | None = None) -> LockIn:
    """Portability cost by rule; lock-in cost by kernel stack, GPU maker, seller and term; both of them split.

    `chosen` names what the split locks in; what it leaves open is what the plan spends most on today. Raises
    InputError for a name that no option has.
    """
    chosen = chosen or Locked()
    pricer = _Pricer(case)
    pricer.check(chosen)
    portability = tuple(pricer.portable(rule) for rule in RULES)
    locked = tuple(sorted(pricer.locks(), key=lambda r: (r.ratio is None, r.ratio or 0.0, r.restriction)))
    return LockIn(pricer.today, portability, locked, tuple(pricer.split(chosen)), _claim(locked))


class _Pricer:
    def __init__(self, case: Case) -> None:
        self.case, self.offers = case, case.lean
        self.all = Scope("all", tuple(range(len(case.names()))))
        self.base = case.posed(case.decided.ways, offers=self.offers)
        self._by_engine: dict[str | None, Posed] = {None: self.base}
        self.today = self.base.usd_per_month
        self.main = self._main()

    def check(self, chosen: Locked) -> None:
        """Every name stands for something that can be chosen."""
        for name, known in (("engine", self._engines()), ("vendor", self._values(_vendor)),
                            ("seller", self._values(_seller)), ("term", self._values(_term))):  # fmt: skip
            wanted = getattr(chosen, name)
            check_known(name, [wanted] if wanted else None, known)

    def portable(self, rule: str) -> Restricted:
        """The fleet with open, or portable, kernels only."""
        if self.case.scenario.constraints.kernels in (rule, "portable"):
            return self._row(f"{rule} kernels only", self.today, "the scenario asks for that already")
        posed = restacked(self.case, self.all, Admissible(rule))
        ours = sorted({p.variant for o in posed.used() for p in o.configuration.evaluation.step.parts
                       if p.variant.startswith("planner_")})  # fmt: skip
        note = f"ours stand in at a published ratio: {', '.join(ours)}" if ours else ""
        return self._row(f"{rule} kernels only", posed.usd_per_month, note)

    def locks(self) -> Iterator[Restricted]:
        """One kernel stack, one maker, one seller or one term only."""
        for engine in self._engines():
            yield self._row(f"kernels: {engine} only", self._cost(Locked(engine=engine)))
        for name, kind in (("vendor", _vendor), ("seller", _seller), ("term", _term)):
            said = {"vendor": "hardware", "seller": "seller", "term": "term"}[name]
            for value in self._values(kind):
                usd = self._cost(Locked(**{name: value}))
                yield self._row(f"{said}: {value.replace('_', ' ')} only", usd)

    def split(self, chosen: Locked) -> Iterator[Restricted]:
        """Kernel, hardware, seller, term: each locked on top of those before; extras are against the step before."""
        held, before = Locked(), self.today
        for name, said in (
            ("engine", "kernels"),
            ("vendor", "hardware"),
            ("seller", "seller"),
            ("term", "term"),
        ):
            value = getattr(chosen, name) or getattr(self.main, name)
            held = replace(held, **{name: value})
            usd = max(self._cost(held), before)
            row = self._row(f"{said}: {value.replace('_', ' ')}", usd)
            extra = None if row.extra_usd_per_month is None else usd - before
            yield replace(row, extra_usd_per_month=extra)
            before = usd

    def _row(self, restriction: str, usd: float, note: str = "") -> Restricted:
        if usd == float("inf"):
            return Restricted(
                restriction, None, None, None, note or "cannot serve all workloads within the limits"
            )
        usd = max(usd, self.today)  # a restriction leaves fewer plans: less than none can only be rounding
        return Restricted(
            restriction, usd, usd - self.today, usd / self.today if self.today > 0 else 1.0, note
        )

    def _cost(self, locked: Locked) -> float:
        """USD per month with these locks: a stack is posed once, what may be rented is a mask on its options."""
        posed = self._posed(locked.engine)
        free = locked.engine is None and locked.vendor is None and locked.term in (None, "api")
        called = [free and locked.seller in (None, x.api.seller) for x in posed.hosted]
        allowed = np.array([*(True for _ in posed.columns), *called], bool)
        for kind, value in ((_vendor, locked.vendor), (_seller, locked.seller), (_term, locked.term)):
            if value is not None:
                allowed[: len(posed.columns)] &= [kind(c.option.offer) == value for c in posed.columns]
        if not allowed.any():
            return float("inf")
        found = self.case.memory.family.decide(posed.problem.without(~allowed))
        return float("inf") if found is None else found.usd_per_hour * HOURS_PER_MONTH

    def _posed(self, engine: str | None) -> Posed:
        if engine not in self._by_engine:
            ways = of_engine(self.case, self.all, engine)
            self._by_engine[engine] = self.case.posed(ways, offers=self.offers)
        return self._by_engine[engine]

    def _engines(self) -> list[str]:
        return sorted({c.engine for way in self.case.decided.ways for c in way.configurations})

    def _values(self, kind: Callable[[Offer], str]) -> list[str]:
        return sorted({kind(o) for o in self.offers})

    def _main(self) -> Locked:
        """What the plan spends most on, of each kind."""
        spent: dict[tuple[str, str], float] = {}
        for option in self.base.used():
            offer = option.offer
            keys = (("engine", option.configuration.engine), ("vendor", _vendor(offer)), ("seller", offer.seller),
                    ("term", offer.term))  # fmt: skip
            for key in keys:
                spent[key] = spent.get(key, 0.0) + offer.usd_per_hour
        best = {}
        for kind in ("engine", "vendor", "seller", "term"):
            mine = {value: usd for (name, value), usd in spent.items() if name == kind}
            best[kind] = max(mine, key=lambda v: (mine[v], v)) if mine else None
        return Locked(**best)


def _vendor(offer: Offer) -> str:
    return load_gpus()[offer.gpu].vendor


def _seller(offer: Offer) -> str:
    return offer.seller


def _term(offer: Offer) -> str:
    return offer.term


def _claim(locked: Sequence[Restricted]) -> str:
    """What the circulating claim comes to for this question."""
    ratios = [(r.ratio, r.restriction) for r in locked if r.ratio is not None]
    if not ratios:
        return "Nothing can serve all workloads when locked in, so there is no ratio."
    low, high = min(ratios)[0], max(ratios)
    there = [name for ratio, name in ratios if ratio >= CLAIMED[0]]
    words = f"Being locked in costs {low:.2f} to {high[0]:.2f} times the free choice here, most for {high[1]}"
    if there:
        return f"{words}; three times or more, as is often claimed, only with {', '.join(there[:6])}."
    return f"{words}; the often claimed three to five times is not reached by any single lock."
