"""Many solves of nearly the same problem: what did not change is not solved again.

A problem falls apart where nothing couples its parts: a workload in one slice of the month is a part of its own
unless units of it last longer than the slice. Parts are solved to the optimum and remembered by their content,
so a changed price costs the parts in which that offer could matter. Where the parts together break a limit they
share (a pool, a resource), the whole problem is solved as one, starting from the plan known best.

A remembered part is the exact re-solve of that part, not an approximation of it: an answer does not depend on
what was asked before, but for ties.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from planner.errors import NoAnswer
from planner.optimize import highs
from planner.optimize.check import Proposal, usd_per_hour, violations
from planner.optimize.cover import FORGIVEN, cover
from planner.optimize.highs import Stops
from planner.optimize.problem import Bools, Decision, Floats, Ints, Problem
from planner.optimize.prune import undominated
from planner.optimize.search import OPTIMAL_GAP, Search, as_proposal
from planner.optimize.solve import expanded, infeasible

PROOF = Stops(gap=1e-6, nodes_within_gap=5_000, nodes=5_000, seconds=10.0)
"""Differences of costs need proven costs; the node limit keeps one hopeless part from holding up all others."""

MOST_TIES = 256
"""Patterns of who may serve whom that are remembered at a time."""


@dataclass(frozen=True, eq=False)
class Part:
    """The cheapest plan over the options worth a look, and the proven bound, USD per hour; None: no plan."""

    plan: Proposal | None
    bound: float


@dataclass(eq=False)
class Family:
    """Solves related problems; a budget is not looked at, what a plan costs is the answer."""

    stops: Stops = PROOF
    parts_solved: int = 0
    joint_solves: int = 0
    _known: dict[bytes, Part] = field(default_factory=dict)
    _wholes: dict[bytes, Decision | None] = field(default_factory=dict)
    _ties: dict[bytes, tuple[tuple[Ints, Ints], ...]] = field(default_factory=dict)
    _within: dict[bytes, list[tuple[Floats, Part]]] = field(default_factory=dict)

    def decide(self, problem: Problem) -> Decision | None:
        """The cheapest plan, whatever the budget; None where the limits leave none."""
        began = time.perf_counter()
        if problem.limits.budget_usd_per_hour is not None:
            problem = problem.changed(budget_usd_per_hour=None)
        if not _apart(problem):
            return self._jointly(problem)
        plan, bound = nothing(problem), 0.0
        for classes, options in self._parts_of(problem):
            part, kept = self._part(problem, classes, options)
            if part.plan is None:
                return None
            _add(plan, part.plan, classes, options[kept])
            bound += part.bound
        used = (plan.units > 0) | (plan.shares > 0).any(axis=0)
        small = Proposal(plan.units[used], plan.shares[:, used], plan.unserved)
        if violations(problem.keep(used), small):
            return self._jointly(problem)
        return _decision(problem, plan, bound, time.perf_counter() - began)

    def alone(self, problem: Problem) -> Proposal | None:
        """The cheapest plan of a problem that is one part, without the checks of a whole; None: there is none."""
        several = self._parts_of(problem)
        if len(several) != 1 or not _apart(problem):
            found = self.decide(problem)
            return None if found is None else as_proposal(found)
        (classes, options), plan = several[0], nothing(problem)
        part, kept = self._part(problem, classes, options)
        if part.plan is not None:
            _add(plan, part.plan, classes, options[kept])
        return None if part.plan is None else plan

    def _parts_of(self, p: Problem) -> tuple[tuple[Ints, Ints], ...]:
        """As `parts_of`, once for all problems in which the same options may serve the same classes."""
        key = (
            np.packbits(p.eligible).tobytes() + p.holding_of_option.tobytes() + (p.demand_per_s > 0).tobytes()
        )
        if key not in self._ties:
            if len(self._ties) >= MOST_TIES:
                self._ties.clear()
            self._ties[key] = tuple(parts_of(p))
        return self._ties[key]

    def answer(self, problem: Problem) -> Decision:
        """As `decide`, where no plan is an answer too, without the reasons (`solve` looks for those)."""
        return self.decide(problem) or infeasible(problem)

    def _part(self, p: Problem, classes: Ints, options: Ints) -> tuple[Part, Ints]:
        """A part's plan, and which of its options the plan is about."""
        if len(classes) == 1 and _is_cover(p, int(classes[0]), options):
            return self._single(p, int(classes[0]), options)
        return self._general(p, classes, options)

    def _single(self, p: Problem, k: int, options: Ints) -> tuple[Part, Ints]:
        """One class and no share cap: a cover, tried at every size the spares may be counted at."""
        hosted = p.is_hosted[options]
        paid = np.where(hosted, p.load_usd_per_hour[k, options], np.inf)
        load = p.load_units[k, options]
        able = np.flatnonzero(load > 0)
        usd = p.usd_per_hour[options[able]]
        most = np.floor(p.pool_limit[p.option_pool[options[able]]] / p.use_of_pool[options[able]])
        spare = int(p.spare_units[p.class_group[k]])
        kept = _best_buys(usd, load[able], most, spare)
        able, usd, most = able[kept], usd[kept], most[kept]
        size, rest = 1.0 / load[able], float(paid.min(initial=np.inf))
        key = b"1" + np.array([spare, rest]).tobytes() + size.tobytes() + usd.tobytes() + most.tobytes()
        if key not in self._known:
            self.parts_solved += 1
            try:
                self._known[key] = _covered(size, usd, most, spare, rest)
            except OverflowError:
                return self._general(p, np.array([k]), options)
        bought = np.array([int(paid.argmin())] if hosted.any() else [], np.int64)
        return self._known[key], np.append(able, bought)

    def _general(self, p: Problem, classes: Ints, options: Ints) -> tuple[Part, Ints]:
        """Any part, by branch and bound."""
        mask, wanted = np.zeros(len(p.options), bool), np.zeros(len(p.classes), bool)
        mask[options], wanted[classes] = True, True
        part = p.changed(demand_per_s=np.where(wanted, p.demand_per_s, 0.0)).keep(mask)
        first = np.flatnonzero(_worth_a_look(part))
        few = part.keep(np.isin(np.arange(len(options)), first))
        kept = first[undominated(few)]
        pruned = part.keep(np.isin(np.arange(len(options)), kept))
        key = _content(pruned, classes, kept)
        if key not in self._known and (same := self._looser(pruned, classes, kept)) is not None:
            self._known[key] = same
        if key not in self._known:
            self.parts_solved += 1
            found = Search(highs.run, self.stops).decide_jointly(pruned, None)
            plan = (
                None
                if found is None
                else Proposal(found.units, found.shares[classes], found.unserved[classes])
            )
            self._known[key] = Part(plan, np.inf if found is None else found.bound)
            if pruned.share_caps:
                limits = np.array([cap.max_share for cap in pruned.share_caps])
                free = _content(pruned, classes, kept, capped=False)
                self._within.setdefault(free, []).append((limits, self._known[key]))
        return self._known[key], kept

    def _looser(self, p: Problem, classes: Ints, kept: Ints) -> Part | None:
        """The part under looser share caps, where its cheapest plan keeps these caps too: then it is theirs."""
        if not p.share_caps:
            return None
        limits = np.array([cap.max_share for cap in p.share_caps])
        for known, part in self._within.get(_content(p, classes, kept, capped=False), ()):
            if (known >= limits).all():
                if part.plan is None:
                    return part
                most = [part.plan.shares[:, c.mask].sum(axis=1).max(initial=0.0) for c in p.share_caps]
                if (np.array(most) <= limits).all():
                    return part
        return None

    def _jointly(self, problem: Problem) -> Decision | None:
        """The whole problem as one, by branch and bound."""
        keep = undominated(problem)
        pruned = problem.keep(keep)
        how = f"{problem.splitting} {problem.unserved_allowed}".encode()
        key = how + _content(pruned, np.arange(len(problem.classes)), np.flatnonzero(keep))
        if key not in self._wholes:
            self.joint_solves += 1
            try:
                self._wholes[key] = Search(highs.run, self.stops).decide(pruned, None)
            except NoAnswer:
                self._wholes[key] = None
        found = self._wholes[key]
        return None if found is None else expanded(found, keep)


def _is_cover(p: Problem, k: int, options: Ints) -> bool:
    """Whether nothing but units, prices and limits of their own decides how to serve class `k`."""
    units = options[p.load_units[k, options] > 0]
    pools = p.option_pool[units[np.isfinite(p.pool_limit[p.option_pool[units]])]]
    return not (
        p.losses
        or len(np.unique(pools)) < len(pools)
        or any(cap.mask[options].any() for cap in p.share_caps)
        or any(r.per_unit[units].any() for r in p.limits.resources)
        or (p.holding_of_option[units] >= 0).any()
        or (p.load_usd_per_hour[k, units] > 0).any()
    )


def nothing(p: Problem) -> Proposal:
    """The plan that rents nothing."""
    return Proposal(
        np.zeros(len(p.options), np.int64), np.zeros(p.capacity_per_s.shape), np.zeros(len(p.classes))
    )


def _add(plan: Proposal, part: Proposal, classes: Ints, options: Ints) -> None:
    plan.units[options] += part.units
    plan.shares[np.ix_(classes, options)] = part.shares
    plan.unserved[classes] = part.unserved


def _covered(size: Floats, usd: Floats, most: Floats, spare: int, rest_usd: float) -> Part:
    """One load alone. With spares the rest after a loss counts no unit above some size: the best size is taken.

    The last option of the plan is what the rest is bought from, if it can be.
    """
    best, cost = None, np.inf
    for z in np.unique(size) if spare else (np.inf,):
        need = 1.0 + spare * z if spare else 1.0
        found = cover(np.minimum(size, z), usd, most, need=need, rest_usd=rest_usd)
        total = np.inf if found is None else float(found @ usd) + _rest(found, size, rest_usd)
        if total < cost * (1 - 1e-12):
            best, cost = found, float(total)
    if best is None:
        return Part(None, np.inf)
    carried = best * size
    shares = carried / max(carried.sum(), 1.0 - FORGIVEN if not np.isfinite(rest_usd) else 1.0)
    if np.isfinite(rest_usd):
        shares, best = np.append(shares, max(1.0 - shares.sum(), 0.0)), np.append(best, 0)
    elif shares.sum() > 0:
        shares = shares / shares.sum()
    return Part(Proposal(best, shares[None, :], np.zeros(1)), cost)


def _rest(counts: Ints, size: Floats, rest_usd: float) -> float:
    """USD per hour of buying what the units do not carry."""
    left = max(1.0 - float(counts @ size), 0.0)
    return left * rest_usd if left > 0 and np.isfinite(rest_usd) else 0.0


def _apart(p: Problem) -> bool:
    """Whether parts may be solved on their own at all."""
    return not p.unserved_allowed and p.splitting == "continuous"


def parts_of(p: Problem) -> Iterator[tuple[Ints, Ints]]:
    """(classes, options) of every part with demand: what is tied together by an option that may serve both."""
    from scipy.sparse.csgraph import connected_components

    usable, wanted = np.flatnonzero(p.eligible.any(axis=0)), np.flatnonzero(p.demand_per_s > 0)
    if len(wanted) < 2:
        yield from ((wanted, usable) for _ in wanted)
        return
    serves = p.eligible[np.ix_(wanted, usable)]
    ties = [serves[:, serves.sum(axis=0) > 1].astype(np.float32)]  # options that serve one class tie nothing
    held = p.holding_of_option[usable]
    if (held >= 0).any():  # hardware that changes groups ties all classes it may serve
        numbers = np.unique(held[held >= 0])
        ties.append(np.array([serves[:, held == h].any(axis=1) for h in numbers], np.float32).T)
    reach = np.unique(np.hstack([np.eye(len(wanted), dtype=np.float32), *ties]), axis=1)
    meets = reach @ reach.T
    _, part_of_class = connected_components(meets > 0, directed=False)
    part_of_option = part_of_class[serves.argmax(axis=0)] if usable.size else usable
    for part in np.unique(part_of_class):
        yield wanted[part_of_class == part], usable[part_of_option == part]


def _best_buys(usd: Floats, load: Floats, most: Floats, spare: int) -> Ints:
    """Options worth a look, in their own order: not those that at least as strong and not dearer ones replace.

    In a plan without a unit too many, those and the option hold no more units than the option alone would need
    (and the spares); where that many of the better ones are to be had, its units can be theirs.
    """
    order = np.lexsort((np.arange(len(usd)), load, usd))
    load, most = load[order], most[order]
    needed = np.ceil(load) + spare
    unlimited = most >= needed
    reached = np.minimum.accumulate(np.append(np.inf, np.where(unlimited, load, np.inf)))[:-1]
    open_ = load < reached
    order, load, most, needed = order[open_], load[open_], most[open_], needed[open_]
    if np.isfinite(most).any():
        better = np.tril(load[None, :] <= load[:, None], -1)
        order = order[better @ np.minimum(most, 1e9) < needed]
    kept: Ints = np.sort(order)
    return kept


def _worth_a_look(p: Problem) -> Bools:
    """[O]: a first, quick pruning of the options that serve one class and differ in price and strength only."""
    looked = np.ones(len(p.options), bool)
    plain = (p.eligible.sum(axis=0) == 1) & ~p.is_hosted & (p.holding_of_option < 0)
    for burden in (*(cap.mask for cap in p.share_caps), *(r.per_unit > 0 for r in p.limits.resources)):
        plain &= ~burden
    if p.losses or (p.load_usd_per_hour[:, plain] > 0).any():
        return looked
    for k in np.flatnonzero(p.demand_per_s > 0):
        mine = np.flatnonzero(p.eligible[k] & plain)
        looked[mine] = False
        most = np.floor(p.pool_limit[p.option_pool[mine]] / p.use_of_pool[mine])
        spare = int(p.spare_units[p.class_group[k]])
        looked[mine[_best_buys(p.usd_per_hour[mine], p.load_units[k, mine], most, spare)]] = True
    return looked


def _content(p: Problem, classes: Ints, kept: Ints, *, capped: bool = True) -> bytes:
    """What the answer to a pruned part depends on; without the heights of its share caps if not `capped`."""
    caps = [np.array([*cap.mask, cap.max_share if capped else -1.0], float) for cap in p.share_caps]
    uses = [np.array([*r.per_unit, r.limit], float) for r in p.limits.resources]
    arrays = (classes, kept, p.demand_per_s, p.class_group, p.option_group, p.option_pool, p.capacity_per_s,
              p.usd_per_hour, p.load_usd_per_hour, p.is_hosted, p.pool_limit, p.use_of_pool, p.holding_of_option,
              p.period_of_class, p.period_of_option, p.spare_units,
              *(() if p.holding_usd_per_hour is None else (p.holding_usd_per_hour,)),
              *(np.array([*d.mask, g, t], float) for d, g, t in p.losses), *caps, *uses)  # fmt: skip
    return b"n" + b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)


def _decision(p: Problem, plan: Proposal, bound: float, seconds: float) -> Decision:
    cost = usd_per_hour(p, plan)
    proven = min(bound, cost)
    gap = (cost - proven) / cost if cost > 0 else 0.0
    return Decision(
        status="optimal" if gap <= OPTIMAL_GAP else "within_gap",
        units=plan.units, shares=plan.shares, unserved=plan.unserved, usd_per_hour=cost, bound=proven, gap=gap,
        seconds=seconds,
    )  # fmt: skip
