"""Options and demand as one `optimize.Problem`.

Flexible terms (on-demand, spot) are one column per slice of the month, paid for its hours only; owned and
committed units are one column for the whole month. Owned GPUs of one entry are offered in every size of
instance that fits, and share one limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from planner.optimize.problem import ALL_PERIODS, Limits, Problem, Resource
from planner.options.hosted import HostedOption
from planner.options.periods import Slice
from planner.options.table import Option, Ways
from planner.pricing.money import HOURS_PER_MONTH
from planner.scenario import Constraints

FLEXIBLE_TERMS = frozenset({"on_demand", "spot"})


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the problem: an option in one slice of the month, or in all (`ALL_PERIODS`)."""

    option: Option
    period: int


def columns_of(options: Sequence[Option], slices: Sequence[Slice]) -> list[Column]:
    """Columns of all options; a slice without demand for the workload needs none."""
    if len(slices) == 1:
        return [Column(o, ALL_PERIODS) for o in options]
    found = []
    for option in options:
        if option.offer.term in FLEXIBLE_TERMS:
            found += [Column(option, t) for t, s in enumerate(slices) if s.rates[option.workload] > 0]
        else:
            found.append(Column(option, ALL_PERIODS))
    return found


def problem_of(
    ways: Sequence[Ways],
    columns: Sequence[Column],
    slices: Sequence[Slice],
    limits: Constraints,
    hosted: Sequence[HostedOption] = (),
) -> Problem:
    """The placement problem: one request class per workload and slice, USD per average hour of the month.

    Its last options are the hosted ones; those before are the columns, in order.
    """
    classes = [(w, t) for t, s in enumerate(slices) for w in range(len(ways)) if s.rates[w] > 0]
    pools = {key: i for i, key in enumerate(dict.fromkeys(_pool(c.option) for c in columns))}
    pool_limit = np.full(len(pools), np.inf)
    for c in columns:
        if c.option.offer.availability is not None:
            pool_limit[pools[_pool(c.option)]] = c.option.offer.availability
    hours = np.array([s.hours for s in slices])
    share = np.array([1.0 if c.period == ALL_PERIODS else hours[c.period] / HOURS_PER_MONTH for c in columns])
    price = np.array([c.option.offer.usd_per_hour for c in columns])
    problem = Problem(
        classes=tuple(_class_name(ways[w], t, len(slices)) for w, t in classes),
        demand_per_s=np.array([slices[t].rates[w] for w, t in classes]),
        class_group=np.array([w for w, _ in classes]),
        options=tuple(c.option.offer.label for c in columns),
        option_group=np.array([c.option.workload for c in columns], np.int64),
        option_pool=np.array([pools[_pool(c.option)] for c in columns], np.int64),
        capacity_per_s=_capacity(ways, columns, slices, classes),
        usd_per_hour=price * share,
        is_spot=np.array([c.option.offer.term == "spot" for c in columns], bool),
        pool_limit=pool_limit,
        groups=tuple(w.workload.name for w in ways),
        pools=tuple(pools),
        class_period=np.array([t for _, t in classes]),
        option_period=np.array([c.period for c in columns], np.int64),
        limits=Limits(
            budget_usd_per_hour=None if limits.budget_usd_per_month is None
            else limits.budget_usd_per_month / HOURS_PER_MONTH,
            max_spot_share=limits.max_spot_share,
            spare_units=np.full(len(ways), limits.spare_replicas) if limits.spare_replicas else None,
            resources=_owned(columns),
        ),
    )  # fmt: skip
    return with_hosted(problem, hosted, np.array([s.hours for s in slices])[[t for _, t in classes]])


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
    )


def _capacity(
    ways: Sequence[Ways],
    columns: Sequence[Column],
    slices: Sequence[Slice],
    classes: Sequence[tuple[int, int]],
) -> NDArray[np.float64]:
    """[K, O]: what one unit sustains for a class, its headroom adjusted to the smaller pool of quieter hours."""
    group = np.array([c.option.workload for c in columns])
    full = np.array([c.option.capacity_per_s for c in columns])
    rows = np.array([c.option.row for c in columns])
    capacity = np.zeros((len(classes), len(columns)))
    for k, (w, t) in enumerate(classes):
        mine = group == w
        way = ways[w]
        peak = way.workload.demand.peak_requests_per_s
        distinct, place = np.unique(rows[mine], return_inverse=True)
        factor = way.load.pooling(distinct, peak_per_s=peak, rate_per_s=slices[t].rates[w], slo=way.slo)
        capacity[k, mine] = full[mine] * factor[place]
    return capacity


def _owned(columns: Sequence[Column]) -> tuple[Resource, ...]:
    """One limit per `[[owned]]` entry: its GPUs, however they are cut into instances."""
    entries: dict[str, float] = {}
    for c in columns:
        if (entry := owned_entry(c.option)) is not None:
            entries[entry[0]] = entry[1]
    return tuple(
        Resource(name, np.array([c.option.offer.gpu_count if (owned_entry(c.option) or ("",))[0] == name else 0.0
                                 for c in columns]), limit)
        for name, limit in entries.items()
    )  # fmt: skip


def owned_entry(option: Option) -> tuple[str, float] | None:
    """Name and GPU count of the `[[owned]]` entry an option comes from."""
    flag = next((f for f in option.offer.flags if f.startswith("owned_entry:")), None)
    if flag is None:
        return None
    _, name, count = flag.split(":")
    return name, float(count)


def _pool(option: Option) -> str:
    """What shares an availability: the offer, or one size of an owned entry."""
    return f"{option.offer.label} #{option.offer.gpu}"


def _class_name(ways: Ways, period: int, periods: int) -> str:
    return ways.workload.name if periods == 1 else f"{ways.workload.name} in slice {period + 1} of {periods}"
