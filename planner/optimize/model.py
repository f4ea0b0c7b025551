"""The placement model, one function per business rule; reads like the maths, written over arrays.

    min  sum_o usd[o] n[o]  (+ penalty of what stays unserved)
    serve_all_of[k]      sum_o x[k,o] + u[k] = 1
    capacity_of[o,t]     sum_{k in t} load[k,o] x[k,o] <= n[o]         load = demand / capacity, in units
    in_use[k,o]          x[k,o] <= n[o]                                 where load < 1 (implied otherwise)
    availability[p,t]    sum_{o in p} n[o] <= limit[p]
    budget               sum_o usd[o] n[o] <= budget
    share_cap[c,k]       sum_{o in c} x[k,o] <= max_share[c]            spot, zones, sellers
    resource[r]          sum_o use[r,o] n[o] <= limit[r]
    spare_units[g,t]     without its s largest units the group still carries its load (see `spare_units`)

with n integer and x a share in [0, 1] (or whole pieces of 1/S). No big-M anywhere. In the arrays x counts pieces.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from planner.optimize.arrays import Arrays, Builder, Index
from planner.optimize.problem import ALL_PERIODS, Bools, Floats, Ints, Problem

LARGEST_COUNT = 1_000_000
"""Above this many units an option's count is solved as a real number and rounded up: a millionth of itself."""
STRONG_BELOW_INTEGERS = 1_000
"""`in_use` rows lift the bound by 5-50 % but cost incumbents on large models; up to here they pay."""
TINY_LOAD = 1e-3
"""Loads below this always get their `in_use` row: a coefficient near the solver's tolerance serves nobody."""
MAX_SPARE_SIZES = 48


@dataclass(frozen=True, eq=False)
class Columns:
    """Where the variables are: units [O], shares [A] of the arcs (`klass`, `option`), unserved [K]."""

    units: Index
    share: Index
    unserved: Index
    klass: Index
    option: Index
    load: Floats


@dataclass(frozen=True, eq=False)
class Model:
    """Arrays for a solver, and the way back from its values."""

    arrays: Arrays
    columns: Columns
    pieces: int

    def shares(self, values: Floats, shape: tuple[int, int]) -> Floats:
        """[K, O]."""
        x = np.zeros(shape)
        x[self.columns.klass, self.columns.option] = values[self.columns.share] / self.pieces
        return x

    def unserved(self, values: Floats) -> Floats:
        """[K]."""
        return values[self.columns.unserved]

    def start(self, units: Ints, shares: Floats, unserved: Floats) -> Floats:
        """Values of the columns for a known plan (columns of the spare rules stay 0; the solver completes them)."""
        values = np.zeros(len(self.arrays.cost))
        values[self.columns.units] = units
        values[self.columns.share] = shares[self.columns.klass, self.columns.option] * self.pieces
        values[self.columns.unserved] = unserved
        return values


Rule = Callable[[Builder, Problem, Columns, "float | None"], None]


def build(
    problem: Problem, *, most_usd_per_hour: float = np.inf, relax: str | None = None, budget_row: bool = False
) -> Model:
    """Model of the problem. `relax` names one rule that may be broken; the least violation is then the objective.

    `most_usd_per_hour`: cost of a known plan; options and counts above it are cut off. The budget row is left
    out unless asked for: the cost is the objective, so the minimum answers it (not so when load may go unserved).
    """
    open_problem = problem.changed(pool_limit=np.full_like(problem.pool_limit, np.inf))
    live = open_problem if relax == "availability" else problem
    klass, option = np.nonzero(live.eligible)
    cost = np.zeros(len(problem.options)) if relax else problem.usd_per_hour
    upper = _most_units(live, most_usd_per_hour)

    b = Builder()
    units = b.columns(len(problem.options), cost=cost, upper=upper, integer=upper <= LARGEST_COUNT)
    share = b.columns(len(klass), upper=problem.pieces, integer=problem.splitting != "continuous")
    may_drop = np.where(problem.unserved_allowed and relax is None, np.inf, 0.0)
    penalty = 0.0 if relax else problem.unserved_usd_per_hour
    unserved = b.columns(len(problem.classes), cost=penalty, upper=np.minimum(may_drop, 1.0))
    columns = Columns(units, share, unserved, klass, option, live.load_units[klass, option])

    budget_row = budget_row or problem.unserved_allowed
    for name, rule in RULES.items():
        if name != "budget" or budget_row:
            rule(b, problem, columns, 1.0 if name == relax else None)
    return Model(b.arrays(), columns, problem.pieces)


def serve_all_of(b: Builder, p: Problem, c: Columns, slack: float | None) -> None:
    """Every class with demand is served in full."""
    wanted = np.flatnonzero(p.demand_per_s > 0)
    row_of = np.full(len(p.classes), -1)
    row_of[wanted] = np.arange(len(wanted))
    terms = [(row_of[c.klass], c.share, 1.0), (row_of[wanted], c.unserved[wanted], float(p.pieces))]
    b.rows("serve_all_of", len(wanted), terms, lower=p.pieces, upper=p.pieces)


def capacity_of(b: Builder, p: Problem, c: Columns, slack: float | None) -> None:
    """The load on an option keeps at most its units busy, in every period."""
    place = c.option * p.period_count + p.period_of_class[c.klass]
    places, row = np.unique(place, return_inverse=True)
    units = c.units[places // p.period_count]
    # Below this a load rounds to nothing (all classes together: a millionth of a unit); `in_use` still counts it.
    kept = c.load * len(p.classes) > 1e-6
    smallest = np.full(len(places), np.inf)
    np.minimum.at(smallest, row[kept], c.load[kept])
    # HiGHS 1.15.1 calls 5.8 times the optimum optimal when such rows hold 2e-8 beside 0.3; lifting them cures it.
    lift = np.clip(1e-3 / smallest, 1.0, 1e3)
    terms = [
        (row[kept], c.share[kept], c.load[kept] * lift[row[kept]] / p.pieces),
        (np.arange(len(places)), units, -lift),
    ]
    b.rows("capacity_of", len(places), terms, upper=0.0)


def in_use(b: Builder, p: Problem, c: Columns, slack: float | None) -> None:
    """No share without a unit. Implied by whole units; written out it makes the relaxation tight."""
    small_model = np.unique(c.option).size < STRONG_BELOW_INTEGERS
    arcs = np.flatnonzero(c.load < (1.0 if small_model else TINY_LOAD))
    row = np.arange(len(arcs))
    terms = [(row, c.share[arcs], 1.0), (row, c.units[c.option[arcs]], -float(p.pieces))]
    b.rows("in_use", len(arcs), terms, upper=0.0)


def availability(b: Builder, p: Problem, c: Columns, slack: float | None) -> None:
    """The options of a pool share its limit; pools of one option are bounded by their column."""
    used = np.zeros(len(p.options), bool)
    used[c.option] = True
    crowd = np.bincount(p.option_pool[used], minlength=len(p.pool_limit))
    pools = np.flatnonzero(np.isfinite(p.pool_limit) & (crowd > (0 if slack else 1)))
    row_of = np.full(len(p.pool_limit), -1)
    row_of[pools] = np.arange(len(pools))
    for period in range(p.period_count):
        member = used & np.isin(p.period_of_option, (ALL_PERIODS, period)) & (row_of[p.option_pool] >= 0)
        o = np.flatnonzero(member)
        terms = [(row_of[p.option_pool[o]], c.units[o], 1.0)]
        b.rows("availability", len(pools), terms, upper=p.pool_limit[pools], slack_cost=slack)


def budget(b: Builder, p: Problem, c: Columns, slack: float | None) -> None:
    """Rent within the budget (row divided by the budget, so that it is near 1)."""
    limit = p.limits.budget_usd_per_hour
    if limit is None:
        return
    scale = max(limit, 1e-9)
    b.rows("budget", 1, [(0, c.units, p.usd_per_hour / scale)], upper=limit / scale, slack_cost=slack)


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
        scale = max(r.limit, 1e-9)
        b.rows("resource", 1, [(0, c.units, r.per_unit / scale)], upper=r.limit / scale, slack_cost=slack)


def spare_units(b: Builder, p: Problem, c: Columns, slack: float | None) -> None:
    """Losing any s units of a group leaves enough to carry its load.

    With c[o] = share of the group's load that one unit carries, losing the s largest leaves enough exactly when
    for some size z: sum_o min(c[o], z) n[o] >= 1 + s z (z at the s-th largest unit is the best choice). So one
    binary per size of unit, exact for a workload of one class. With several classes c[o] is for their mix, which
    a load balancer spreads over the units: sufficient, so the plan is safe and may cost a little more.
    """
    for group in np.flatnonzero(p.spare_units):
        s = int(p.spare_units[group])
        for period in range(p.period_count):
            size = mix_size(p, int(group), period)
            if size is None:
                continue
            if (size > 0).any():
                _spare_by_size(b, c, size, s)
            else:
                _spare_by_option(b, p, c, int(group), period)


def mix_size(p: Problem, group: int, period: int) -> Floats | None:
    """[O]: share of the group's load in this period one unit carries, all classes in proportion; None: no load.

    0 for options that cannot serve every class (they are not counted on after a loss).
    """
    classes = (p.class_group == group) & (p.period_of_class == period) & (p.demand_per_s > 0)
    if not classes.any():
        return None
    whole = p.eligible[classes].all(axis=0)
    load = p.load_units[classes].sum(axis=0)
    return np.divide(1.0, load, out=np.zeros(len(p.options)), where=whole & (load > 0))


def _spare_by_size(b: Builder, c: Columns, size: Floats, s: int) -> None:
    sizes = _thinned(np.unique(size[size > 0]))
    chosen = b.columns(len(sizes), upper=1, integer=True)
    option = np.flatnonzero(size)
    row, at = np.divmod(np.arange(len(sizes) * len(option)), len(option))
    counted = np.minimum(size[option[at]] / sizes[row], 1.0)
    terms = [(row, c.units[option[at]], counted), (np.arange(len(sizes)), chosen, -(1.0 / sizes + s))]
    b.rows("spare_units", len(sizes), terms, lower=0.0)
    b.rows("spare_units", 1, [(0, chosen, 1.0)], lower=1.0)


def _thinned(sizes: Floats) -> Floats:
    """At most MAX_SPARE_SIZES of the sizes; any subset is safe, since one that satisfies its row is enough."""
    if len(sizes) <= MAX_SPARE_SIZES:
        return sizes
    picked: Floats = sizes[np.unique(np.linspace(0, len(sizes) - 1, MAX_SPARE_SIZES).round().astype(int))]
    return picked


def _spare_by_option(b: Builder, p: Problem, c: Columns, group: int, period: int) -> None:
    """No option serves every class: each option in use keeps its own s spare units (safe, seldom needed)."""
    s = int(p.spare_units[group])
    arcs = np.flatnonzero((p.class_group[c.klass] == group) & (p.period_of_class[c.klass] == period))
    option, row = np.unique(c.option[arcs], return_inverse=True)
    used = b.columns(len(option), upper=1, integer=True)
    here = np.arange(len(option))
    load = (row, c.share[arcs], c.load[arcs] / p.pieces)
    b.rows(
        "spare_units", len(option), [load, (here, used, float(s)), (here, c.units[option], -1.0)], upper=0.0
    )
    switch = np.arange(len(arcs))
    terms = [(switch, c.share[arcs], 1.0 / p.pieces), (switch, used[row], -1.0)]
    b.rows("spare_units", len(arcs), terms, upper=0.0)


def _most_units(p: Problem, most_usd_per_hour: float) -> Floats:
    """[O]: no best plan holds more units of an option: all its load alone plus the spares, its pool, its price."""
    load = np.zeros(len(p.options))
    for period in range(p.period_count):
        load = np.maximum(load, p.load_units[p.period_of_class == period].sum(axis=0))
    spare = p.spare_units[p.option_group] if p.group_count else 0
    most = np.where(load > 0, np.ceil(load) + spare, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        affordable = np.floor(most_usd_per_hour * (1 + 1e-9) / p.usd_per_hour)
    most = np.fmin(most, np.where(p.usd_per_hour > 0, affordable, np.inf))
    return np.minimum(most, np.floor(p.pool_limit[p.option_pool]))


RULES: dict[str, Rule] = {
    "serve_all_of": serve_all_of,
    "capacity_of": capacity_of,
    "in_use": in_use,
    "availability": availability,
    "budget": budget,
    "share_cap": share_cap,
    "resource": resource,
    "spare_units": spare_units,
}


def used_options(problem: Problem) -> Bools:
    """[O]: options that at least one class may use."""
    used: Bools = problem.eligible.any(axis=0)
    return used
