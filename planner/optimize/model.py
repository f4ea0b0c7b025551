"""The placement model, one function per business rule; reads like the maths, written over arrays.

    min  sum_o usd[o] n[o] + sum_h usd[h] N[h] + sum_ko usd[k,o] x[k,o]  (+ penalty of what stays unserved)
    serve_all_of[k]      sum_o x[k,o] + u[k] = 1
    capacity_of[o,t]     sum_{k in t} load[k,o] x[k,o] <= n[o]         load = demand / capacity, in units
    in_use[k,o]          x[k,o] <= n[o]                                 where load < 1 (implied otherwise)
    held[h,t]            sum_{o in h,t} n[o] <= N[h]                    hardware that changes groups
    availability[p,t]    sum_{o in p} use[o] n[o] <= limit[p]
    budget               sum_o usd[o] n[o] <= budget
    share_cap[c,k]       sum_{o in c} x[k,o] <= max_share[c]            spot, zones, sellers
    resource[r]          sum_o use[r,o] n[o] <= limit[r]
    spare_units[g,t]     without its s largest units the group still carries its load (see `spare_units`)
    losses[d,g,t]        sum_{o not in d} n[o] / load[g,o] >= 1         no failure domain takes the group down

with n integer and x a share in [0, 1], or whole pieces of 1/S (the arrays count pieces). No big-M anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from planner.optimize.arrays import Arrays, Builder, Index
from planner.optimize.problem import Floats, Problem
from planner.optimize.single import ROUNDING
from planner.optimize.spares import mix_size, spare_units

LARGEST_COUNT = 10_000_000
"""An option that could need more units is solved in real numbers and rounded up: 1e-7 of itself."""
STRONG_BELOW_INTEGERS = 1_000
"""`in_use` rows lift the bound by 5-50 % but cost incumbents on large models; up to here they pay."""
TINY_LOAD = 1e-3
"""Loads below this always get their `in_use` row: a coefficient near the solver's tolerance serves nobody."""


@dataclass(frozen=True, eq=False)
class Columns:
    """Where the variables are: units [O], shares [A] of the arcs (`klass`, `option`), unserved [K], held [H].

    `load` [A] in units; `most_usd` [G]: no best plan spends more on the group.
    """

    units: Index
    share: Index
    unserved: Index
    klass: Index
    option: Index
    load: Floats
    most_usd: Floats
    held: Index


@dataclass(frozen=True, eq=False)
class Model:
    """Arrays for a solver, and the way back from its values."""

    arrays: Arrays
    columns: Columns
    pieces: int
    exact: bool = True
    """False where spare sizes were thinned: plans are safe, but a cheaper one may be left out."""

    def shares(self, values: Floats, shape: tuple[int, int]) -> Floats:
        """[K, O]."""
        x = np.zeros(shape)
        x[self.columns.klass, self.columns.option] = values[self.columns.share] / self.pieces
        return x

    def unserved(self, values: Floats) -> Floats:
        """[K]."""
        return values[self.columns.unserved]


Rule = Callable[[Builder, Problem, Columns, "float | None"], None]


def build(
    problem: Problem, *, most_usd_per_hour: float = np.inf, relax: str | None = None, budget_row: bool = False
) -> Model:
    """Model of the problem. `relax` names a rule that may be broken: the objective is then to break it least.

    `most_usd_per_hour`: cost of a known plan; options and counts above it are cut off. The budget row is left
    out unless asked for: the cost is the objective, so the minimum answers it (unless load may go unserved).
    """
    open_problem = problem.changed(pool_limit=np.full_like(problem.pool_limit, np.inf))
    live = open_problem if relax == "availability" else problem
    most = _most_per_group(live, most_usd_per_hour)
    klass, option = np.nonzero(live.eligible)
    priced = 0.0 if relax else 1.0
    upper = _most_units(live, most)

    b = Builder()
    rent = priced * problem.usd_per_hour
    units = b.columns(len(problem.options), cost=rent, upper=upper, integer=upper <= LARGEST_COUNT)
    usd = priced * problem.load_usd_per_hour[klass, option] / problem.pieces
    share = b.columns(len(klass), cost=usd, upper=problem.pieces, integer=problem.splitting != "continuous")
    may_drop = float(problem.unserved_allowed and relax is None)
    penalty = may_drop * problem.unserved_usd_per_hour
    unserved = b.columns(len(problem.classes), cost=penalty, upper=may_drop)
    holding = problem.holding_usd_per_hour
    held = b.columns(
        0 if holding is None else len(holding), cost=0.0 if holding is None else priced * holding
    )
    load = live.load_units[klass, option]
    columns = Columns(units, share, unserved, klass, option, load, most, held)

    budget_row = budget_row or problem.unserved_allowed
    for name, rule in RULES.items():
        if name != "budget" or budget_row:
            rule(b, problem, columns, 1.0 if name == relax else None)
    return Model(b.arrays(), columns, problem.pieces, exact=b.exact)


def serve_all_of(b: Builder, p: Problem, c: Columns, slack: float | None) -> None:
    """Every class with demand is served in full."""
    wanted = np.flatnonzero(p.demand_per_s > 0)
    row_of = np.full(len(p.classes), -1)
    row_of[wanted] = np.arange(len(wanted))
    terms = [(row_of[c.klass], c.share, 1.0), (row_of[wanted], c.unserved[wanted], float(p.pieces))]
    b.rows("serve_all_of", len(wanted), terms, lower=p.pieces, upper=p.pieces)


def capacity_of(b: Builder, p: Problem, c: Columns, slack: float | None) -> None:
    """The load on an option keeps at most its units busy, in every period."""
    needs = np.flatnonzero(c.load > 0)
    place = c.option[needs] * p.period_count + p.arc_period[c.klass, c.option][needs]
    places, row = np.unique(place, return_inverse=True)
    load, share = c.load[needs], c.share[needs]
    units = c.units[places // p.period_count]
    # All loads below this add up to less than a millionth of a unit; `in_use` still gives them a unit.
    kept = load * len(p.classes) > 1e-6
    smallest = np.full(len(places), np.inf)
    np.minimum.at(smallest, row[kept], load[kept])
    # HiGHS 1.15.1 calls 5.8 times the optimum optimal when rows hold 2e-8 beside 0.3; lifting cures it.
    lift = np.clip(1e-3 / smallest, 1.0, 1e3)
    terms = [
        (row[kept], share[kept], load[kept] * lift[row[kept]] / p.pieces),
        (np.arange(len(places)), units, -lift),
    ]
    b.rows("capacity_of", len(places), terms, upper=0.0)


def in_use(b: Builder, p: Problem, c: Columns, slack: float | None) -> None:
    """No share without a unit. Implied by whole units; written out it makes the relaxation tight."""
    small_model = np.unique(c.option).size < STRONG_BELOW_INTEGERS
    arcs = np.flatnonzero((c.load < (1.0 if small_model else TINY_LOAD)) & ~p.is_hosted[c.option])
    row = np.arange(len(arcs))
    terms = [(row, c.share[arcs], 1.0), (row, c.units[c.option[arcs]], -float(p.pieces))]
    b.rows("in_use", len(arcs), terms, upper=0.0)


def held(b: Builder, p: Problem, c: Columns, slack: float | None) -> None:
    """Hardware held over the horizon covers what its roles take in every period."""
    for period in range(p.period_count if c.held.size else 0):
        o = np.flatnonzero((p.holding_of_option >= 0) & p.present_in(period))
        terms = [(p.holding_of_option[o], c.units[o], 1.0), (np.arange(len(c.held)), c.held, -1.0)]
        b.rows("held", len(c.held), terms, upper=0.0)


def availability(b: Builder, p: Problem, c: Columns, slack: float | None) -> None:
    """The options of a pool share its limit; pools of one option are bounded by their column."""
    used = np.zeros(len(p.options), bool)
    used[c.option] = True
    crowd = np.bincount(p.option_pool[used], minlength=len(p.pool_limit))
    heavy = np.isin(np.arange(len(p.pool_limit)), p.option_pool[used & (p.use_of_pool != 1)])
    pools = np.flatnonzero(np.isfinite(p.pool_limit) & ((crowd > (0 if slack else 1)) | heavy))
    row_of = np.full(len(p.pool_limit), -1)
    row_of[pools] = np.arange(len(pools))
    for period in range(p.period_count):
        member = used & p.present_in(period) & (row_of[p.option_pool] >= 0)
        o = np.flatnonzero(member)
        terms = [(row_of[p.option_pool[o]], c.units[o], p.use_of_pool[o])]
        b.rows("availability", len(pools), terms, upper=p.pool_limit[pools], slack_cost=slack)


def budget(b: Builder, p: Problem, c: Columns, slack: float | None) -> None:
    """Rent within the budget (row divided by the budget, so that it is near 1)."""
    limit = p.limits.budget_usd_per_hour
    if limit is None:
        return
    scale = max(limit, 1e-9)
    terms = [(0, c.units, p.usd_per_hour / scale)]
    if p.holding_usd_per_hour is not None:
        terms.append((0, c.held, p.holding_usd_per_hour / scale))
    if p.share_usd_per_hour is not None:
        terms.append((0, c.share, p.share_usd_per_hour[c.klass, c.option] / scale / p.pieces))
    b.rows("budget", 1, terms, upper=limit / scale, slack_cost=slack)


def share_cap(b: Builder, p: Problem, c: Columns, slack: float | None) -> None:
    """At most so much of each class on spot, in one zone, with one seller."""
    for cap in p.share_caps:
        arcs = np.flatnonzero(cap.mask[c.option])
        terms = [(c.klass[arcs], c.share[arcs], 1.0 / p.pieces)]
        if slack is not None:  # one slack for all classes: the cap itself moves
            terms.append(
                (np.arange(len(p.classes)), np.repeat(b.columns(1, cost=slack), len(p.classes)), -1.0)
            )
        b.rows("share_cap", len(p.classes), terms, upper=cap.max_share)


def resource(b: Builder, p: Problem, c: Columns, slack: float | None) -> None:
    """Power, quota: the sum over units stays within the limit (row divided by the limit)."""
    for r in p.limits.resources:
        scale = max(r.limit, np.abs(r.per_unit).max(initial=0.0) if r.limit == 0 else 1e-9, 1e-9)
        over = [] if slack is None else [(0, b.columns(1, cost=slack), -1.0)]  # the limit itself moves
        for period in range(1 if r.over_horizon else p.period_count):
            there = np.ones(len(p.options), bool) if r.over_horizon else p.present_in(period)
            terms = [(0, c.units[there], r.per_unit[there] / scale), *over]
            b.rows("resource", 1, terms, upper=r.limit / scale)


def losses(b: Builder, p: Problem, c: Columns, slack: float | None) -> None:
    """Without the units of any one failure domain a group still carries its load (classes in proportion)."""
    total: dict[tuple[int, int], tuple[Floats, Index]] = {}
    for domain, group, period in p.losses:
        if (group, period) not in total:  # one long row for all, so that the row of a domain is short
            size = np.minimum(_size_of(p, group, period), 1.0)
            everything, all_ = b.columns(1), np.flatnonzero(size)
            b.rows("losses", 1, [(0, c.units[all_], size[all_]), (0, everything, -1.0)], lower=0.0)
            total[group, period] = size, everything
        size, everything = total[group, period]
        lost = np.flatnonzero((size > 0) & domain.mask)
        b.rows("losses", 1, [(0, everything, 1.0), (0, c.units[lost], -size[lost])], lower=1.0)


def _size_of(p: Problem, group: int, period: int) -> Floats:
    size = mix_size(p, group, period)
    return np.zeros(len(p.options)) if size is None else size


def _most_per_group(p: Problem, most_usd_per_hour: float) -> Floats:
    """[G]: what a plan no dearer than a known one can spend on a group.

    The other groups cost at least what fractions of units would in their dearest period (units of the whole
    horizon are paid once); nothing where load may go unserved.
    """
    least = np.zeros((p.period_count + 1, p.group_count))  # the last row for work of any period
    if not p.unserved_allowed:
        usd = p.load_units * p.usd_per_hour + p.load_usd_per_hour
        usd = np.where(p.eligible, usd, np.inf).min(axis=1, initial=np.inf)
        needed = np.where((p.demand_per_s > 0) & np.isfinite(usd), usd, 0.0)
        np.add.at(least, (p.period_of_class, p.class_group), needed)
    of_group = least.max(axis=0)
    most: Floats = most_usd_per_hour - (of_group.sum() - of_group)
    return most


def _most_units(p: Problem, most_usd: Floats) -> Floats:
    """[O]: no best plan holds more of an option: all its load alone plus the spares, its pool, its price."""
    load = np.zeros(len(p.options))
    for period in range(p.period_count):
        load = np.maximum(load, p.load_in(period))
    spare = p.spare_units[p.option_group] if p.group_count else 0
    most = np.where(load > 0, np.ceil(load) + spare, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        affordable = np.floor(most_usd[p.option_group] * (1 + ROUNDING) / p.usd_per_hour)
    most = np.fmin(most, np.where(p.usd_per_hour > 0, affordable, np.inf))
    return np.minimum(most, np.floor(p.pool_limit[p.option_pool] / p.use_of_pool))


RULES: dict[str, Rule] = {
    "serve_all_of": serve_all_of,
    "capacity_of": capacity_of,
    "in_use": in_use,
    "held": held,
    "availability": availability,
    "budget": budget,
    "share_cap": share_cap,
    "resource": resource,
    "spare_units": spare_units,
    "losses": losses,
}
