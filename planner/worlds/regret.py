"""What a plan may cost more than the plan of who knows how things turn out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from planner.decide import Decided
from planner.optimize import highs
from planner.optimize.problem import Floats
from planner.optimize.search import Search
from planner.options.interruptions import INTERRUPTIONS_PER_HOUR
from planner.plan import Assumption
from planner.pricing.money import HOURS_PER_MONTH
from planner.risk import Deciles, QuantilePlan, Regret, Winner
from planner.worlds.draws import Draws
from planner.worlds.outlook import CERTAIN, Outlook
from planner.worlds.score import STOPS, Fleet, clairvoyant, cost, kept, planned
from planner.worlds.speeds import Sampled, Shifted
from planner.worlds.worlds import Reach, Worlds, reach_of, worlds_of

WORLDS = 100
QUANTILES = (0.5, 0.8, 0.9, 0.95)
AS_CHEAP = 1.01
WINNERS = 5
Progress = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Scored:
    """A plan in its worlds: USD per hour as signed, with the same machines in other counts, and at the least."""

    reach: Reach
    worlds: Worlds
    fleet: Fleet
    signed: Floats
    adapted: Floats
    best: Floats
    known: tuple[Fleet | None, ...]

    @property
    def regret(self) -> Floats:
        """[W] USD per month, never negative."""
        return np.asarray((self.signed - self.best) * HOURS_PER_MONTH, float)


def regret(
    decided: Decided, *, draws: Draws, outlook: Outlook, on_progress: Progress = lambda message: None
) -> Regret:
    """Score the plan of `decided` over the worlds of `draws`, re-optimising in each of them."""
    scored = score(decided, draws=draws, outlook=outlook, on_progress=on_progress)
    usd = decided.decision.usd_per_hour * HOURS_PER_MONTH
    same_demand = worlds_of(decided, scored.reach, _errors(decided, draws), CERTAIN, draws)
    return Regret(
        seed=draws.seed, worlds=draws.count, usd_per_month=usd,
        expected_regret_usd_per_month=float(scored.regret.mean()),
        p90_regret_usd_per_month=float(np.percentile(scored.regret, 90)),
        slo_probability=float(kept(same_demand, scored.fleet).mean()),
        slo_probability_any_demand=float(kept(scored.worlds, scored.fleet).mean()),
        cheapest_probability=float((scored.adapted <= AS_CHEAP * scored.best).mean()),
        cost_usd_per_month=_deciles(scored.signed), perfect_usd_per_month=_deciles(scored.best),
        winners=_winners(scored), quantiles=_quantiles(decided, scored, same_demand),
        assumptions=assumptions(outlook, draws),
    )  # fmt: skip


def score(
    decided: Decided, *, draws: Draws, outlook: Outlook, on_progress: Progress = lambda message: None
) -> Scored:
    """The plan of `decided` and the best plan of every world."""
    reach = reach_of(decided)
    worlds = worlds_of(decided, reach, _errors(decided, draws), outlook, draws)
    fleet = planned(reach, decided.decision)
    signed, adapted, known, best = cost(worlds, fleet), [], [], []
    for w in range(draws.count):
        on_progress(f"world {w + 1} of {draws.count}")
        found = clairvoyant(worlds, w)
        known.append(None if found is None else found[0])
        best.append(np.inf if found is None else found[1])
        adapted.append(_adapted(worlds, fleet, w))
    same = np.minimum(np.array(adapted), signed)
    return Scored(reach, worlds, fleet, signed, same, np.minimum(np.array(best), same), tuple(known))


def assumptions(outlook: Outlook, draws: Draws) -> tuple[Assumption, ...]:
    """What the worlds rest on."""
    errors = "measured error curves, one for each engine, model and GPU; cut at the roofline"
    spot = (f"{INTERRUPTIONS_PER_HOUR.value:g} an hour where unknown, gone until started again, "
            "one seller and region at once")  # fmt: skip
    return (Assumption("worlds", f"{draws.count} of seed {draws.seed}", "docs/uncertainty.md"),
            Assumption("speeds", errors, "docs/uncertainty.md"),
            Assumption("what is missing", "rented at the prices of its world; a broken limit costs nothing besides",
                       "docs/uncertainty.md"), Assumption("spot interruptions", spot, "docs/uncertainty.md"),
            *outlook.assumptions())  # fmt: skip


def _errors(decided: Decided, draws: Draws) -> Sampled:
    return Sampled(draws, decided.configurations.calibration)


def _adapted(worlds: Worlds, fleet: Fleet, w: int) -> float:
    """USD per hour with the plan's own options and configurations in the counts that world `w` wants."""
    p = worlds.problem(w)
    used = (fleet.units > 0) | (fleet.hosted.sum(axis=0) > 0)
    unit = np.take_along_axis(worlds.capacity[w], fleet.choice[:, None], axis=1)[:, 0]
    own = p.changed(capacity_per_s=worlds.reach.pooled * unit).keep(used)
    found = Search(highs.run, STOPS).decide(own)
    return np.inf if found is None else found.usd_per_hour


def _deciles(usd_per_hour: Floats) -> Deciles:
    return Deciles(*(float(x) for x in np.percentile(usd_per_hour, [10, 50, 90]) * HOURS_PER_MONTH))


def _winners(scored: Scored) -> tuple[Winner, ...]:
    counted = Counter(_gpus(scored.reach, fleet) for fleet in scored.known if fleet is not None)
    return tuple(Winner(gpus, n / len(scored.known)) for gpus, n in counted.most_common(WINNERS))


def _gpus(reach: Reach, fleet: Fleet) -> tuple[str, ...]:
    used = [reach.options[o] for o in np.flatnonzero(fleet.units)]
    hosted = ("hosted API",) if fleet.hosted.any() else ()
    return (*sorted({o.offer.gpu for o in used if o is not None}), *hosted)


def _quantiles(decided: Decided, scored: Scored, same_demand: Worlds) -> tuple[QuantilePlan, ...]:
    found = []
    for quantile, fleet in zip(QUANTILES, plans_at(decided, scored.reach, QUANTILES), strict=True):
        if fleet is None:
            continue
        usd = float(scored.reach.problem.usd_per_hour @ fleet.units) + float(
            (scored.reach.problem.load_usd_per_hour * fleet.hosted).sum())  # fmt: skip
        above = np.maximum(cost(scored.worlds, fleet) - scored.best, 0.0)
        found.append(QuantilePlan(
            quantile, usd * HOURS_PER_MONTH, float(kept(same_demand, fleet).mean()),
            float(above.mean()) * HOURS_PER_MONTH, units_text(scored.reach, fleet),
        ))  # fmt: skip
    return tuple(found)


def plans_at(decided: Decided, reach: Reach, quantiles: Sequence[float]) -> tuple[Fleet | None, ...]:
    """The cheapest plan with every prediction on this side of its errors, for each quantile."""
    shifts = [NormalDist().inv_cdf(q) for q in quantiles]
    fleets = []
    for shift in shifts:
        worlds = worlds_of(decided, reach, Shifted(({},), rest=shift), CERTAIN, Draws(0, 1))
        found = clairvoyant(worlds, 0)
        fleets.append(None if found is None else found[0])
    return tuple(fleets)


def units_text(reach: Reach, fleet: Fleet) -> str:
    """Machines of a fleet at its fullest, by GPU model: `4 h200_sxm, 2 gh200`."""
    p = reach.problem
    most: dict[str, float] = {}
    for period in range(p.period_count):
        here: Counter[str] = Counter()
        for o in np.flatnonzero((fleet.units > 0) & p.present_in(period)):
            option = reach.options[o]
            if option is not None:  # unit-hours of work with a deadline count as machines over its window
                here[option.offer.gpu] += int(
                    np.ceil(fleet.units[o] * p.use_of_pool[o]) * option.offer.gpu_count
                )
        most = {gpu: max(n, most.get(gpu, 0)) for gpu, n in {**dict.fromkeys(most, 0), **here}.items()}
    parts = [f"{n:g} {gpu}" for gpu, n in sorted(most.items(), key=lambda x: (-x[1], x[0]))]
    return ", ".join([*parts, *(["hosted API"] if fleet.hosted.any() else [])])
