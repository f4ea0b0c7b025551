"""The smallest placement problem, solved exactly without a solver: whole units that together carry one load.

    min  sum_o usd[o] n[o]   with   sum_o size[o] n[o] >= need,   0 <= n[o] <= most[o],   n whole

with size[o] the share of the load one unit carries. This is what is left of a placement where nothing couples
its parts: one request class, continuous shares. States (carried, cost) are built option by option, best price
per carried load first, and dropped when dominated or when the rest at the next best price cannot beat a plan in
hand.
"""

from __future__ import annotations

import numpy as np

from planner.optimize.problem import Floats, Ints

MOST_STATES = 20_000
"""Beyond it the caller takes a solver: thousands of near ties are what branch and bound with cuts is for."""
FORGIVEN = 1e-6
"""Of the load; as much as `single.whole_units` forgives, so that no single-option plan is ever cheaper."""


def cover(
    size: Floats, usd: Floats, most: Floats, *, need: float = 1.0, rest_usd: float = np.inf
) -> Ints | None:
    """Counts [O] of the cheapest cover; None where none exists. Raises OverflowError past MOST_STATES.

    `most` may be infinite; `size` is above 0; what the units leave costs `rest_usd` for all of the load.
    Deterministic: the first of equally cheap covers in order of price per load.

    >>> cover(np.array([0.5, 0.2]), np.array([3.0, 1.5]), np.array([np.inf, np.inf]))
    array([2, 0])
    >>> cover(np.array([0.5, 0.2]), np.array([3.0, 1.5]), np.array([1.0, np.inf]))
    array([1, 3])
    >>> cover(np.array([0.4, 0.2]), np.array([3.0, 9.0]), np.array([np.inf, np.inf]), rest_usd=10.0)
    array([2, 0])
    """
    need = need * (1.0 - FORGIVEN)
    counts, best = _simple(size, usd, most, need)
    if need * rest_usd < best:
        counts, best = np.zeros(len(size), np.int64), need * rest_usd
    rate = usd / size
    cheapest = min(rate.min(initial=np.inf), rest_usd)
    # One unit of an option and the rest at the best price there is: no cover with it is cheaper than that.
    useful = np.flatnonzero((usd + np.maximum(need - size, 0.0) * cheapest < best) & (most >= 1))
    order = useful[np.argsort(rate[useful], kind="stable")]
    found = _search(size[order], usd[order], most[order], need, best, rest_usd)
    if found is None:
        return counts
    counts = np.zeros(len(size), np.int64)
    counts[order] = found
    return counts


def _simple(size: Floats, usd: Floats, most: Floats, need: float) -> tuple[Ints | None, float]:
    """A good cover to start from: as much of one option as fits, the rest by the option that fills it cheapest."""
    if not size.size:
        return None, np.inf
    base = np.minimum(np.floor(need / size), most)
    rest = need - base * size
    filler = np.where(rest[:, None] > 0, np.ceil(rest[:, None] / size[None, :]), 0.0)
    own = np.eye(len(size), dtype=bool)
    allowed = filler <= np.where(own, most[None, :] - base[:, None], most[None, :])
    with np.errstate(invalid="ignore"):
        cost = np.where(allowed, base[:, None] * usd[:, None] + filler * usd[None, :], np.inf)
    i, j = np.unravel_index(int(cost.argmin()), cost.shape)
    if not np.isfinite(cost[i, j]):
        return None, np.inf
    counts = np.zeros(len(size), np.int64)
    counts[i] += int(base[i])
    counts[j] += int(filler[i, j])
    return counts, float(cost[i, j])


def _search(
    size: Floats, usd: Floats, most: Floats, need: float, best: float, rest_usd: float
) -> Ints | None:
    """Counts of a cover cheaper than `best`, the cheapest there is; None where there is none."""
    rate = np.append(usd / size, np.inf)
    carried, cost = np.zeros(1), np.zeros(1)
    steps: list[tuple[Ints, Ints]] = []  # (state it came from, units taken) of every state after each option
    end: tuple[int, int, int] | None = None  # (option, state before it, units of it) of the best cover
    for i in range(len(size)):
        left = need - carried
        take = np.minimum(np.ceil(left / size[i]), most[i]).astype(np.int64)
        full = take * size[i] >= left
        # What the rest costs is linear in the units taken until they suffice, so only the ends can be best.
        for units in (take, np.maximum(take - 1, 0), np.zeros_like(take)):
            rest = np.maximum(left - units * size[i], 0.0)
            with np.errstate(invalid="ignore"):
                total = cost + units * usd[i] + np.where(rest > 0, rest * rest_usd, 0.0)
            if total.size and total.min() < best * (1 - 1e-12):
                at = int(total.argmin())
                best, end = float(total[at]), (i, at, int(units[at]))
        repeat = take + 1 - full  # covers are done, all others go on
        parent = np.repeat(np.arange(len(carried)), repeat)
        units = np.arange(len(parent)) - np.repeat(np.cumsum(repeat) - repeat, repeat)
        carried, cost = carried[parent] + units * size[i], cost[parent] + units * usd[i]
        with np.errstate(invalid="ignore"):
            open_ = np.flatnonzero(cost + (need - carried) * min(rate[i + 1], rest_usd) < best * (1 - 1e-12))
        open_ = open_[np.lexsort((-carried[open_], cost[open_]))]
        reached = np.maximum.accumulate(np.append(-1.0, carried[open_]))
        open_ = open_[carried[open_] > reached[:-1]]
        if len(open_) > MOST_STATES:
            raise OverflowError("too many near ties")
        carried, cost = carried[open_], cost[open_]
        steps.append((parent[open_], units[open_]))
        if not len(open_):
            break
    return None if end is None else _traced(len(size), steps, end)


def _traced(options: int, steps: list[tuple[Ints, Ints]], end: tuple[int, int, int]) -> Ints:
    i, state, taken = end
    counts = np.zeros(options, np.int64)
    counts[i] = taken
    for option in range(i - 1, -1, -1):
        parent, units = steps[option]
        counts[option] = units[state]
        state = int(parent[state])
    return counts
