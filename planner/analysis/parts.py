"""The parts of a problem that an option touches, and the price or throughput at which it enters or leaves them.

With every other price fixed, the least cost as a function of one price is the lower envelope of straight lines,
one per plan: concave, and at most what the best plan without the option costs. So where it meets that cost is
found by following the line of the plan in hand to it, re-solving there, and going on until nothing cheaper is
found: a handful of exact re-solves in place of a bisection. Throughput has no such shape and is bisected.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from planner.optimize.check import Proposal, usd_per_hour
from planner.optimize.family import Family, parts_of
from planner.optimize.problem import Bools, Decision, Floats, Ints, Problem
from planner.optimize.search import as_proposal

SAME = 1e-9
"""Costs this close, relative, are the same cost."""
STEPS = 60
"""Each step of a search finds another plan; a handful is usual, this is the guard."""
CLOSE = 1e-3
"""Relative width at which a bisection over throughput or demand ends."""


@dataclass(frozen=True, eq=False)
class Part:
    """A sub-problem that can be solved on its own, the numbers its columns have in the whole, and its cheapest plan."""

    problem: Problem
    columns: Ints
    plan: Proposal

    @property
    def usd_per_hour(self) -> float:
        """Of its cheapest plan."""
        return usd_per_hour(self.problem, self.plan)

    @property
    def used(self) -> Bools:
        """[options of the part]: what its plan uses."""
        return used(self.plan)

    def uses(self, option: Bools) -> bool:
        """Whether its plan uses an option of the mask [options of the whole]."""
        return bool(self.used[option[self.columns]].any())


def parts(family: Family, problem: Problem, whole: Decision) -> tuple[Part, ...]:
    """Parts of the problem, or the whole as the only one where limits that parts share tie them together."""
    found = tuple(_solved(family, problem))
    total = sum(part.usd_per_hour for part in found)
    if found and abs(total - whole.usd_per_hour) <= SAME * max(total, 1.0):
        return found
    return (Part(problem, np.arange(len(problem.options)), as_proposal(whole)),)


def _solved(family: Family, problem: Problem) -> Iterator[Part]:
    for classes, options in parts_of(problem):
        mine, wanted = np.zeros(len(problem.options), bool), np.zeros(len(problem.classes), bool)
        mine[options], wanted[classes] = True, True
        part = problem.changed(demand_per_s=np.where(wanted, problem.demand_per_s, 0.0)).keep(mine)
        plan = family.alone(part)
        if plan is not None:
            yield Part(part, options, plan)


def used(plan: Proposal) -> Bools:
    """[O]: rented, or serving by the request."""
    found: Bools = (plan.units > 0) | (plan.shares > 0).any(axis=0)
    return found


def paid(problem: Problem, plan: Proposal, option: Bools) -> float:
    """USD per hour of what the plan buys of the options of the mask [O]."""
    usd = float(problem.usd_per_hour[option] @ plan.units[option])
    if problem.share_usd_per_hour is not None:
        usd += float((problem.share_usd_per_hour[:, option] * plan.shares[:, option]).sum())
    if problem.holding_usd_per_hour is not None:
        rates, held = problem.holding_usd_per_hour, problem.held(np.where(option, plan.units, 0))
        usd += float(rates @ held)
    return usd


def priced(problem: Problem, option: Bools, factor: float) -> Problem:
    """The problem with the prices of the mask [O] multiplied."""
    changes: dict[str, object] = {
        "usd_per_hour": np.where(option, factor * problem.usd_per_hour, problem.usd_per_hour)
    }
    if problem.share_usd_per_hour is not None:
        changes["share_usd_per_hour"] = problem.share_usd_per_hour * np.where(option, factor, 1.0)
    if problem.holding_usd_per_hour is not None and problem.holding_of_option[option].max(initial=-1) >= 0:
        mine = np.isin(np.arange(len(problem.holding_usd_per_hour)), problem.holding_of_option[option])
        changes["holding_usd_per_hour"] = problem.holding_usd_per_hour * np.where(mine, factor, 1.0)
    return problem.changed(**changes)


def sped(problem: Problem, option: Bools, factor: float) -> Problem:
    """The problem with the throughput of the mask [O] multiplied."""
    faster = np.where(option[None, :], factor, 1.0)
    return problem.changed(capacity_per_s=problem.capacity_per_s * faster)


def leaving_price(family: Family, among: Sequence[Part], option: Bools) -> float | None:
    """Factor on today's price above which no part's plan uses the option; None: nothing can take its place."""
    factor = 1.0
    for part in among:
        mine = option[part.columns]
        if part.used[mine].any():
            without = _cost(family, part.problem.without(mine))
            if not np.isfinite(without):
                return None
            factor = _followed(family, part, mine, start=factor, level=without)
    return factor


def entering_price(
    family: Family, among: Sequence[Part], option: Bools, *, above: float = 0.0
) -> float | None:
    """Factor on today's price below which some part's plan uses the option; None: not even for nothing.

    Factors up to `above` are of no interest: None is returned for them too.
    """
    factor = None
    for part in among:
        mine = option[part.columns]
        if mine.any():
            found = _followed(family, part, mine, start=factor or above, level=part.usd_per_hour)
            if found > (factor or above):
                factor = found
    return factor


def entering_bounds(part: Part) -> Floats:
    """[options of the part]: factors on today's price above which none can enter, found without a solve.

    The relaxation to fractions of units prices the load of each class. A plan with a unit of an option costs at
    least the relaxation's value, less what that unit carries at those prices, plus what the unit costs; it can be
    cheaper than the best plan only below (best - relaxation + worth of a unit) / price of a unit.
    """
    p = part.problem
    wanted = np.flatnonzero(p.demand_per_s > 0)
    hosted = p.is_hosted & p.eligible.any(axis=0)
    usd = np.where(hosted, p.load_usd_per_hour[wanted].sum(axis=0), p.usd_per_hour)
    load = np.where(hosted[None, :] & p.eligible[wanted], 1.0, p.load_units[wanted])
    carries = np.divide(1.0, load, out=np.zeros_like(load), where=load > 0)
    if len(wanted) == 1:
        rate = np.divide(usd, carries[0], out=np.full(len(usd), np.inf), where=carries[0] > 0).min(
            initial=np.inf
        )
        value, worth = float(rate), rate * np.minimum(carries[0], 1.0)
    else:
        value, worth = _relaxed(p, usd, carries)
    bound: Floats = np.divide(part.usd_per_hour - value + worth, usd, out=np.zeros(len(usd)),
                              where=(usd > 0) & (carries > 0).any(axis=0))  # fmt: skip
    return bound


def _relaxed(p: Problem, usd: Floats, carries: Floats) -> tuple[float, Floats]:
    """Value of serving every class by fractions of units, and what a unit of each option is worth there."""
    from scipy.optimize import linprog
    from scipy.sparse import csr_array

    most = np.where(p.is_hosted, np.inf, p.pool_limit[p.option_pool] / p.use_of_pool)
    answer = linprog(usd, A_ub=csr_array(-carries), b_ub=-np.ones(len(carries)),
                     bounds=np.stack([np.zeros(len(usd)), most], axis=1), method="highs")  # fmt: skip
    if answer.status != 0:
        return 0.0, usd
    price = -np.asarray(answer.ineqlin.marginals)
    return float(answer.fun), price @ carries


def _followed(family: Family, part: Part, mine: Bools, *, start: float, level: float) -> float:
    """The highest factor at which a plan with the option costs less than `level`; `start` where there is none above."""
    factor = start
    for _ in range(STEPS):
        now = priced(part.problem, mine, factor)
        plan = family.alone(now)
        usd = np.inf if plan is None else usd_per_hour(now, plan)
        if plan is None or usd >= level - SAME * level:
            return factor
        own = paid(part.problem, plan, mine)
        if own <= 0:
            return factor
        factor += (level - usd) / own
    return factor


def leaving_speed(
    family: Family, among: Sequence[Part], option: Bools, *, least: float = 0.1
) -> float | None:
    """Factor on throughput below which no part's plan uses the option; None: it stays down to `least`."""
    factor: float | None = 1.0
    for part in among:
        mine = option[part.columns]
        if factor is not None and part.used[mine].any():
            without = _cost(family, part.problem.without(mine))
            factor = _bisected(family, part, mine, stays=factor, goes=least, level=without)
    return factor


def entering_speed(
    family: Family, among: Sequence[Part], option: Bools, *, most: float = 8.0
) -> float | None:
    """Factor on throughput above which some part's plan uses the option; None: not even at `most`."""
    factor = None
    for part in among:
        mine = option[part.columns]
        if mine.any():
            at = factor or most
            if _cheaper(family, part, mine, at, part.usd_per_hour):
                factor = _bisected(family, part, mine, stays=at, goes=1.0, level=part.usd_per_hour)
    return factor


def _cost(family: Family, problem: Problem) -> float:
    plan = family.alone(problem)
    return np.inf if plan is None else usd_per_hour(problem, plan)


def _cheaper(family: Family, part: Part, mine: Bools, factor: float, level: float) -> bool:
    return _cost(family, sped(part.problem, mine, factor)) < level - SAME * level


def _bisected(
    family: Family, part: Part, mine: Bools, *, stays: float, goes: float, level: float
) -> float | None:
    """Factor between `stays`, at which the option is used, and `goes`, where it should not be; None where it is."""
    if not np.isfinite(level) or _cheaper(family, part, mine, goes, level):
        return None
    if not _cheaper(family, part, mine, stays, level):
        return stays
    while abs(stays / goes - 1.0) > CLOSE:
        middle = float(np.sqrt(stays * goes))
        if _cheaper(family, part, mine, middle, level):
            stays = middle
        else:
            goes = middle
    return stays
