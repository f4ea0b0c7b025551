"""The placement problem as labelled arrays, and the answer to it.

Sets: K request classes (a workload may have several length classes), O options, G groups (workloads), P pools
(offers; the options of one pool are the ways to run that offer and share its limit), T periods.
A unit is one rented or owned instance of an option; it serves the classes of its group only. Hardware paid for
over the whole horizon may change groups from period to period (`option_holding`), load may be paid by the request
(`share_usd_per_hour`), and work with a deadline may wait for a quiet period (`ANY_PERIOD`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from planner.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Status = Literal["optimal", "within_gap", "limit", "infeasible"]
Splitting = Literal["continuous"] | int

ALL_PERIODS = -1
"""`option_period` of a unit that is paid for and present the whole horizon (committed, owned)."""

ANY_PERIOD = -1
"""`class_period` of work that may be done in any period: on the options of each, or on one of `ALL_PERIODS`."""

UNSERVED_USD_PER_REQUEST = 1.0
"""Penalty for a request left unserved. A constant on purpose: were it derived from the candidates, plans of a
pruned and an unpruned problem could not be compared. Far above what any request costs to serve."""


@dataclass(frozen=True, eq=False)
class ShareCap:
    """At most `max_share` of each class's load on the options of `mask` (a zone, a seller, spot)."""

    name: str
    mask: Bools
    max_share: float


@dataclass(frozen=True, eq=False)
class Resource:
    """At most `limit` of something each unit uses `per_unit` of: kilowatts, a seller's GPU quota.

    At any time, or added up `over_horizon` (carbon; `per_unit` is then of the unit's own hours).
    """

    name: str
    per_unit: Floats
    limit: float
    over_horizon: bool = False

    def used(self, problem: Problem, units: Ints) -> float:
        """What these units use; in the fullest period unless over the horizon."""
        if self.over_horizon:
            return float(self.per_unit @ units)
        present = (problem.present_in(t) for t in range(problem.period_count))
        return max(float(self.per_unit[there] @ units[there]) for there in present)


@dataclass(frozen=True, eq=False)
class LossDomain:
    """What can vanish at one stroke, the options of `mask` [O]: the others must carry the load of `groups` [G]."""

    name: str
    mask: Bools
    groups: Bools


@dataclass(frozen=True, eq=False)
class Limits:
    """What the plan must keep to; `None` and empty mean no limit. `spare_units` [G]: N + this many."""

    budget_usd_per_hour: float | None = None
    max_spot_share: float | None = None
    spare_units: Ints | None = None
    share_caps: tuple[ShareCap, ...] = ()
    resources: tuple[Resource, ...] = ()
    losses: tuple[LossDomain, ...] = ()


@dataclass(frozen=True, eq=False)
class Problem:
    """One placement question. Shapes in brackets; money USD per hour, rates requests per second.

    `capacity_per_s[k, o]` is what ONE unit of option o sustains when it serves class k only, after headroom;
    0 = not eligible. With periods, a class belongs to one (`class_period`), an option to one or to all
    (`option_period`), and `usd_per_hour` of an option of one period is its price times that period's share of
    the hours, so that the objective is an average per hour of the horizon.

    `share_usd_per_hour[k, o]`: what all of class k costs on option o beside its units, such as a hosted API's
    tokens; options of `hosted` need no units at all. Options with `option_holding` >= 0 run on hardware held over
    the horizon: each holding costs `holding_usd_per_hour` for every unit of its fullest period. `pool_use[o]`:
    how much of its pool's limit one unit takes (1 unless given).
    """

    classes: tuple[str, ...]
    demand_per_s: Floats
    class_group: Ints
    options: tuple[str, ...]
    option_group: Ints
    option_pool: Ints
    capacity_per_s: Floats
    usd_per_hour: Floats
    is_spot: Bools
    pool_limit: Floats
    limits: Limits = field(default_factory=Limits)
    groups: tuple[str, ...] = ()
    pools: tuple[str, ...] = ()
    class_period: Ints | None = None
    option_period: Ints | None = None
    splitting: Splitting = "continuous"
    unserved_allowed: bool = False
    share_usd_per_hour: Floats | None = None
    hosted: Bools | None = None
    option_holding: Ints | None = None
    holding_usd_per_hour: Floats | None = None
    pool_use: Floats | None = None

    def __post_init__(self) -> None:
        """Raise InputError for shapes that disagree and for values no solver should see."""
        k, o = len(self.classes), len(self.options)
        shapes = {
            "demand_per_s": (k,),
            "class_group": (k,),
            "option_group": (o,),
            "option_pool": (o,),
            "capacity_per_s": (k, o),
            "usd_per_hour": (o,),
            "is_spot": (o,),
        }
        for name, shape in (shapes | _optional_shapes(k, o)).items():
            values = getattr(self, name)
            if values is not None and np.shape(values) != shape:
                raise InputError(f"problem.{name}: shape {np.shape(values)} is not {shape}")
        if (self.option_holding is None) != (self.holding_usd_per_hour is None):
            raise InputError("problem.option_holding: goes together with holding_usd_per_hour")
        for name in ("demand_per_s", "capacity_per_s", "usd_per_hour"):
            values = getattr(self, name)
            if not (np.isfinite(values) & (values >= 0)).all():
                raise InputError(f"problem.{name}: every value must be finite and not negative")
        if o and (self.option_pool.min() < 0 or self.option_pool.max() >= len(self.pool_limit)):
            raise InputError("problem.option_pool: an index is outside pool_limit")
        if not (self.pool_limit >= 0).all():
            raise InputError("problem.pool_limit: a limit is negative or NaN (unknown is infinity)")

    @cached_property
    def period_of_class(self) -> Ints:
        """[K]; zeros when the problem has a single period."""
        return np.zeros(len(self.classes), np.int64) if self.class_period is None else self.class_period

    @cached_property
    def period_of_option(self) -> Ints:
        """[O]; ALL_PERIODS where not given."""
        if self.option_period is None:
            return np.full(len(self.options), ALL_PERIODS, np.int64)
        return self.option_period

    @cached_property
    def period_count(self) -> int:
        """T."""
        return int(max(self.period_of_class.max(initial=0), self.period_of_option.max(initial=0))) + 1

    @cached_property
    def group_count(self) -> int:
        """G."""
        return int(max(self.class_group.max(initial=-1), self.option_group.max(initial=-1))) + 1

    @cached_property
    def eligible(self) -> Bools:
        """[K, O]: may a unit of option o serve class k, and is there anything of k to serve?"""
        same_group = self.class_group[:, None] == self.option_group[None, :]
        at, when = self.period_of_option[None, :], self.period_of_class[:, None]
        same_period = (at == ALL_PERIODS) | (when == ANY_PERIOD) | (at == when)
        usable = (self.capacity_per_s > 0) & (self.pool_limit[self.option_pool] >= 1)[None, :]
        wanted: Bools = same_group & same_period & usable & (self.demand_per_s > 0)[:, None]
        return wanted

    @cached_property
    def load_units(self) -> Floats:
        """[K, O]: units of option o that the whole of class k would keep busy; 0 where not eligible."""
        return np.divide(
            self.demand_per_s[:, None],
            self.capacity_per_s,
            out=np.zeros_like(self.capacity_per_s, dtype=np.float64),
            where=self.eligible & ~self.is_hosted[None, :],
        )

    @cached_property
    def is_hosted(self) -> Bools:
        """[O]: needs no units; all False where not given."""
        return np.zeros(len(self.options), bool) if self.hosted is None else self.hosted

    @cached_property
    def holding_of_option(self) -> Ints:
        """[O]; -1 where the units of an option are its own."""
        return np.full(len(self.options), -1) if self.option_holding is None else self.option_holding

    @cached_property
    def load_usd_per_hour(self) -> Floats:
        """[K, O]: what all of a class costs on an option beside its units; zeros where not given."""
        shape = self.capacity_per_s.shape
        return np.zeros(shape) if self.share_usd_per_hour is None else self.share_usd_per_hour

    @cached_property
    def use_of_pool(self) -> Floats:
        """[O]; ones where not given."""
        return np.ones(len(self.options)) if self.pool_use is None else self.pool_use

    @cached_property
    def arc_period(self) -> Ints:
        """[K, O]: the period in which a class loads an option; work without one takes the option's (0 for all)."""
        when, at = self.period_of_class[:, None], self.period_of_option[None, :]
        return np.where(when != ANY_PERIOD, when, np.maximum(at, 0))

    def load_in(self, period: int, shares: Floats | None = None) -> Floats:
        """[O]: units kept busy in a period by these shares [K, O], by all of every class when left out."""
        k = np.flatnonzero((self.period_of_class == period) | (self.period_of_class == ANY_PERIOD))
        load = self.load_units[k] * (self.arc_period[k] == period)
        busy: Floats = (load if shares is None else shares[k] * load).sum(axis=0)
        return busy

    def present_in(self, period: int) -> Bools:
        """[O]: units of which options are there in a period."""
        there: Bools = (self.period_of_option == ALL_PERIODS) | (self.period_of_option == period)
        return there

    def held(self, units: Ints) -> Floats:
        """[H]: units of every holding: what its fullest period takes."""
        count = 0 if self.holding_usd_per_hour is None else len(self.holding_usd_per_hour)
        most = np.zeros(count)
        if count:
            at = self.holding_of_option
            for period in range(self.period_count):
                there = (at >= 0) & self.present_in(period)
                most = np.maximum(most, np.bincount(at[there], units[there], minlength=count))
        return most

    def cost(self, units: Ints, shares: Floats) -> float:
        """USD per hour: units, what is held for them, and load paid by the request."""
        usd = float(self.usd_per_hour @ units)
        if self.holding_usd_per_hour is not None:
            usd += float(self.holding_usd_per_hour @ self.held(units))
        if self.share_usd_per_hour is not None:
            usd += float((self.share_usd_per_hour * shares).sum())
        return usd

    @cached_property
    def spills(self) -> Bools:
        """[G]: a hosted option may serve every class of the group, so it takes what lost units leave."""
        found = np.zeros(self.group_count, bool)
        for group in range(self.group_count):
            classes = (self.class_group == group) & (self.demand_per_s > 0)
            found[group] = (self.eligible[np.ix_(classes, self.is_hosted)].any(axis=1)).all()
        return found

    @cached_property
    def spare_units(self) -> Ints:
        """[G]; 0 where a hosted option stands by."""
        spare = self.limits.spare_units
        if spare is None:
            return np.zeros(self.group_count, np.int64)
        return np.where(self.spills, 0, np.asarray(spare, np.int64)[: self.group_count])

    @cached_property
    def losses(self) -> tuple[tuple[LossDomain, int, int], ...]:
        """(domain, group, period) of every loss to survive; none where a hosted option stands by."""
        found = []
        for domain in self.limits.losses:
            for group in np.flatnonzero(domain.groups & ~self.spills):
                there = domain.mask & (self.option_group == group)
                wanted = (self.class_group == group) & (self.demand_per_s > 0)
                found += [(domain, int(group), int(t)) for t in np.unique(self.period_of_class[wanted])
                          if t != ANY_PERIOD and (there & self.present_in(t)).any()]  # fmt: skip
        return tuple(found)

    @cached_property
    def share_caps(self) -> tuple[ShareCap, ...]:
        """The spot share and the other share caps that can bind, as one list."""
        spot = self.limits.max_spot_share
        caps = () if spot is None else (ShareCap("max_spot_share", self.is_spot, spot),)
        return tuple(cap for cap in (*caps, *self.limits.share_caps) if cap.max_share < 1)

    @cached_property
    def pieces(self) -> int:
        """Into how many pieces a class is cut; 1 when its load splits freely (shares are then continuous)."""
        return 1 if self.splitting == "continuous" else int(self.splitting)

    @cached_property
    def unserved_usd_per_hour(self) -> Floats:
        """[K]: penalty for serving nothing of a class."""
        return self.demand_per_s * 3600.0 * UNSERVED_USD_PER_REQUEST

    def group_name(self, group: int) -> str:
        """Label of a group, or its number."""
        return self.groups[group] if group < len(self.groups) else f"group {group}"

    def pool_name(self, pool: int) -> str:
        """Label of a pool, or the first option in it."""
        if pool < len(self.pools):
            return self.pools[pool]
        return self.options[int(np.argmax(self.option_pool == pool))]

    def changed(self, **changes: Any) -> Problem:
        """Same problem with some fields replaced; fields of `Limits` may be named too."""
        names = {f.name for f in fields(Limits)}
        of_limits = {name: changes.pop(name) for name in list(changes) if name in names}
        return replace(self, limits=replace(self.limits, **of_limits), **changes)

    def keep(self, options: Bools) -> Problem:
        """The problem with only the options of the mask; pools keep their numbers."""
        caps = tuple(replace(c, mask=c.mask[options]) for c in self.limits.share_caps)
        resources = tuple(replace(r, per_unit=r.per_unit[options]) for r in self.limits.resources)
        losses = tuple(replace(d, mask=d.mask[options]) for d in self.limits.losses)
        by_option = {name: None if (values := getattr(self, name)) is None else values[..., options]
                     for name in _optional_shapes(0, 0) if name != "class_period"}  # fmt: skip
        return self.changed(
            options=tuple(np.asarray(self.options, object)[options]),
            option_group=self.option_group[options],
            option_pool=self.option_pool[options],
            capacity_per_s=self.capacity_per_s[:, options],
            usd_per_hour=self.usd_per_hour[options],
            is_spot=self.is_spot[options],
            pools=self.pools or tuple(self.pool_name(p) for p in range(len(self.pool_limit))),
            share_caps=caps,
            resources=resources,
            losses=losses,
            **by_option,
        )

    def only(self, group: int | Ints) -> Problem:
        """The problem of one group alone, or of several: other demands are zero, other options gone."""
        demand = np.where(np.isin(self.class_group, group), self.demand_per_s, 0.0)
        return self.changed(demand_per_s=demand).keep(np.isin(self.option_group, group))

    @cached_property
    def linked_groups(self) -> tuple[Ints, ...]:
        """Groups with demand, those that may share a holding together."""
        wanted = np.unique(self.class_group[self.demand_per_s > 0])
        label = np.arange(self.group_count)
        usable = self.eligible.any(axis=0)
        for holding in range(0 if self.holding_usd_per_hour is None else len(self.holding_usd_per_hour)):
            linked = np.unique(label[self.option_group[usable & (self.holding_of_option == holding)]])
            label[np.isin(label, linked)] = linked.min(initial=0)
        return tuple(wanted[label[wanted] == one] for one in np.unique(label[wanted]))

    def without(self, forbidden: Bools) -> Problem:
        """The problem in which the options of the mask may not be used; indices stay as they are."""
        return self.changed(capacity_per_s=np.where(forbidden[None, :], 0.0, self.capacity_per_s))


def _optional_shapes(k: int, o: int) -> dict[str, tuple[int, ...]]:
    return {
        "class_period": (k,), "option_period": (o,), "share_usd_per_hour": (k, o), "hosted": (o,),
        "option_holding": (o,), "pool_use": (o,),
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Relaxation:
    """A limit that stands in the way, and the least it must become for a plan to exist, others unchanged."""

    limit: str
    current: float
    needed: float
    usd_per_hour: float | None
    text: str


@dataclass(frozen=True, eq=False)
class Decision:
    """What to rent and who serves what. `shares[k, o]` sum to 1 - `unserved[k]` over o.

    `bound` is proven: no plan is cheaper (0 when nothing better is known). `optimal` means a gap of at most
    1e-6, `within_gap` at most the gap asked for, `limit` that nodes, time or Ctrl-C ended the search.
    """

    status: Status
    units: Ints
    shares: Floats
    unserved: Floats
    usd_per_hour: float
    bound: float
    gap: float
    seconds: float
    binding: tuple[Relaxation, ...] = ()
    notes: tuple[str, ...] = ()
    nodes: int = 0
    interrupted: bool = False
