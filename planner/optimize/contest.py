"""Groups that were solved apart and want the same units: who yields, and at what cost.

The sum of the groups' own bounds holds for every plan together. Where their plans ask too much of an offer, the
dearest groups choose first and the others are solved again with what is left; then each in turn is solved against
the others' plans until nobody gains. Models of one group stay small, so a hundred classes cost little more than
ten.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from planner.optimize.check import TOLERANCE, Proposal
from planner.optimize.problem import Bools, Decision, Floats, Ints, Problem

Part = tuple[Ints, Decision]
"""Groups, and the decision over their options alone."""
SolveOne = Callable[[Problem, Proposal | None], Decision | None]
SWEEPS = 3


def union(p: Problem, parts: Sequence[Part]) -> Proposal:
    """The plans of the groups side by side, in the numbering of the whole problem."""
    units, unserved = np.zeros(len(p.options), np.int64), np.zeros(len(p.classes))
    shares = np.zeros(p.capacity_per_s.shape)
    for groups, part in parts:
        members = np.isin(p.option_group, groups)
        units[members] = part.units
        shares[:, members] = part.shares
        unserved += part.unserved
    return Proposal(units, shares, unserved)


def settle(
    p: Problem, parts: Sequence[Part], solve: SolveOne, *, more: Callable[[], bool]
) -> list[Part] | None:
    """Plans of the groups that keep the limits they share; None where somebody is left without any.

    `solve` decides one group, `more` says whether there is time for another sweep.
    """
    found = _in_turn(p, parts, solve)
    for _ in range(SWEEPS):
        if found is None or not more():
            break
        before = _usd(found)
        found = _swept(p, found, solve, more)
        if _usd(found) > before * (1 - 1e-4):
            break
    return found


def _in_turn(p: Problem, parts: Sequence[Part], solve: SolveOne) -> list[Part] | None:
    """Those who want nothing contested keep their plans; the others choose in the order of their cost."""
    total = sum((_used(p, part) for part in parts), np.zeros(_width(p)))
    contested = total > _limits(p) * (1 + TOLERANCE)
    free = [part for part in parts if not (_used(p, part) > 0)[contested].any()]
    kept = list(free)
    taken = sum((_used(p, part) for part in free), np.zeros(_width(p)))
    rest = (part for part in parts if not any(part is other for other in free))
    for part in sorted(rest, key=lambda x: (-x[1].usd_per_hour, int(x[0][0]))):
        mine = part
        if (taken + _used(p, part) > _limits(p) * (1 + TOLERANCE)).any():
            again = solve(_left(p.only(part[0]), taken), None)
            if again is None:
                return None
            mine = part[0], again
        kept.append(mine)
        taken = taken + _used(p, mine)
    return kept


def _swept(p: Problem, parts: list[Part], solve: SolveOne, more: Callable[[], bool]) -> list[Part]:
    """Each group once more against the plans of the others."""
    found = list(parts)
    total = sum((_used(p, part) for part in found), np.zeros(_width(p)))
    scarce = total > _limits(p) - 1  # somebody else's last unit may be worth having
    for i, part in enumerate(parts):
        if not more() or not _could_use(p, part[0])[scarce].any():
            continue
        others = total - _used(p, part)
        again = solve(_left(p.only(part[0]), others), as_plan(part[1]))
        if again is not None and again.usd_per_hour < part[1].usd_per_hour * (1 - 1e-6):
            found[i] = part[0], again
            total = others + _used(p, found[i])
    return found


def as_plan(decision: Decision) -> Proposal:
    """The plan inside a decision."""
    return Proposal(decision.units, decision.shares, decision.unserved)


def _usd(parts: Sequence[Part]) -> float:
    return sum(part.usd_per_hour for _, part in parts)


def _width(p: Problem) -> int:
    return len(p.pool_limit) + len(p.limits.resources)


def _limits(p: Problem) -> Floats:
    """Pools, then resources."""
    return np.concatenate([p.pool_limit, [r.limit for r in p.limits.resources]])


def _used(p: Problem, part: Part) -> Floats:
    """What a plan takes of every pool and resource, in its fullest period."""
    only = p.only(part[0])
    units = part[1].units
    pools = [
        np.bincount(
            only.option_pool, units * only.use_of_pool * only.present_in(t), minlength=len(p.pool_limit)
        )
        for t in range(p.period_count)
    ]
    return np.concatenate([np.max(pools, axis=0), [r.used(only, units) for r in only.limits.resources]])


def _could_use(p: Problem, groups: Ints) -> Bools:
    """Pools and resources that some option of the groups draws on."""
    members = np.isin(p.option_group, groups) & p.eligible.any(axis=0)
    pools = np.bincount(p.option_pool[members], minlength=len(p.pool_limit)) > 0
    return np.concatenate([pools, [bool((r.per_unit[members] > 0).any()) for r in p.limits.resources]])


def _left(only: Problem, taken: Floats) -> Problem:
    """The problem of one group with what the others leave."""
    rest = np.maximum(_limits(only) - taken, 0.0)
    pools, resources = rest[: len(only.pool_limit)], rest[len(only.pool_limit) :]
    limits = tuple(replace(r, limit=float(x)) for r, x in zip(only.limits.resources, resources, strict=True))
    return only.changed(pool_limit=pools, resources=limits)
