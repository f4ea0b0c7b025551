"""A fleet in every world: does it keep its limits, and what does it cost once what is missing is rented?"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from planner.optimize import highs
from planner.optimize.check import TOLERANCE
from planner.optimize.highs import Stops
from planner.optimize.problem import Bools, Decision, Floats, Ints, Problem
from planner.optimize.prune import undominated
from planner.optimize.search import Search
from planner.optimize.solve import expanded
from planner.worlds.worlds import Reach, Worlds

STOPS = Stops(gap=0.005, nodes_within_gap=0, nodes=5_000, seconds=10.0)
"""One world among many needs no proof of its optimum; half a percent is below what prices are known to."""


@dataclass(frozen=True, eq=False)
class Fleet:
    """Units [O] and the configuration each runs [O]; `weight` [K, O] is the part of a unit a class may use
    (1 unless the plan lets several workloads share it), `hosted` [K, O] the load that hosted APIs take."""

    units: Ints
    choice: Ints
    weight: Floats
    hosted: Floats


def fleet_of(reach: Reach, decision: Decision, choice: Ints) -> Fleet:
    """The fleet of a decision over the options within reach."""
    p = reach.problem
    return Fleet(decision.units, choice, _weights(p, decision), np.where(p.is_hosted, decision.shares, 0.0))


def planned(reach: Reach, decision: Decision) -> Fleet:
    """The plan itself, from its decision over all options; every unit runs what was planned."""
    mine = replace(decision, units=decision.units[reach.kept], shares=decision.shares[:, reach.kept])
    return fleet_of(reach, mine, np.zeros(len(reach.kept), np.int64))


def _weights(p: Problem, decision: Decision) -> Floats:
    """[K, O]: each class's part of the busy time that the classes of its slice of the month share."""
    busy = decision.shares * p.load_units
    total = np.zeros_like(busy)
    for period in range(p.period_count):
        at = p.period_of_class == period
        total[at] = busy[at].sum(axis=0)
    return np.where(total > 0, np.divide(busy, total, out=np.zeros_like(busy), where=total > 0),
                    p.eligible.astype(float))  # fmt: skip


def room(worlds: Worlds, fleet: Fleet, *, outages: bool) -> Floats:
    """[W, K, O]: requests per second that the units of each option have room for, by class."""
    unit = np.take_along_axis(worlds.capacity, fleet.choice[None, :, None], axis=2)[:, :, 0]
    if outages:
        unit = np.where(worlds.away, 0.0, unit)
    each = worlds.reach.pooled * fleet.weight * worlds.reach.problem.eligible
    return np.asarray((unit * fleet.units)[:, None, :] * each[None], float)


def own_load(worlds: Worlds, fleet: Fleet) -> Floats:
    """[W, K] requests per second that units must carry; hosted APIs take their share of whatever comes."""
    return np.asarray(worlds.demand * (1.0 - fleet.hosted.sum(axis=1)) * (1.0 - TOLERANCE), float)


def kept(worlds: Worlds, fleet: Fleet) -> Bools:
    """[W]: does every workload keep its limits in every slice of the month, all units being there but spot gone
    at the moment? A router sends each unit what it can carry."""
    carried = room(worlds, fleet, outages=True).sum(axis=2)
    return np.asarray((carried >= own_load(worlds, fleet)).all(axis=1))


def cost(worlds: Worlds, fleet: Fleet) -> Floats:
    """[W] USD per hour: what was signed, and the cheapest addition that restores the limits and the spares."""
    p = worlds.reach.problem
    signed = worlds.usd_per_hour @ fleet.units
    if p.holding_usd_per_hour is not None:
        signed = signed + p.holding_usd_per_hour @ p.held(fleet.units)
    by_request = _more(worlds) @ (p.load_usd_per_hour * fleet.hosted).sum(axis=1)
    return np.asarray(signed + by_request + extension(worlds, fleet), float)


def extension(worlds: Worlds, fleet: Fleet) -> Floats:
    """[W] USD per hour for what is missing: per class the cheapest number of units of one option, or an API."""
    p = worlds.reach.problem
    have, load = room(worlds, fleet, outages=False), own_load(worlds, fleet)
    sizes = np.where(fleet.units > 0, have / np.maximum(fleet.units, 1), 0.0)
    rentable = p.eligible & ~p.is_hosted & (p.holding_of_option == -1)
    total = np.zeros(worlds.count)
    for k in np.flatnonzero(p.demand_per_s > 0):
        more = np.where(rentable[k], worlds.best * worlds.reach.pooled[k], 0.0)  # [W, O], one unit
        spares = int(p.spare_units[p.class_group[k]]) if p.period_of_class[k] >= 0 else 0
        lost, lost_after = _lost(sizes[:, k], fleet.units, more, spares)
        short = load[:, k] - have[:, k].sum(axis=1)
        room_for = np.full_like(more, np.inf)
        units = np.ceil(np.divide(short[:, None] + lost_after, more, out=room_for, where=more > 0))
        usd = np.full_like(more, np.inf)
        np.multiply(np.maximum(units, 1.0), worlds.usd_per_hour, out=usd, where=np.isfinite(units))
        by_request = np.where(p.is_hosted & p.eligible[k], p.load_usd_per_hour[k], np.inf).min(initial=np.inf)
        hosted = np.maximum(short + lost, 0.0) / p.demand_per_s[k]
        least = np.minimum(
            usd.min(axis=1, initial=np.inf), by_request * hosted if np.isfinite(by_request) else np.inf
        )
        total += np.where(short + lost > 0, least, 0.0)
    return total


def _more(worlds: Worlds) -> Floats:
    """[W, K]: demand against the stated one."""
    stated = worlds.reach.problem.demand_per_s
    return np.divide(worlds.demand, stated, out=np.ones_like(worlds.demand), where=stated > 0)


def _lost(sizes: Floats, units: Ints, more: Floats, spares: int) -> tuple[Floats, Floats]:
    """What the loss of the s largest units takes: [W] of the fleet, [W, O] once units of an option are added."""
    lost, lost_after = np.zeros(len(sizes)), np.zeros_like(more)
    order = np.argsort(-sizes, axis=1, kind="stable")
    ranked, counted = np.take_along_axis(sizes, order, axis=1), np.cumsum(units[order], axis=1)
    for nth in range(spares):
        at = (counted > nth).argmax(axis=1)
        present = counted[:, -1] > nth if counted.shape[1] else np.zeros(len(sizes), bool)
        largest = np.where(present, ranked[np.arange(len(sizes)), at], 0.0)
        lost += largest
        lost_after += np.maximum(largest[:, None], more)
    return lost, lost_after


def clairvoyant(worlds: Worlds, w: int) -> tuple[Fleet, float] | None:
    """The fleet of who knows world `w`, and its USD per hour; None where no fleet keeps the limits."""
    p = worlds.problem(w)
    keep = undominated(p)
    found = Search(highs.run, STOPS).decide(p.keep(keep))
    if found is None:
        return None
    decision = expanded(found, keep)
    return fleet_of(worlds.reach, decision, worlds.best_choice[w]), decision.usd_per_hour
