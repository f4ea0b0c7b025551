"""Options and demand as one `optimize.Problem`.

Flexible terms (on-demand, spot) are one column per slice of the month, paid for its hours and the time to start
before them; owned and committed units are one column for the whole month. Owned GPUs of one entry are offered in
every size of instance that fits, and share one limit.

Work with a deadline rents flexible terms by the unit-hour, done early or late. Where it meets other workloads over
several slices, owned and committed units change roles from slice to slice: a column per workload and slice, all on
one holding that is paid for the month. So batches fill the valleys of interactive work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from planner.optimize.problem import ALL_PERIODS, ANY_PERIOD, Limits, LossDomain, Problem
from planner.options.caps import resources, share_caps
from planner.options.columns import Column, paid_hours
from planner.options.hosted import HostedOption
from planner.options.interruptions import failure_domain
from planner.options.periods import Slice
from planner.options.table import Option, Ways
from planner.pricing.money import HOURS_PER_MONTH
from planner.scenario import Constraints, OwnedGpu


def problem_of(
    ways: Sequence[Ways],
    columns: Sequence[Column],
    slices: Sequence[Slice],
    limits: Constraints,
    hosted: Sequence[HostedOption] = (),
    owned: Sequence[OwnedGpu] = (),
) -> Problem:
    """The placement problem: one request class per workload and slice, USD per average hour of the month.

    Its last options are the hosted ones; those before are the columns, in order.
    """
    pools = {key: i for i, key in enumerate(dict.fromkeys(_pool(c.option) for c in columns))}
    pool_limit = np.full(len(pools), np.inf)
    for c in columns:
        if c.option.offer.availability is not None:
            pool_limit[pools[_pool(c.option)]] = c.option.offer.availability
    deadlines = [slices[0].deadline(w) for w in range(len(ways))]
    classes = _classes(slices, len(ways))
    rates = np.array([slices[max(t, 0)].rates[w] for w, t in classes])
    lasts = np.array([slices[t].hours if t >= 0 else deadlines[w] for w, t in classes], float)
    price = np.array(
        [
            0.0 if c.held else c.option.offer.usd_per_hour * paid_hours(c, slices) / HOURS_PER_MONTH
            for c in columns
        ]
    )
    use = np.array([1.0 if c.window_h is None else 1.0 / c.window_h for c in columns])
    holdings = dict.fromkeys(_pool(c.option) for c in columns if c.held)
    held_usd = {_pool(c.option): c.option.offer.usd_per_hour for c in columns if c.held}
    number = {key: i for i, key in enumerate(holdings)}
    problem = Problem(
        classes=tuple(_class_name(ways[w], t, len(slices)) for w, t in classes),
        demand_per_s=rates,
        class_group=np.array([w for w, _ in classes]),
        options=tuple(c.option.offer.label for c in columns),
        option_group=np.array([c.option.workload for c in columns], np.int64),
        option_pool=np.array([pools[_pool(c.option)] for c in columns], np.int64),
        capacity_per_s=capacity_of(ways, columns, slices),
        usd_per_hour=price,
        is_spot=np.array([c.option.offer.term == "spot" for c in columns], bool),
        pool_limit=pool_limit,
        groups=tuple(w.workload.name for w in ways),
        pools=tuple(pools),
        class_period=np.array([t for _, t in classes]),
        option_period=np.array([c.period for c in columns], np.int64),
        option_holding=np.array([number[_pool(c.option)] if c.held else -1 for c in columns]) if number else None,
        holding_usd_per_hour=np.array([held_usd[key] for key in number]) if number else None,
        pool_use=use if (use != 1).any() else None,
        limits=Limits(
            budget_usd_per_hour=None if limits.budget_usd_per_month is None
            else limits.budget_usd_per_month / HOURS_PER_MONTH,
            max_spot_share=limits.max_spot_share,
            spare_units=np.full(len(ways), limits.spare_replicas) if limits.spare_replicas else None,
            resources=tuple(resources(columns, slices, limits, owned)),
            losses=_losses(ways, columns) if limits.spot_fallback == "standby" else (),
        ),
    )  # fmt: skip
    whole = with_hosted(problem, hosted, lasts)
    return whole.changed(share_caps=tuple(share_caps(columns, hosted, limits)))


def with_hosted(p: Problem, hosted: Sequence[HostedOption], hours: NDArray[np.float64]) -> Problem:
    """The problem with options that need no units behind its own; `hours` [K] a month that each class lasts."""
    if not hosted:
        return p
    k, o, h = len(p.classes), len(p.options), len(hosted)
    paid = np.zeros((k, o + h))
    requests = p.demand_per_s * 3600.0 * hours / HOURS_PER_MONTH  # per average hour
    paid[:, o:] = requests[:, None] * np.array([x.usd_per_request for x in hosted])
    zeros, none = np.zeros(h), np.zeros(h, bool)
    resources = tuple(replace(r, per_unit=np.concatenate([r.per_unit, zeros])) for r in p.limits.resources)
    return p.changed(
        options=(*p.options, *(x.api.label for x in hosted)),
        option_group=np.concatenate([p.option_group, [x.workload for x in hosted]]),
        option_pool=np.concatenate([p.option_pool, len(p.pool_limit) + np.arange(h)]),
        capacity_per_s=np.hstack([p.capacity_per_s, np.ones((k, h))]),
        usd_per_hour=np.concatenate([p.usd_per_hour, zeros]),
        is_spot=np.concatenate([p.is_spot, none]),
        pool_limit=np.concatenate([p.pool_limit, np.full(h, np.inf)]),
        pools=(*p.pools, *(x.api.label for x in hosted)),
        option_period=np.concatenate([p.period_of_option, np.full(h, ALL_PERIODS)]),
        share_usd_per_hour=paid,
        hosted=np.concatenate([np.zeros(o, bool), ~none]),
        resources=resources,
        losses=tuple(replace(d, mask=np.concatenate([d.mask, none])) for d in p.limits.losses),
        option_holding=None
        if p.option_holding is None
        else np.concatenate([p.option_holding, np.full(h, -1)]),
        pool_use=None if p.pool_use is None else np.concatenate([p.pool_use, np.ones(h)]),
    )


def _classes(slices: Sequence[Slice], workloads: int) -> list[tuple[int, int]]:
    """(workload, slice) of every class; work with a deadline has one, in no slice of its own."""
    deadlines = [slices[0].deadline(w) for w in range(workloads)]
    return [(w, ANY_PERIOD if d else t) for w, d in enumerate(deadlines)
            for t in range(len(slices) if d is None else 1) if d or slices[t].rates[w] > 0]  # fmt: skip


def capacity_of(
    ways: Sequence[Ways], columns: Sequence[Column], slices: Sequence[Slice]
) -> NDArray[np.float64]:
    """[K, O]: what one unit sustains for a class, its headroom adjusted to the smaller pool of quieter hours.

    The rate of work with a deadline is its mean until then; a unit that runs h of its d hours sustains h / d of that.
    """
    classes = _classes(slices, len(ways))
    group = np.array([c.option.workload for c in columns])
    full = np.array([c.option.capacity_per_s for c in columns])
    rows = np.array([c.option.row for c in columns])
    capacity = np.zeros((len(classes), len(columns)))
    for w in dict.fromkeys(w for w, _ in classes):
        mine, at = (
            np.flatnonzero(group == w),
            np.array([k for k, (other, _) in enumerate(classes) if other == w]),
        )
        if (deadline := slices[0].deadline(w)) is not None:
            there = np.array([_open_hours(columns[i], slices) for i in mine.tolist()])
            factor = np.minimum(there / deadline, 1.0)[None, :]
        else:
            rates = [slices[classes[k][1]].rates[w] for k in at]
            peak, load = ways[w].workload.demand.peak_requests_per_s, ways[w].load
            distinct, place = np.unique(rows[mine], return_inverse=True)
            factor = load.pooling(distinct, peak_per_s=peak, rates_per_s=rates, slo=ways[w].slo)[:, place]
        capacity[np.ix_(at, mine)] = full[mine] * factor
    return capacity


def _open_hours(column: Column, slices: Sequence[Slice]) -> float:
    """Hours of the month in which a unit of a column may work for its workload."""
    if column.window_h is not None:
        return 1.0
    return (
        np.inf if column.period == ALL_PERIODS else slices[column.period].open_hours(column.option.workload)
    )


def _losses(ways: Sequence[Ways], columns: Sequence[Column]) -> tuple[LossDomain, ...]:
    """Every failure domain of spot, to be survived by the workloads that cannot wait."""
    place = [failure_domain(c.option.offer) for c in columns]
    groups = np.array([w.slo.interactive for w in ways])
    mine = np.array([groups[c.option.workload] for c in columns], bool)
    names = dict.fromkeys(d for d, there in zip(place, mine, strict=True) if d is not None and there)
    return tuple(LossDomain(d, np.array([x == d for x in place]) & mine, groups) for d in names)


def _pool(option: Option) -> str:
    """What shares an availability: the offer, or one size of an owned entry."""
    return f"{option.offer.label} #{option.offer.gpu}"


def _class_name(ways: Ways, period: int, periods: int) -> str:
    return (
        ways.workload.name
        if periods == 1 or period == ANY_PERIOD
        else f"{ways.workload.name} in slice {period + 1} of {periods}"
    )
