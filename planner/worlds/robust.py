"""The plan of least maximum regret over a set of scenarios, each with one thing turned out otherwise.

Plans compared: the cheapest for each scenario and for several quantiles, each made good for the question as asked, and
the answer of one program over all scenarios: units signed now are common to them, what is rented later is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from planner.decide import Decided, balanced
from planner.optimize import highs
from planner.optimize.arrays import Arrays
from planner.optimize.check import Proposal, violations
from planner.optimize.highs import Stops
from planner.optimize.model import build
from planner.optimize.problem import Bools, Decision, Floats, Ints
from planner.optimize.rounding import rounded
from planner.optimize.search import Search
from planner.plan import Assumption
from planner.pricing.money import HOURS_PER_MONTH
from planner.risk import Robust, ScenarioRegret
from planner.worlds.draws import Draws
from planner.worlds.outlook import YEAR_MEAN, Outlook
from planner.worlds.regret import Progress, plans_at
from planner.worlds.score import STOPS, Fleet, clairvoyant, cost, fleet_of, planned
from planner.worlds.speeds import Group, Shifted, group_of
from planner.worlds.worlds import Reach, Worlds, capacities, reach_of, worlds_of

Z80 = 1.2816
GROUPS = 6  # whose speed is moved: the plan's, then those of the scenarios' best plans
QUANTILES = (0.5, 0.65, 0.9, 0.95, 0.98)
JOINT = Stops(gap=0.01, nodes_within_gap=0, nodes=2_000, seconds=20.0)
MOST_JOINT_UNITS = 400  # options above which the joint program is not tried


@dataclass(frozen=True)
class Scenario:
    """One way things may turn out; what it does not name is as predicted."""

    name: str
    speeds: Mapping[Group, float]
    rest: float = 0.0
    prices: Mapping[str, float] | None = None  # GPU -> factor
    demand: float = 1.0


def robust_decision(
    decided: Decided, *, outlook: Outlook, on_progress: Progress = lambda message: None
) -> tuple[Decided, Robust]:
    """The decision of least maximum regret, and the scenarios it was compared in.

    Its maximum regret is at most that of the cheapest plan, which is among those compared.
    """
    reach = reach_of(decided)
    scenarios = tuple(_scenarios(decided, reach, outlook))
    worlds = _worlds(decided, reach, scenarios)
    on_progress(f"planning for {len(scenarios)} scenarios")
    known = [clairvoyant(worlds, s) for s in range(len(scenarios))]
    first = planned(reach, decided.decision)
    wanted = [first, *(k[0] for k in known if k is not None),
              *(f for f in plans_at(decided, reach, QUANTILES) if f is not None)]  # fmt: skip
    plans = list(_sized(decided, reach, wanted))
    least = np.array([np.inf if k is None else k[1] for k in known])
    on_progress("one program over all scenarios")
    joint = _joint(reach, worlds, np.minimum(least, cost(worlds, first)), plans)
    plans += [joint] if joint is not None else []
    costs = np.stack([cost(worlds, _fleet(reach, plan)) for plan in plans])
    best = np.minimum(least, costs.min(axis=0))
    worst = (costs - best).max(axis=1)
    now = np.array([reach.problem.cost(plan.units, plan.shares) for plan in plans])
    # Of plans with the same maximum the cheaper one; the first is the cheapest plan itself.
    chosen = int(np.lexsort((now, np.round(worst, 6)))[0])
    record = Robust(
        usd_per_month=float(now[chosen]) * HOURS_PER_MONTH, cheapest_usd_per_month=float(now[0]) * HOURS_PER_MONTH,
        max_regret_usd_per_month=float(worst[chosen]) * HOURS_PER_MONTH,
        max_regret_of_cheapest_usd_per_month=float(worst[0]) * HOURS_PER_MONTH, candidates=len(plans),
        scenarios=tuple(
            ScenarioRegret(s.name, *(float(x) * HOURS_PER_MONTH for x in (b, c - b, o - b)))
            for s, b, c, o in zip(scenarios, best, costs[chosen], costs[0], strict=True)
        ),
        assumptions=(Assumption("scenarios", "each moves one thing to its 10 % or 90 % side", "docs/uncertainty.md"),
                     *outlook.assumptions()),
    )  # fmt: skip
    return _decided(decided, reach, plans[chosen] if chosen else None), record


def _scenarios(decided: Decided, reach: Reach, outlook: Outlook) -> Iterator[Scenario]:
    yield Scenario("as predicted", {})
    yield Scenario("every prediction on its 80 % side", {}, rest=0.8416)
    groups = _groups(decided, reach)
    for group in groups:
        yield Scenario(f"{group} slower, 90 % side", {group: Z80})
        yield Scenario(f"{group} faster, 10 % side", {group: -Z80})
    sd = YEAR_MEAN * float(np.hypot(outlook.gpu_price_sd, outlook.seller_price_sd))
    for gpu in dict.fromkeys(g.gpu for g in groups):
        for word, z in (("up", Z80), ("down", -Z80)):
            yield Scenario(
                f"rent of {gpu} {word} {100 * abs(np.expm1(z * sd)):.0f} %", {}, prices={gpu: np.exp(z * sd)}
            )
    for word, z in (("up", Z80), ("down", -Z80)):
        factor = float(np.exp(z * outlook.demand_sd))
        yield Scenario(f"demand {word} {100 * abs(factor - 1):.0f} %", {}, demand=factor)


def _groups(decided: Decided, reach: Reach) -> list[Group]:
    """Groups of the plan, then of the plans made on either side of the predictions."""
    found: dict[Group, None] = {}
    for fleet in (planned(reach, decided.decision), *plans_at(decided, reach, (0.8, 0.5, 0.25))):
        for o in np.flatnonzero(fleet.units).tolist() if fleet is not None else ():
            option, choice = reach.options[o], int(fleet.choice[o]) if fleet is not None else 0
            if option is not None:
                row = int(reach.rows[option.workload][reach.choices[o, choice]])
                found.setdefault(group_of(decided.ways[option.workload].configurations[row]))
    return list(found)[:GROUPS]


def _worlds(decided: Decided, reach: Reach, scenarios: Sequence[Scenario]) -> Worlds:
    certain = worlds_of(decided, reach, Shifted(({},)), Outlook(0, 0, 0, 0), Draws(0, 1))
    usd = np.stack([reach.problem.usd_per_hour * np.array([
        1.0 if o is None or o.offer.term not in ("on_demand", "spot") else (s.prices or {}).get(o.offer.gpu, 1.0)
        for o in reach.options]) for s in scenarios])  # fmt: skip
    capacity = np.concatenate(
        [capacities(decided, reach, Shifted((s.speeds,), rest=s.rest)) for s in scenarios]
    )
    demand = np.stack([reach.problem.demand_per_s * s.demand for s in scenarios])
    return replace(
        certain, capacity=capacity, usd_per_hour=usd, demand=demand, away=np.zeros(usd.shape, bool)
    )


def _sized(decided: Decided, reach: Reach, fleets: Sequence[Fleet]) -> Iterator[Proposal]:
    """The options of each fleet in the counts that the question as asked needs; each set of options once."""
    seen: set[bytes] = set()
    for fleet in fleets:
        used = (fleet.units > 0) | (fleet.hosted.sum(axis=0) > 0)
        if used.tobytes() in seen:
            continue
        seen.add(used.tobytes())
        if not seen - {used.tobytes()}:  # the cheapest plan comes first and stays as it is
            yield Proposal(decided.decision.units[reach.kept], decided.decision.shares[:, reach.kept],
                           decided.decision.unserved)  # fmt: skip
            continue
        found = Search(highs.run, STOPS).decide(reach.problem.keep(used))
        if found is not None:
            units, shares = np.zeros(len(used), np.int64), np.zeros(fleet.hosted.shape)
            units[used], shares[:, used] = found.units, found.shares
            yield Proposal(units, shares, found.unserved)


def _joint(reach: Reach, worlds: Worlds, least: Floats, plans: Sequence[Proposal]) -> Proposal | None:
    """One program: units now (feasible for the question), units added in each scenario, the largest regret least.

    Over the options that the plans compared use; None where hosted APIs or held hardware make it another program.
    """
    p = reach.problem
    used = np.any([plan.units > 0 for plan in plans], axis=0)
    if p.is_hosted.any() or p.holding_usd_per_hour is not None or used.sum() > MOST_JOINT_UNITS:
        return None
    own = p.keep(used)
    model = build(own, budget_row=own.limits.budget_usd_per_hour is not None)
    arrays = _with_scenarios(model.arrays, model.columns.units, reach, worlds, least, used)
    answer = highs.run(arrays, JOINT)
    if answer.values is None:
        return None
    values = answer.values[: len(model.arrays.cost)]
    plan = _with_counts(rounded(own, model, values), np.rint(values[model.columns.units]).astype(np.int64))
    units, shares = np.zeros(len(used), np.int64), np.zeros((len(p.classes), len(used)))
    units[used], shares[:, used] = plan.units, plan.shares
    whole = Proposal(units, shares, plan.unserved)
    return None if violations(p, whole) else whole


def _with_counts(plan: Proposal, counted: Ints) -> Proposal:
    """Units held for the scenarios stay, though the question as asked would do with fewer."""
    return replace(plan, units=np.maximum(plan.units, counted))


def _with_scenarios(
    arrays: Arrays, units: Ints, reach: Reach, worlds: Worlds, least: Floats, used: Bools
) -> Arrays:
    """The placement model with columns R and y[s, o] >= 0 whole, and for every scenario s the rows

    sum_o usd[s,o] (n[o] + y[s,o]) - R <= least[s]
    sum_o cap[s,k,o] (n[o] + y[s,o]) >= demand[s,k]          for every class k
    """
    from scipy.sparse import coo_array, csc_array, vstack

    p, s_count, o_count = reach.problem, len(least), int(used.sum())
    width = len(arrays.cost) + 1 + s_count * o_count
    scale = float(np.maximum(least, 1e-9).max())
    rows: list[Ints] = []
    columns: list[Ints] = []
    values: list[Floats] = []
    lower: list[float] = []
    upper: list[float] = []
    for s in range(s_count):
        added = len(arrays.cost) + 1 + s * o_count + np.arange(o_count)
        usd = worlds.usd_per_hour[s][used] / scale
        at = len(lower)
        rows += [np.full(2 * o_count + 1, at)]
        columns += [np.concatenate([units, added, [len(arrays.cost)]])]
        values += [np.concatenate([usd, usd, [-1.0]])]
        lower.append(-np.inf)
        upper.append(least[s] / scale)
        for k in np.flatnonzero(p.demand_per_s > 0):
            carried = (
                np.where(p.eligible[k], reach.pooled[k] * worlds.capacity[s, :, 0], 0.0)[used]
                / worlds.demand[s, k]
            )
            rows += [np.full(2 * o_count, len(lower))]
            columns += [np.concatenate([units, added])]
            values += [np.concatenate([carried, carried])]
            lower.append(1.0)
            upper.append(np.inf)
    more = coo_array(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=(len(lower), width)
    )
    old = csc_array(
        (arrays.coefficients, arrays.rows, arrays.starts), shape=(len(arrays.row_lower), len(arrays.cost))
    )
    old.resize((len(arrays.row_lower), width))
    matrix = vstack([old, more]).tocsc()
    matrix.eliminate_zeros()
    extra = 1 + s_count * o_count
    cost = np.concatenate([1e-4 * arrays.cost / scale, [1.0], np.zeros(extra - 1)])
    return Arrays(
        cost=cost, lower=np.concatenate([arrays.lower, np.zeros(extra)]),
        upper=np.concatenate([arrays.upper, np.full(extra, np.inf)]),
        integer=np.concatenate([arrays.integer, [False], np.ones(extra - 1, bool)]),
        starts=matrix.indptr.astype(np.int32), rows=matrix.indices.astype(np.int32), coefficients=matrix.data,
        row_lower=np.concatenate([arrays.row_lower, lower]), row_upper=np.concatenate([arrays.row_upper, upper]),
        blocks=arrays.blocks,
    )  # fmt: skip


def _fleet(reach: Reach, plan: Proposal) -> Fleet:
    blank = Decision("limit", plan.units, plan.shares, plan.unserved, 0.0, 0.0, 1.0, 0.0)
    return fleet_of(reach, blank, np.zeros(len(plan.units), np.int64))


def _decided(decided: Decided, reach: Reach, plan: Proposal | None) -> Decided:
    """The decision with another plan in it; its gap is to the cheapest, as proven before."""
    if plan is None:
        return decided
    d = decided.decision
    units, shares = np.zeros_like(d.units), np.zeros_like(d.shares)
    units[reach.kept], shares[:, reach.kept] = plan.units, plan.shares
    usd = decided.problem.cost(units, shares)
    found = replace(d, status="within_gap", units=units, shares=shares, unserved=plan.unserved, usd_per_hour=usd,
                    gap=max(0.0, 1.0 - d.bound / usd) if usd > 0 else 0.0)  # fmt: skip
    return replace(decided, decision=replace(found, shares=balanced(decided.problem, found)))
