"""The worlds of one decision as arrays: what every option within reach could do and cost in each of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from planner.decide import Decided
from planner.optimize.problem import ALL_PERIODS, Bools, Floats, Ints, Problem
from planner.optimize.single import whole_units
from planner.options.interruptions import failure_domain, interruptions_per_hour
from planner.options.table import Option
from planner.pricing.offer import Offer
from planner.worlds.draws import Draws
from planner.worlds.outlook import YEAR_MEAN, Outlook, share_away
from planner.worlds.speeds import Errors, Shifted, rates

OPTIMISTIC_SD = -2.0  # how fast an option may turn out when we ask whether it is within reach
REACH = 1.5  # an option that, turned out so well, still costs this much more than the planned one is left out
WAYS = 3  # configurations kept for each workload, GPU and size of instance, besides the planned one
FLOATING = frozenset({"on_demand", "spot"})  # terms whose price moves


@dataclass(frozen=True, eq=False)
class Reach:
    """Options of the decision that some world may want, and the configurations (rows) of each workload tried.

    `options` [O] is None for a hosted API, which is as fast as it is. `choices` [O, C] are indices into `rows` of
    the option's workload, -1 where there are fewer; the planned configuration is the first.
    """

    kept: Ints
    options: tuple[Option | None, ...]
    problem: Problem
    pooled: Floats  # [K, O] capacity of a class against that of the busiest hours
    rows: tuple[Ints, ...]
    choices: Ints
    replicas: Floats  # [O, C] of one unit, less what interruptions cost work that waits


@dataclass(frozen=True, eq=False)
class Worlds:
    """W worlds. `capacity` [W, O, C]: one unit at the busiest hours; `usd_per_hour` [W, O]; `demand` [W, K];
    `away` [W, O]: spot capacity that is gone at the moment looked at."""

    reach: Reach
    capacity: Floats
    usd_per_hour: Floats
    demand: Floats
    away: Bools

    @property
    def count(self) -> int:
        """W."""
        return len(self.demand)

    @cached_property
    def best_choice(self) -> Ints:
        """[W, O]: the configuration that carries most in each world."""
        return np.asarray(self.capacity.argmax(axis=2), np.int64)

    @cached_property
    def best(self) -> Floats:
        """[W, O]: what a unit sustains with its best configuration."""
        return np.asarray(self.capacity.max(axis=2), float)

    def problem(self, w: int) -> Problem:
        """The placement problem of who knows world `w`; the budget is left out, since it does not bend."""
        p, more = self.reach.problem, self.demand[w] / np.maximum(self.reach.problem.demand_per_s, 1e-12)
        by_request = None if p.share_usd_per_hour is None else p.share_usd_per_hour * more[:, None]
        return p.changed(
            capacity_per_s=self.reach.pooled * self.best[w],
            usd_per_hour=self.usd_per_hour[w],
            demand_per_s=self.demand[w],
            share_usd_per_hour=by_request,
            budget_usd_per_hour=None,
        )

    def some(self, chosen: NDArray[np.int64]) -> Worlds:
        """Only these worlds."""
        return replace(self, capacity=self.capacity[chosen], usd_per_hour=self.usd_per_hour[chosen],
                       demand=self.demand[chosen], away=self.away[chosen])  # fmt: skip


def reach_of(decided: Decided, *, only_used: bool = False) -> Reach:
    """What of a decision matters in its worlds; with `only_used` nothing but the plan itself."""
    p = decided.problem
    options = [*(c.option for c in decided.columns), *(None for _ in decided.hosted)]
    units = _units(decided, only_used=only_used)
    peak = np.array([1.0 if o is None else o.capacity_per_s for o in options])
    pooled = np.divide(p.capacity_per_s, peak, out=np.zeros_like(p.capacity_per_s), where=peak > 0)
    wanted = (decided.decision.units > 0) | (decided.decision.shares.sum(axis=0) > 0)
    if not only_used:
        most = np.array([0.0 if o is None else units[_unit(o)][1] for o in options])
        wanted |= p.is_hosted | _affordable(p, pooled, most)
    kept = np.flatnonzero(wanted)
    mine = tuple(options[i] for i in kept)
    rows = tuple(
        np.array(sorted({r for o in mine if o and o.workload == w for r in _rows_of(o, units)}), np.int64)
        for w in range(len(decided.ways))
    )
    choices, replicas = _choices(mine, rows, units, decided)
    return Reach(kept, mine, p.keep(wanted), pooled[:, kept], rows, choices, replicas)


def worlds_of(decided: Decided, reach: Reach, errors: Errors, outlook: Outlook, draws: Draws) -> Worlds:
    """Worlds with these errors, and prices, demand and spot outages drawn beside them."""
    return Worlds(
        reach,
        capacity=capacities(decided, reach, errors),
        usd_per_hour=reach.problem.usd_per_hour * _price_factors(reach.options, outlook, draws),
        demand=reach.problem.demand_per_s * _demand_factors(decided, reach.problem, outlook, draws),
        away=_away(decided, reach.options, draws),
    )


def capacities(decided: Decided, reach: Reach, errors: Errors) -> Floats:
    """[W, O, C] requests per second of one unit at the busiest hours."""
    found = np.zeros((errors.count, *reach.choices.shape))
    for w, way in enumerate(decided.ways):
        mine = np.flatnonzero(reach.problem.option_group == w)
        if len(reach.rows[w]) and len(mine):
            found[:, mine] = rates(way, reach.rows[w], errors)[:, reach.choices[mine]]
    found = np.where(reach.choices >= 0, found * reach.replicas, 0.0)
    found[:, reach.problem.is_hosted, 0] = 1.0
    return found


_Unit = tuple[int, str, float]


def _unit(option: Option) -> _Unit:
    return option.workload, option.offer.gpu, option.offer.gpu_count


def _rows_of(option: Option, units: dict[_Unit, tuple[list[int], float]]) -> list[int]:
    return list(dict.fromkeys([option.row, *units[_unit(option)][0]]))


def _units(decided: Decided, *, only_used: bool) -> dict[_Unit, tuple[list[int], float]]:
    """For each workload, GPU and size of instance: its best configurations, and the most a unit may carry."""
    found: dict[_Unit, tuple[list[int], float]] = {}
    wanted = {_unit(o): o for o in decided.options}
    if only_used:
        return {key: ([], 0.0) for key in wanted}
    for w, way in enumerate(decided.ways):
        if not way.configurations:
            continue
        fast = rates(way, np.arange(len(way.configurations)), Shifted(({},), rest=OPTIMISTIC_SD))[0]
        gpus = np.array([c.layout.gpus for c in way.configurations])
        keys = np.array([c.evaluation.gpu.key for c in way.configurations])
        for key, option in wanted.items():
            if key[0] == w:
                count = int(option.offer.gpu_count)
                carried = np.where((keys == key[1]) & (gpus <= count), count // gpus * fast, 0.0)
                top = np.argsort(-carried, kind="stable")[:WAYS]
                found[key] = ([int(r) for r in top if carried[r] > 0], float(carried.max()))
    return found


def _affordable(p: Problem, pooled: Floats, most: Floats) -> Bools:
    """[O]: could the option, at its fastest, carry some class alone for less than REACH times the plan's way?"""
    own = p.eligible & ~p.is_hosted
    capacity = np.where(own, pooled * most, 0.0)
    load = np.divide(
        p.demand_per_s[:, None], capacity, out=np.full_like(capacity, np.inf), where=capacity > 0
    )
    whole = p.period_of_option == ALL_PERIODS
    planned = np.where(own, whole_units(p.load_units) * p.usd_per_hour, np.inf)
    least = np.where(whole, np.inf, planned).min(axis=1, initial=np.inf)
    fixed = np.where(whole, planned, np.inf).min(axis=1, initial=np.inf)
    by_class = np.fmin(least, fixed)
    # What is paid the whole month may serve all slices of it.
    allowed = np.where(whole, _per_group(p, by_class)[p.class_group][:, None], by_class[:, None])
    with np.errstate(invalid="ignore"):
        usd = np.where(np.isfinite(load), np.ceil(load) * p.usd_per_hour, np.inf)
    return np.asarray((usd <= REACH * allowed).any(axis=0))


def _per_group(p: Problem, usd: Floats) -> Floats:
    total = np.zeros(p.group_count)
    np.add.at(total, p.class_group, np.where(np.isfinite(usd), usd, 0.0))
    return total


def _choices(
    options: Sequence[Option | None],
    rows: tuple[Ints, ...],
    units: dict[_Unit, tuple[list[int], float]],
    decided: Decided,
) -> tuple[Ints, Floats]:
    choices, replicas = (
        -np.ones((len(options), WAYS + 1), np.int64),
        np.zeros((len(options), WAYS + 1)),
    )
    places = [{int(row): i for i, row in enumerate(found)} for found in rows]
    for i, option in enumerate(options):
        if option is None:
            continue
        way = decided.ways[option.workload]
        useful = option.capacity_per_s / (
            option.replicas_per_unit * float(way.load.requests_per_s[option.row])
        )
        for c, row in enumerate(_rows_of(option, units)):
            choices[i, c] = places[option.workload][row]
            replicas[i, c] = useful * (int(option.offer.gpu_count) // way.configurations[row].layout.gpus)
    return choices, replicas


def _price_factors(options: Iterable[Option | None], outlook: Outlook, draws: Draws) -> Floats:
    """[W, O]: mean price of the year against today's."""
    return _series(
        [_price_factor(o.offer, outlook, draws) if o else np.ones(draws.count) for o in options], draws
    )


def _price_factor(offer: Offer, outlook: Outlook, draws: Draws) -> Floats:
    moves = [(offer.gpu, outlook.gpu_price_sd), (f"{offer.gpu} {offer.seller}", outlook.seller_price_sd)]
    moves += [(f"{offer.gpu} {offer.seller} spot", outlook.spot_price_sd)] if offer.term == "spot" else []
    log = np.zeros(draws.count)
    if offer.term in FLOATING:
        for name, sd in moves:
            log += YEAR_MEAN * sd * draws.normal(f"price {name}") if sd > 0 else 0.0
    return np.exp(log)


def _demand_factors(decided: Decided, p: Problem, outlook: Outlook, draws: Draws) -> Floats:
    """[W, K]: realised demand against the stated one, the same in every slice of the month."""
    if outlook.demand_sd <= 0:
        return np.ones((draws.count, len(p.classes)))
    own = [draws.normal(f"demand {way.workload.name}") for way in decided.ways]
    of_group = np.stack([(draws.normal("demand") + one) / np.sqrt(2.0) for one in own], axis=1)
    return np.asarray(np.exp(outlook.demand_sd * of_group)[:, p.class_group], float)


def _away(decided: Decided, options: Iterable[Option | None], draws: Draws) -> Bools:
    """[W, O]: all spot of one failure domain vanishes at once, until it has started again; batches wait for it."""
    found = []
    for option in options:
        domain = None if option is None else failure_domain(option.offer)
        if option is None or domain is None or not decided.ways[option.workload].slo.interactive:
            found.append(np.zeros(draws.count, bool))
            continue
        share = share_away(interruptions_per_hour(option.offer), option.cold_start.value)
        found.append(draws.happens(domain, share))
    return _series(found, draws) > 0


def _series(found: list[Floats] | list[Bools], draws: Draws) -> Floats:
    """[W, O] of one series per option."""
    return np.asarray(np.stack(found, axis=1) if found else np.ones((draws.count, 0)), float)
