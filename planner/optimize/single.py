"""Plans known without a solver: each option alone, the best per key, and a greedy fill when pools run out.

They bound the search, stand in when it fails, and are the "five best alternatives" of a plan.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.optimize.problem import ALL_PERIODS, ANY_PERIOD, Floats, Ints, Problem

SLACK = 1e-6
"""A unit may be loaded to one millionth above its capacity; capacities are known to a percent at best."""
ROUNDING = 1e-8
"""A plan counted by `whole_units` may be this much cheaper than exact arithmetic allows."""


@dataclass(frozen=True, eq=False)
class Alone:
    """[O]: units and USD per hour of serving the option's group (in its period) with it only; inf: cannot.

    Options on held hardware are no answer alone: they come in sets, see `_held_set`.
    """

    units: Floats
    usd_per_hour: Floats


@dataclass(frozen=True, slots=True)
class SinglePlan:
    """The cheapest plan that uses, for each group, one option of the key; `options` with their `units`."""

    key: int
    options: tuple[int, ...]
    units: tuple[int, ...]
    usd_per_hour: float


def whole_units(load: Floats) -> Floats:
    """Units that carry a load given in units, SLACK forgiven.

    >>> whole_units(np.array([0.0, 1e-9, 1.0000001, 1.1, 3.0]))
    array([0., 1., 1., 2., 3.])
    """
    forgiven = np.ceil(load - SLACK * np.maximum(1.0, load * 1e-3))
    return np.where(load > 0, np.maximum(forgiven, 1.0), 0.0)


def alone(problem: Problem) -> Alone:
    """Closed form: ceil(sum of the classes' loads) + spares, where pool limits and share caps allow it."""
    p = problem
    wanted = p.demand_per_s > 0
    units, paid = np.zeros(len(p.options)), np.zeros(len(p.options))
    serves = np.zeros(len(p.options), bool)
    for group in range(p.group_count):
        for period in np.unique(p.period_of_option):
            options = (p.option_group == group) & (p.period_of_option == period)
            classes = wanted & (p.class_group == group)
            if period != ALL_PERIODS:
                classes &= np.isin(p.period_of_class, (ANY_PERIOD, period))
            if not classes.any():
                continue
            serves |= options & p.eligible[classes].all(axis=0)
            units = np.where(options, _peak_units(p, classes) + p.spare_units[group], units)
            paid = np.where(options, p.load_usd_per_hour[classes].sum(axis=0), paid)
    units[p.is_hosted] = 0.0
    fits = serves & _allowed(p) & (units * p.use_of_pool <= p.pool_limit[p.option_pool] * (1 + SLACK))
    fits &= p.holding_of_option == -1
    units = np.where(fits, units, np.inf)
    with np.errstate(invalid="ignore"):
        usd = np.where(fits, units * p.usd_per_hour + paid, np.inf)
    return Alone(units, usd)


def _allowed(p: Problem) -> np.ndarray:
    """[O]: may carry all of its group: in no share cap, and nothing whose loss must be survived."""
    fits = np.ones(len(p.options), bool)
    for cap in p.share_caps:
        fits &= ~cap.mask
    for domain, group, period in p.losses:
        fits &= ~(domain.mask & (p.option_group == group) & p.present_in(period))
    return fits


def _peak_units(p: Problem, classes: np.ndarray) -> Floats:
    """[O]: units for these classes in the busiest period."""
    peak = np.zeros(len(p.options))
    arcs, loads = p.arc_period[classes], p.load_units[classes]
    for period in np.unique(arcs):
        peak = np.maximum(peak, whole_units((loads * (arcs == period)).sum(axis=0)))
    return peak


def best_per_key(problem: Problem, key: Ints) -> tuple[SinglePlan, ...]:
    """For every value of `key` [O] (GPU, seller, engine ...) its cheapest plan, cheapest first.

    A group takes one option for all periods, or one per period. Keys that cannot serve a group are left out.
    """
    costs = alone(problem)
    groups = np.unique(problem.class_group[problem.demand_per_s > 0])
    plans = []
    for value in np.unique(key[np.isfinite(costs.usd_per_hour) | (problem.holding_of_option >= 0)]):
        mine = key == value
        some = Alone(costs.units, np.where(mine, costs.usd_per_hour, np.inf))
        parts = [_cheapest_of_group(problem, some, int(group), mine) for group in groups]
        total = sum(part.usd_per_hour for part in parts)
        if np.isfinite(total):
            options = tuple(o for part in parts for o in part.options)
            units = tuple(n for part in parts for n in part.units)
            plans.append(SinglePlan(int(value), options, units, total))
    return tuple(sorted(plans, key=lambda plan: (plan.usd_per_hour, plan.key)))


def best_single(problem: Problem) -> SinglePlan | None:
    """The cheapest plan with one option per group (and period)."""
    plans = best_per_key(problem, np.zeros(len(problem.options), np.int64))
    return plans[0] if plans else None


NOTHING = SinglePlan(-1, (), (), np.inf)


def _cheapest_of_group(problem: Problem, costs: Alone, group: int, mine: np.ndarray) -> SinglePlan:
    """One option for the horizon, one per period with demand, or one holding in its roles: the cheapest."""
    here = np.where(problem.option_group == group, costs.usd_per_hour, np.inf)
    at = problem.period_of_option
    horizon = int(np.argmin(np.where(at == ALL_PERIODS, here, np.inf)))
    wanted = (problem.class_group == group) & (problem.demand_per_s > 0)
    periods = [
        int(np.argmin(np.where(at == t, here, np.inf))) for t in np.unique(problem.period_of_class[wanted])
    ]
    usd_horizon = here[horizon] if at[horizon] == ALL_PERIODS else np.inf
    usd_periods = sum(here[o] if at[o] != ALL_PERIODS else np.inf for o in periods)
    options = (horizon,) if usd_horizon <= usd_periods else tuple(periods)
    best = NOTHING
    if np.isfinite(usd := min(usd_horizon, usd_periods)):
        best = SinglePlan(-1, options, tuple(int(costs.units[o]) for o in options), float(usd))
    sets = (_held_set(problem, group, o) for o in _sets_of(problem, group, mine))
    return min((best, *sets), key=lambda plan: plan.usd_per_hour)


def _sets_of(p: Problem, group: int, mine: np.ndarray) -> list[Ints]:
    """The options of a group on each holding."""
    members = np.flatnonzero((p.holding_of_option >= 0) & (p.option_group == group) & mine)
    return [members[p.holding_of_option[members] == h] for h in np.unique(p.holding_of_option[members])]


def _held_set(p: Problem, group: int, options: Ints) -> SinglePlan:
    """Serving a group on one holding only, work of any period spread over its hours."""
    classes = (p.class_group == group) & (p.demand_per_s > 0)
    shares, load = _even_shares(p, classes, options), p.load_units[np.ix_(classes, options)]
    units = whole_units((shares * load).sum(axis=0))
    units = np.where(units > 0, units + p.spare_units[group], 0.0)
    fits = (shares.sum(axis=1) > 0.5).all() and _allowed(p)[options].all()
    if not fits or (units * p.use_of_pool[options] > p.pool_limit[p.option_pool[options]]).any():
        return NOTHING
    held = p.holding_usd_per_hour[p.holding_of_option[options[0]]] * units.max()  # type: ignore[index]
    usd = (
        held
        + p.usd_per_hour[options] @ units
        + (p.load_usd_per_hour[np.ix_(classes, options)] * shares).sum()
    )
    return SinglePlan(-1, tuple(options.tolist()), tuple(units.astype(int).tolist()), float(usd))


def _even_shares(p: Problem, classes: np.ndarray, options: Ints) -> Floats:
    """[classes, options]: each class over the options that may serve it, keeping equally many units busy."""
    at = np.ix_(classes, options)
    weight = np.where(p.eligible[at], 1.0 / np.where(p.load_units[at] > 0, p.load_units[at], 1.0), 0.0)
    total = weight.sum(axis=1, keepdims=True)
    shares: Floats = np.divide(weight, total, out=np.zeros_like(weight), where=total > 0)
    return shares


def plan_of(problem: Problem, single: SinglePlan) -> tuple[Ints, Floats]:
    """Units [O] and shares [K, O] of a single-option plan."""
    units = np.zeros(len(problem.options), np.int64)
    shares = np.zeros(problem.capacity_per_s.shape)
    for option, count in zip(single.options, single.units, strict=True):
        units[option] = count
    chosen = np.array(single.options, np.int64)
    shares[:, chosen] = _even_shares(problem, np.ones(len(problem.classes), bool), chosen)
    return units, shares


def greedy(problem: Problem) -> tuple[Ints, Floats] | None:
    """Fill class by class with the cheapest option that has room; None when it ends short of a limit.

    Used where no single option suffices (small pools, share caps). It looks at no budget and no resource: the
    check that follows does.
    """
    p = problem
    units = np.zeros(len(p.options), np.int64)
    shares = np.zeros(p.capacity_per_s.shape)
    free = np.zeros((len(p.options), p.period_count))
    pool_left = np.floor(p.pool_limit).astype(float)
    for k in np.argsort(-p.demand_per_s, kind="stable"):
        left = 1.0 if p.demand_per_s[k] > 0 else 0.0
        cap_left = [cap.max_share for cap in p.share_caps]
        held = np.zeros(1) if p.holding_usd_per_hour is None else p.holding_usd_per_hour
        rent = p.usd_per_hour + np.where(p.holding_of_option >= 0, held[p.holding_of_option], 0.0)
        ranking = np.argsort(rent * np.maximum(p.load_units[k], 1.0) + p.load_usd_per_hour[k], kind="stable")
        for o in ranking[p.eligible[k, ranking]]:
            caps = [i for i, cap in enumerate(p.share_caps) if cap.mask[o]]
            pool, period, load = p.option_pool[o], p.arc_period[k, o], p.load_units[k, o]
            room = (
                (free[o, period] + np.floor(pool_left[pool] / p.use_of_pool[o] + 1e-9)) / load
                if load > 0
                else 1.0
            )
            share = min([left, room, *(cap_left[i] for i in caps)])
            share = np.floor(share * p.pieces + 1e-9) / p.pieces if p.splitting != "continuous" else share
            if share <= 1e-9:
                continue
            opened = whole_units(np.array(max(share * load - free[o, period], 0.0))).item()
            opened = min(opened, np.floor(pool_left[pool] / p.use_of_pool[o] + 1e-9))
            units[o] += int(opened)
            pool_left[pool] -= opened * p.use_of_pool[o]
            free[o, :] += opened
            free[o, period] -= share * load
            shares[k, o] += share
            left -= share
            for i in caps:
                cap_left[i] -= share
            if left <= 1e-9:
                break
        if left > 1e-9:
            return None
    return _with_spares(p, units, pool_left), shares


def _with_spares(p: Problem, units: Ints, pool_left: Floats) -> Ints:
    """Add the group's spares as its largest unit in use that still has room."""
    for group in np.flatnonzero(p.spare_units):
        size = np.divide(1.0, p.load_units.sum(axis=0), out=np.zeros(len(units)), where=units > 0)
        for o in np.argsort(-size * (p.option_group == group) * (units > 0), kind="stable")[:1]:
            units[o] += int(min(p.spare_units[group], pool_left[p.option_pool[o]]))
    return units
