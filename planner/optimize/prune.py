"""Options that no best plan needs: exact dominance.

Option a makes option b pointless when a unit of b can be swapped for a unit of a in any plan without breaking
a row or raising the cost:

- same group and same period, and at least as much capacity for every class: `serve_all_of`, `capacity_of`,
  `in_use` and `spare_units` still hold (the fleet is pointwise no smaller, so neither is what a loss leaves);
- not dearer: cost and budget;
- same pool, or a pool without a limit: `availability`; same holding, or none: `held`;
- in no share cap or failure domain b is not in, and uses no more of any resource: `share_cap`, `losses`, `resource`;
- load costs no more on it: what is paid by the request. Options that need no units are all kept.

The swap may be repeated until b is unused, so leaving b out loses nothing. Equal options keep the first.
"""

from __future__ import annotations

import numpy as np

from planner.optimize.problem import Bools, Floats, Ints, Problem


def undominated(problem: Problem) -> Bools:
    """[O]: options to keep; unusable ones (no eligible class, pool limit below one) are dropped as well."""
    keep = np.zeros(len(problem.options), bool)
    usable = problem.eligible.any(axis=0)
    capacity = np.where(problem.eligible, problem.capacity_per_s, 0.0)
    burdens, per_load = _burdens(problem), problem.load_usd_per_hour
    keep |= usable & problem.is_hosted
    for group in range(problem.group_count):
        rows = problem.class_group == group
        for period in np.unique(problem.period_of_option):
            members = usable & (problem.option_group == group) & (problem.period_of_option == period)
            options = np.flatnonzero(members & ~problem.is_hosted)
            paid = np.vstack([burdens, per_load[rows]]) if per_load.any() else burdens
            keep[_frontier(problem, options, capacity[rows], paid)] = True
    return keep


def _burdens(problem: Problem) -> Floats:
    """[B, O]: what an option must not have more of than the one it replaces."""
    caps = [cap.mask.astype(float) for cap in problem.share_caps]
    domains = [domain.mask.astype(float) for domain in problem.limits.losses]
    resources = (r.per_unit for r in problem.limits.resources)
    return np.vstack([problem.usd_per_hour, *caps, *domains, *resources])


def _frontier(problem: Problem, options: Ints, capacity: Floats, burdens: Floats) -> Ints:
    """Options of one group and period that no other one dominates, cheapest first."""
    unlimited = np.isinf(problem.pool_limit)[problem.option_pool]
    order = np.lexsort((options, burdens[1:, options].sum(axis=0), -capacity[:, options].sum(axis=0),
                        burdens[0, options]))  # fmt: skip
    kept = np.empty(len(options), np.int64)
    count = 0
    for option in options[order]:
        rivals = kept[:count]
        same_pool = problem.option_pool[rivals] == problem.option_pool[option]
        same_pool &= problem.use_of_pool[rivals] <= problem.use_of_pool[option]
        holding = problem.holding_of_option
        same_holding = (holding[rivals] == -1) | (holding[rivals] == holding[option])
        rivals = rivals[(unlimited[rivals] | same_pool) & same_holding]
        better = (capacity[:, rivals] >= capacity[:, [option]]).all(axis=0)
        better &= (burdens[:, rivals] <= burdens[:, [option]]).all(axis=0)
        if not better.any():
            kept[count] = option
            count += 1
    return kept[:count]
