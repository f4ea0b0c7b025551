"""Judge a plan from the problem alone: every limit recomputed, nothing taken from the model or the solver."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from planner.optimize.problem import Floats, Ints, Problem

TOLERANCE = 1e-5
"""Relative to a limit (or to one unit); ten times what rounding is allowed to use up."""


@dataclass(frozen=True, eq=False)
class Proposal:
    """A plan to be judged."""

    units: Ints
    shares: Floats
    unserved: Floats


Check = Callable[[Problem, Proposal], Iterator[str]]


def usd_per_hour(problem: Problem, plan: Proposal) -> float:
    """Rent, and what is paid by the request, recomputed."""
    return problem.cost(plan.units, plan.shares)


def objective(problem: Problem, plan: Proposal) -> float:
    """Rent plus the penalty for what stays unserved."""
    return usd_per_hour(problem, plan) + float(problem.unserved_usd_per_hour @ plan.unserved)


def violations(problem: Problem, plan: Proposal) -> tuple[str, ...]:
    """One line for each broken demand or limit; empty when the plan stands."""
    return tuple(line for check in CHECKS for line in check(problem, plan))


def check_counts(p: Problem, plan: Proposal) -> Iterator[str]:
    """Units are whole and not negative; shares are not negative, and whole pieces where load is cut."""
    if (plan.units < 0).any() or not np.array_equal(plan.units, np.rint(plan.units)):
        yield "units: not whole numbers of at least 0"
    if (plan.shares < 0).any() or not np.isfinite(plan.shares).all():
        yield "shares: negative or not a number"
    pieces = plan.shares * p.pieces
    if p.splitting != "continuous" and np.abs(pieces - np.rint(pieces)).max(initial=0.0) > TOLERANCE:
        yield f"shares: not whole pieces of 1/{p.pieces}"


def check_served(p: Problem, plan: Proposal) -> Iterator[str]:
    """Every class with demand is served by options that may serve it."""
    for k in np.flatnonzero(p.demand_per_s > 0):
        served = plan.shares[k].sum() + plan.unserved[k]
        if abs(served - 1) > TOLERANCE:
            yield f"serve_all_of[{p.classes[k]}]: {served:.6g} of the load is served"
    if (plan.shares[~p.eligible] > 0).any():
        yield "shares: load on an option that may not serve it"
    if not p.unserved_allowed and (plan.unserved > TOLERANCE).any():
        yield "unserved: load left unserved although all must be served"


def check_capacity(p: Problem, plan: Proposal) -> Iterator[str]:
    """No unit is loaded above its capacity in any period, and no share sits on an option without units."""
    for period in range(p.period_count):
        load = p.load_in(period, plan.shares)
        idle = (load > 0) & (plan.units == 0)
        over = (load > plan.units + TOLERANCE * np.maximum(plan.units, 1)) | idle
        for o in np.flatnonzero(over):
            yield f"capacity_of[{p.options[o]}]: {load[o]:.6g} units of load on {plan.units[o]}"


def check_pools(p: Problem, plan: Proposal) -> Iterator[str]:
    """Availability of every offer in every period."""
    for period in range(p.period_count):
        present = plan.units * p.use_of_pool * p.present_in(period)
        used = np.bincount(p.option_pool, present, minlength=len(p.pool_limit))
        for pool in np.flatnonzero(used > p.pool_limit + TOLERANCE):
            yield f"availability[{p.pool_name(int(pool))}]: {used[pool]:.6g} of {p.pool_limit[pool]:.6g}"


def check_sums(p: Problem, plan: Proposal) -> Iterator[str]:
    """Budget, share caps and resources."""
    budget, cost = p.limits.budget_usd_per_hour, usd_per_hour(p, plan)
    if budget is not None and cost > budget * (1 + TOLERANCE) + 1e-9:
        yield f"budget: {cost:.6g} of {budget:.6g} USD per hour"
    for cap in p.share_caps:
        share = plan.shares[:, cap.mask].sum(axis=1).max(initial=0.0)
        if share > cap.max_share + TOLERANCE:
            yield f"{cap.name}: {share:.6g} of {cap.max_share:.6g}"
    for resource in p.limits.resources:
        used = resource.used(p, plan.units)
        slack = TOLERANCE * max(resource.limit, float(np.abs(resource.per_unit) @ plan.units))
        if used > resource.limit + slack:
            yield f"{resource.name}: {used:.6g} of {resource.limit:.6g}"


def check_spares(p: Problem, plan: Proposal) -> Iterator[str]:
    """Take the largest units away and see whether the rest carries the load."""
    for group in np.flatnonzero(p.spare_units):
        for period in range(p.period_count):
            if not survives_loss(p, plan, int(group), period):
                name, spare = p.group_name(int(group)), p.spare_units[group]
                yield f"spare_units[{name}]: the load is lost with its {spare} largest units"


def check_losses(p: Problem, plan: Proposal) -> Iterator[str]:
    """Take each failure domain away and see whether the rest carries the load."""
    for domain, group, period in p.losses:
        classes = (p.class_group == group) & (p.period_of_class == period) & (p.demand_per_s > 0)
        load = p.load_units[classes].sum(axis=0)
        left = p.eligible[classes].all(axis=0) & ~domain.mask & ~p.is_hosted & p.present_in(period)
        carried = (plan.units[left] / load[left]).sum() + plan.unserved[classes].min()
        if carried < 1 - TOLERANCE:
            yield f"losses[{domain.name}, {p.group_name(group)}]: the rest carries {carried:.6g} of the load"


def survives_loss(p: Problem, plan: Proposal, group: int, period: int) -> bool:
    """Do the units left after the s largest fail carry the group's mix of classes?

    Where no option serves every class: has each option in use its own s spares?
    """
    classes = (p.class_group == group) & (p.period_of_class == period) & (p.demand_per_s > 0)
    if not classes.any():
        return True
    spare, load = int(p.spare_units[group]), p.load_units[classes].sum(axis=0)
    whole = p.eligible[classes].all(axis=0)
    if not whole.any():
        own = (plan.shares[classes] * p.load_units[classes]).sum(axis=0)
        return bool((own[own > 0] <= plan.units[own > 0] - spare + TOLERANCE).all())
    largest_first = np.flatnonzero(whole & (plan.units > 0) & p.present_in(period))
    largest_first = largest_first[np.argsort(load[largest_first], kind="stable")]
    units = plan.units[largest_first]
    lost = np.clip(spare - (np.cumsum(units) - units), 0, units)
    carried = ((units - lost) / load[largest_first]).sum() + plan.unserved[classes].min()
    return bool(carried >= 1 - TOLERANCE)


CHECKS: tuple[Check, ...] = (
    check_counts, check_served, check_capacity, check_pools, check_sums, check_spares, check_losses,
)  # fmt: skip
