"""Why nothing fits: for each kind of limit, the least it must become, the others unchanged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from planner.optimize import highs
from planner.optimize.check import TOLERANCE, Proposal, violations
from planner.optimize.highs import Stops
from planner.optimize.model import build
from planner.optimize.problem import Decision, Floats, Problem, Relaxation

OpenSolver = Callable[[Problem], Decision | None]
Relaxer = Callable[[Problem, OpenSolver], Iterator[Relaxation]]


def unservable(problem: Problem) -> tuple[Relaxation, ...]:
    """Classes that no option may serve, whatever the limits: nothing to relax but the choice of options."""
    served = problem.changed(pool_limit=np.full_like(problem.pool_limit, np.inf)).eligible.any(axis=1)
    return tuple(
        Relaxation(f"options[{problem.classes[k]}]", 0, 1, None, f"no option can serve {problem.classes[k]}")
        for k in np.flatnonzero(~served & (problem.demand_per_s > 0))
    )


def relaxations(problem: Problem, solve: OpenSolver) -> tuple[Relaxation, ...]:
    """One entry per kind of limit that alone is in the way; when none is, what lifting all of them gives."""
    found = tuple(entry for relaxer in RELAXERS.values() for entry in relaxer(problem, solve))
    return found or tuple(_all_together(problem, solve))


def relax_budget(p: Problem, solve: OpenSolver) -> Iterator[Relaxation]:
    """The budget that the cheapest plan needs."""
    budget = p.limits.budget_usd_per_hour
    decision = None if budget is None else solve(p.changed(budget_usd_per_hour=None))
    if budget is not None and decision is not None:
        usd = decision.usd_per_hour
        text = f"a budget of {usd:.6g} USD per hour (now {budget:.6g})"
        yield Relaxation("budget_usd_per_hour", budget, usd, usd, text)


def relax_availability(p: Problem, solve: OpenSolver) -> Iterator[Relaxation]:
    """The fewest extra units of scarce offers, wherever they help most."""
    least = _least_violation(p, "availability")
    if least is None:
        return
    taken = _peak(p, least.units) * p.use_of_pool
    used = np.ceil(np.bincount(p.option_pool, taken, minlength=len(p.pool_limit)) - TOLERANCE)
    short = np.flatnonzero(used > p.pool_limit + TOLERANCE)
    if short.size:
        raised = np.maximum(p.pool_limit, used)
        extra = [f"{used[i] - p.pool_limit[i]:.0f} more of {p.pool_name(int(i))}" for i in short]
        now, needed = float(p.pool_limit[short].sum()), float(used[short].sum())
        text = f"availability: {' and '.join(extra)}"
        yield Relaxation("availability", now, needed, _usd(solve, p.changed(pool_limit=raised)), text)


def relax_share_caps(p: Problem, solve: OpenSolver) -> Iterator[Relaxation]:
    """The smallest caps on spot, zones or sellers."""
    least = _least_violation(p, "share_cap") if p.share_caps else None
    if least is None:
        return
    for cap in p.share_caps:
        share = float(least.shares[:, cap.mask].sum(axis=1).max(initial=0.0))
        if share > cap.max_share + TOLERANCE:
            text = f"{cap.name} of {share:.3g} (now {cap.max_share:.3g})"
            yield Relaxation(cap.name, cap.max_share, share, _usd(solve, _with_cap(p, cap.name, share)), text)


def relax_resources(p: Problem, solve: OpenSolver) -> Iterator[Relaxation]:
    """The least power or quota."""
    least = _least_violation(p, "resource") if p.limits.resources else None
    if least is None:
        return
    for r in p.limits.resources:
        used = r.used(p, least.units)
        if used > r.limit * (1 + TOLERANCE):
            text = f"{r.name} of {used:.6g} (now {r.limit:.6g})"
            raised = tuple(replace(x, limit=used) if x.name == r.name else x for x in p.limits.resources)
            yield Relaxation(r.name, r.limit, used, _usd(solve, p.changed(resources=raised)), text)


def relax_spares(p: Problem, solve: OpenSolver) -> Iterator[Relaxation]:
    """The most spare units that still leave a plan."""
    asked = int(p.spare_units.max(initial=0))
    for fewer in range(asked - 1, -1, -1):
        usd = _usd(solve, p.changed(spare_units=np.minimum(p.spare_units, fewer)))
        if usd is not None:
            text = f"{fewer} spare units (now {asked})"
            yield Relaxation("spare_units", asked, fewer, usd, text)
            return


def relax_losses(p: Problem, solve: OpenSolver) -> Iterator[Relaxation]:
    """No failure domain to survive."""
    usd = _usd(solve, p.changed(losses=())) if p.losses else None
    if usd is not None:
        domains = len({domain.name for domain, _, _ in p.losses})
        yield Relaxation("losses", domains, 0, usd, "no rest that carries the load when spot vanishes")


RELAXERS: dict[str, Relaxer] = {
    "budget": relax_budget,
    "availability": relax_availability,
    "share_cap": relax_share_caps,
    "resource": relax_resources,
    "spare_units": relax_spares,
    "losses": relax_losses,
}


LIFTS: dict[str, Callable[[Problem], Problem]] = {
    "budget_usd_per_hour": lambda p: p.changed(budget_usd_per_hour=None),
    "availability": lambda p: p.changed(pool_limit=np.full_like(p.pool_limit, np.inf)),
    "share caps": lambda p: p.changed(max_spot_share=None, share_caps=()),
    "resources": lambda p: p.changed(resources=()),
    "spare_units": lambda p: p.changed(spare_units=None),
    "losses": lambda p: p.changed(losses=()),
}
"""Each kind of limit, and the problem without it."""


def _all_together(p: Problem, solve: OpenSolver) -> Iterator[Relaxation]:
    """A smallest set of kinds of limit that must give way together: none of them may stay as it is."""
    kinds = [*LIFTS]
    for kind in LIFTS:
        fewer = [k for k in kinds if k != kind]
        if solve(_lifted(p, fewer)) is not None:
            kinds = fewer
    decision = solve(_lifted(p, kinds))
    if decision is None:
        return
    broken = violations(p, Proposal(decision.units, decision.shares, decision.unserved))
    text = f"{' and '.join(kinds)} at once; the cheapest plan without them breaks {'; '.join(broken)}"
    yield Relaxation("limits together", float(len(broken)), 0.0, decision.usd_per_hour, text)


def _lifted(p: Problem, kinds: Sequence[str]) -> Problem:
    for kind in kinds:
        p = LIFTS[kind](p)
    return p


def _usd(solve: OpenSolver, problem: Problem) -> float | None:
    decision = solve(problem)
    return None if decision is None else decision.usd_per_hour


def _least_violation(p: Problem, rule: str) -> Proposal | None:
    """The plan that breaks one rule least and keeps all others; None when that does not help."""
    model = build(p, relax=rule, budget_row=True)
    answer = highs.run(model.arrays, Stops(gap=1e-4, nodes=2_000))
    if answer.values is None:
        return None
    units = np.rint(answer.values[model.columns.units]).astype(np.int64)
    return Proposal(units, model.shares(answer.values, p.capacity_per_s.shape), model.unserved(answer.values))


def _with_cap(p: Problem, name: str, share: float) -> Problem:
    if name == "max_spot_share":
        return p.changed(max_spot_share=share)
    caps = tuple(type(c)(c.name, c.mask, share) if c.name == name else c for c in p.limits.share_caps)
    return p.changed(share_caps=caps)


def _peak(p: Problem, units: np.ndarray) -> Floats:
    """[O]: units counted in the pool's fullest period (with one period: all)."""
    if p.period_count == 1:
        return units.astype(float)
    totals = [np.where(np.isin(p.period_of_option, (-1, t)), units, 0) for t in range(p.period_count)]
    by_pool = np.array([np.bincount(p.option_pool, t, minlength=len(p.pool_limit)) for t in totals])
    fullest = by_pool.argmax(axis=0)[p.option_pool]
    at = p.period_of_option
    return np.where((at == -1) | (at == fullest), units, 0).astype(float)
