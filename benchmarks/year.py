"""Simulated years: does a plan keep its SLOs as often as it says, and what does not knowing cost?

`python -P benchmarks/year.py [--years 200] [--seed 1] [EXAMPLE ...]`. In every year each group of configurations (one
engine, model and GPU) is as fast as one measured error curve, drawn whole, makes it; rents of every GPU and seller walk
month by month; demand wanders around what was stated; spot capacity comes and goes by the hour, a failure domain at
a time. The generators here share nothing with those of `planner.worlds` but the measured curves and the spreads that
the answer states as its assumptions.

Plans, all for the same question:
  as signed       what `planner recommend` says, never touched again;
  re-planned      the same, planned again every month with what its own machines have shown under each engine
                  (`planner calibrate`), that month's rents and last month's demand;
  measured first  re-planned, and the six configurations that `planner measure-next` names were measured before;
  point estimate  as signed, planned on the middle of the predictions instead of their 80 % side;
  one GPU type    the cheapest plan of a single GPU model at point estimates;
  mean demand     as signed, planned for the mean of the demand;
  perfect         planned again every month by who knows speeds, rents and demand of that month.

`said`: the chance to keep all limits that the planner states; `kept`: the share of hours in which a busy moment would
have kept them. `halves` repeats both with the statement from one half of the measured curves (whole
configuration groups) and the years from the other half, both ways round: what the statement is worth on errors that it
has not seen. Cost is of the whole year against perfect knowledge; a plan that keeps less may well cost less.
"""

from __future__ import annotations

import argparse
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

import planner
from planner.calibration.store import load_calibration
from planner.decide import Decided, decide
from planner.demand import Demand
from planner.inputs import changed
from planner.optimize import highs
from planner.optimize.check import TOLERANCE
from planner.optimize.prune import undominated
from planner.optimize.search import Search
from planner.optimize.single import best_per_key
from planner.optimize.solve import expanded
from planner.options.interruptions import failure_domain, interruptions_per_hour
from planner.options.table import Option
from planner.pricing.money import HOURS_PER_MONTH
from planner.scenario import Scenario
from planner.worlds.draws import Draws
from planner.worlds.measure import measure_next
from planner.worlds.outlook import Outlook
from planner.worlds.residuals import ErrorCurves, load_error_curves
from planner.worlds.score import STOPS, kept, planned
from planner.worlds.speeds import Errors, Group, Sampled, Shifted, group_of
from planner.worlds.worlds import Reach, capacities, reach_of, worlds_of

Floats = NDArray[np.float64]
MONTHS = 12
SAMPLED_HOURS = 730  # a month's worth of hours of the year's spot history, every twelfth
SIDE = 0.8416212335729143  # the 80 % side in standard deviations
STICKY = 0.8  # of a month's demand level that carries over to the next
STATED = 1000  # worlds behind a statement
MONTHLY = 300  # worlds behind a statement that is made every month
MANY = 2000  # years of a fleet that is never touched
MEASURED = 6  # configurations measured before signing, each one run of minutes


@dataclass(frozen=True)
class Paths:
    """What happens in `years` years of one seed, by name."""

    seed: int
    years: int
    outlook: Outlook

    def _rng(self, name: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, 77, zlib.crc32(name.encode())])

    def speeds(self, curves: ErrorCurves) -> Errors:
        """One measured error curve per group and year."""
        return Sampled(Draws(self.seed + 10_000, self.years), load_calibration(), curves)

    def price(self, option: Option) -> Floats:
        """[years, months] rent against today's: a random walk of the GPU, one of the seller, one of its spot price."""
        o, out = option.offer, np.zeros((self.years, MONTHS))
        if o.term in ("on_demand", "spot"):
            walks = [
                (o.gpu, self.outlook.gpu_price_sd),
                (f"{o.gpu} {o.seller}", self.outlook.seller_price_sd),
            ]
            walks += [(f"{o.gpu} {o.seller} spot", self.outlook.spot_price_sd)] if o.term == "spot" else []
            for name, sd in walks:
                out += sd / MONTHS**0.5 * self._rng(f"price {name}").normal(size=out.shape).cumsum(axis=1)
        return np.exp(out)

    def demand(self, workload: str) -> Floats:
        """[years, months] demand against the stated: a common and an own part, each returning to the stated level."""
        both = (self._level("all") + self._level(workload)) / np.sqrt(2.0)
        return np.exp(self.outlook.demand_sd * both)

    def _level(self, name: str) -> Floats:
        noise = self._rng(f"demand {name}").normal(size=(self.years, MONTHS))
        level = noise[:, :1]
        for month in range(1, MONTHS):
            step = STICKY * level[:, -1] + (1 - STICKY**2) ** 0.5 * noise[:, month]
            level = np.column_stack([level, step])
        return level

    def away(self, option: Option | None, waits: bool) -> NDArray[np.bool_]:
        """[years, hours] whether the option's spot failure domain is gone: a two-state chain, hour by hour."""
        domain = None if option is None else failure_domain(option.offer)
        if option is None or domain is None or waits:
            return np.zeros((self.years, SAMPLED_HOURS), bool)
        rate, back = interruptions_per_hour(option.offer), 3600.0 / option.cold_start.value
        rng = self._rng(domain)
        # exact transition probabilities of the chain over one hour
        settle, share = np.exp(-(rate + back)), rate / (rate + back)
        gone, found = rng.random(self.years) < share, []
        for hour in range(SAMPLED_HOURS * MONTHS):
            chance = np.where(gone, share + (1 - share) * settle, share * (1 - settle))
            gone = rng.random(self.years) < chance
            if hour % MONTHS == 0:
                found.append(gone)
        return np.stack(found, axis=1)


@dataclass(frozen=True)
class Row:
    """One line of the table; shares of one, cost against perfect knowledge."""

    plan: str
    said: float | None
    kept: float
    usd_per_month: float
    against_perfect: float


@dataclass(frozen=True, eq=False)
class Question:
    """A decided scenario with what every option truly sustains in every year."""

    decided: Decided
    reach: Reach
    true: Floats  # [years, O, C]
    price: Floats  # [years, months, O]
    demand: Floats  # [years, months, K]
    away: NDArray[np.bool_]  # [years, hours, O]


def question(decided: Decided, paths: Paths, curves: ErrorCurves, *, only_used: bool = False) -> Question:
    """Everything the years hold for the options of a decision."""
    reach = reach_of(decided, only_used=only_used)
    true = capacities(decided, reach, paths.speeds(curves))
    level = np.stack([paths.demand(way.workload.name) for way in decided.ways], axis=2)
    price = np.stack(
        [np.ones((paths.years, MONTHS)) if o is None else paths.price(o) for o in reach.options], axis=2
    )
    waits = [o is not None and not decided.ways[o.workload].slo.interactive for o in reach.options]
    away = np.stack([paths.away(o, w) for o, w in zip(reach.options, waits, strict=True)], axis=2)
    p = reach.problem
    return Question(decided, reach, true, price, level[:, :, p.class_group] * p.demand_per_s, away)


def keeps(q: Question, units: Floats, choice: NDArray[np.int64], demand: Floats | None = None) -> Floats:
    """[years, months] share of hours in which all classes are carried. `units`, `choice` [years, months, O]."""
    p, demand = q.reach.problem, q.demand if demand is None else demand
    found = np.zeros(units.shape[:2])
    for month in range(units.shape[1]):
        unit = np.take_along_axis(q.true, choice[:, month, :, None], axis=2)[:, :, 0] * units[:, month]
        each = unit[:, None, :] * (q.reach.pooled * p.eligible)[None]  # [years, K, O]
        limit = demand[:, month] * (1 - TOLERANCE)
        hours = range(SAMPLED_HOURS) if (q.away & (units[:, month] > 0)[:, None, :]).any() else range(1)
        ok = [((each * ~q.away[:, hour, None, :]).sum(axis=2) >= limit).all(axis=1) if len(hours) > 1
              else (each.sum(axis=2) >= limit).all(axis=1) for hour in hours]  # fmt: skip
        found[:, month] = np.mean(ok, axis=0)
    return found


def dollars(q: Question, units: Floats) -> Floats:
    """[years] USD a month; what is held for the month keeps its price."""
    p = q.reach.problem
    usd = (units * q.price * p.usd_per_hour).sum(axis=2)
    if p.holding_usd_per_hour is not None:
        usd = usd + np.array([[float(p.holding_usd_per_hour @ p.held(u)) for u in year] for year in units])
    return np.asarray(usd.mean(axis=1) * HOURS_PER_MONTH)


def unchanged(
    q: Question, units: Sequence[int] | Floats, choice: Sequence[int] | NDArray[np.int64]
) -> tuple[Floats, Any_]:
    """A fleet that stays as it was signed: [years, months, O] twice."""
    shape = (*q.price.shape[:2], len(q.reach.kept))
    return np.broadcast_to(np.asarray(units, float), shape), np.broadcast_to(
        np.asarray(choice, np.int64), shape
    )


Any_ = NDArray[np.int64]


def solve_for(q: Question, unit: Floats, price: Floats, demand: Floats) -> tuple[Floats, Any_]:
    """Units and choices of the cheapest fleet when one unit sustains `unit` [O, C]."""
    p, best = q.reach.problem, unit.max(axis=1)
    asked = p.changed(
        capacity_per_s=q.reach.pooled * best, usd_per_hour=p.usd_per_hour * price, demand_per_s=demand,
        budget_usd_per_hour=None,
    )  # fmt: skip
    keep = undominated(asked)
    found = Search(highs.run, STOPS).decide(asked.keep(keep))
    if found is None:
        raise SystemExit("no fleet keeps the limits of this month: choose another example")
    return expanded(found, keep).units.astype(float), unit.argmax(axis=1).astype(np.int64)


def perfect(q: Question) -> tuple[Floats, Any_]:
    """Planned again every month by who knows the year."""
    every = [
        [solve_for(q, q.true[y], q.price[y, m], q.demand[y, m]) for m in range(MONTHS)]
        for y in range(len(q.true))
    ]
    return np.array([[u for u, _ in row] for row in every]), np.array([[c for _, c in row] for row in every])


def groups(q: Question) -> NDArray[np.object_]:
    """[O, C] group of every choice, None where there is none."""
    found = np.full(q.reach.choices.shape, None, object)
    for o, option in enumerate(q.reach.options):
        for c in np.flatnonzero(q.reach.choices[o] >= 0) if option is not None else ():
            row = int(q.reach.rows[option.workload][q.reach.choices[o, c]])  # type: ignore[union-attr]
            found[o, c] = group_of(q.decided.ways[option.workload].configurations[row])  # type: ignore[union-attr]
    return found


def replanned(
    q: Question, paths: Paths, stated_from: ErrorCurves, known_before: frozenset[Group]
) -> tuple[Floats, Any_, float]:
    """Planned again every month: what is known counts as it is, all else on its planning side.

    Known are the groups measured before, and from its second month on every engine on a GPU that it rents.
    Demand is expected as last month's, drawn to the stated level, and planned on its 80 % side. Also the mean of
    the chances stated month by month.
    """
    p, outlook, draws = q.reach.problem, paths.outlook, Draws(paths.seed, MONTHLY)
    sampled = capacities(q.decided, q.reach, Sampled(draws, load_calibration(), stated_from))
    side = capacities(q.decided, q.reach, Shifted(({},), rest=SIDE))[0]
    of, at = groups(q), np.arange(len(q.reach.kept))
    spread = outlook.demand_sd * (1 - STICKY**2) ** 0.5
    rng = np.random.default_rng(5)
    units, choices = np.zeros(q.price.shape), np.zeros(q.price.shape, np.int64)
    said = []
    for y in range(len(q.true)):
        rented: set[tuple[str, str]] = set()
        for m in range(MONTHS):
            ran = np.array([[g is not None and (g in known_before or (g.gpu, g.model) in rented) for g in row]
                            for row in of])  # fmt: skip
            expected = (
                p.demand_per_s if m == 0 else p.demand_per_s * (q.demand[y, m - 1] / p.demand_per_s) ** STICKY
            )
            sd = outlook.demand_sd if m == 0 else spread
            asked = p.demand_per_s if m == 0 else expected * np.exp(SIDE * sd)
            units[y, m], choices[y, m] = solve_for(q, np.where(ran, q.true[y], side), q.price[y, m], asked)
            worlds = np.where(ran, q.true[y], sampled)[:, at, choices[y, m]]
            carried = (worlds * units[y, m])[:, None, :] * (q.reach.pooled * p.eligible)
            drawn = expected * np.exp(sd * rng.normal(size=(len(sampled), 1)))
            said.append(float((carried.sum(axis=2) >= drawn * (1 - TOLERANCE)).all(axis=1).mean()))
            rented |= {(of[o, choices[y, m, o]].gpu, of[o, choices[y, m, o]].model)
                       for o in np.flatnonzero(units[y, m])}  # fmt: skip
    return units, choices, float(np.mean(said))


Halves = tuple[ErrorCurves, ErrorCurves]


def rows(
    scenario: Scenario, paths: Paths, curves: Halves, *, many: int = MANY, measured: int = MEASURED
) -> Iterator[Row]:
    """The table of one scenario; `curves` are those the planner states from and those the years draw from.

    Fleets that stay as they were signed are looked at in `many` years, since a year of theirs costs no solve.
    """

    def ask(s: Scenario) -> Decided:
        return decide(s, planner.load_catalog(), planner.load_profiles())

    signed = ask(scenario)
    q = question(signed, paths, curves[1])
    best_units, best_choice = perfect(q)
    least = float(dollars(q, best_units).mean())
    often = replace(paths, years=many)
    alone = question(signed, often, curves[1], only_used=True)
    yield _signed("as signed", alone, alone, least, paths, curves[0])
    for name, first in (("re-planned", 0), ("measured first", measured)):
        known = groups_to_measure(signed, paths, first)
        units, choice, said = replanned(q, paths, curves[0], known)
        usd = float(dollars(q, units).mean())
        yield Row(name, said, float(keeps(q, units, choice).mean()), usd, usd / least - 1)
    for name, other in naive(scenario, signed, ask):
        yield _signed(name, question(other, often, curves[1], only_used=True), alone, least, paths, None)
    yield Row("perfect", None, float(keeps(q, best_units, best_choice).mean()), least, 0.0)


def statement(scenario: Scenario, paths: Paths, curves: Halves) -> Row:
    """Only what is said of the plan as signed, and what is kept."""
    signed = decide(scenario, planner.load_catalog(), planner.load_profiles())
    q = question(signed, paths, curves[1], only_used=True)
    return _signed("halves", q, q, float("nan"), paths, curves[0])


def _signed(
    name: str, mine: Question, asked: Question, least: float, paths: Paths, stated_from: ErrorCurves | None
) -> Row:
    """A fleet that nobody touches after signing, under the demand of the question asked."""
    fleet = planned(mine.reach, mine.decided.decision)
    units, choice = unchanged(mine, fleet.units, fleet.choice)
    said = None
    if stated_from is not None:
        draws = Draws(paths.seed, STATED)
        errors = Sampled(draws, load_calibration(), stated_from)
        stated = worlds_of(mine.decided, mine.reach, errors, paths.outlook, draws)
        said = float(kept(stated, fleet).mean())
    usd = float(dollars(mine, units).mean())
    share = float(keeps(mine, units, choice, _asked(asked, mine)).mean())
    return Row(name, said, share, usd, usd / least - 1)


def groups_to_measure(decided: Decided, paths: Paths, count: int) -> frozenset[Group]:
    """What `planner measure-next` would have measured first."""
    if not count:
        return frozenset()
    found = measure_next(decided, draws=Draws(paths.seed, 60), outlook=paths.outlook)
    names = {(m.gpu, m.engine, m.model) for m in found.measurements[:count]}
    every = {group_of(c): c.evaluation.model.name for way in decided.ways for c in way.configurations}
    return frozenset(g for g, model in every.items() if (g.gpu, g.engine, model) in names)


def _asked(q: Question, mine: Question) -> Floats:
    """Demand of the real question for the classes of another: the busiest slice of the workload where it has one."""
    if mine.demand.shape == q.demand.shape:
        return q.demand
    group = q.reach.problem.class_group
    return np.stack([q.demand[:, :, group == g].max(axis=2) for g in mine.reach.problem.class_group], axis=2)


def naive(
    scenario: Scenario, signed: Decided, ask: Callable[[Scenario], Decided]
) -> Iterator[tuple[str, Decided]]:
    """What one would do without: the decisions of three shortcuts."""
    point = ask(changed(scenario, {"constraints.quantile": 0.5}))
    yield "point estimate", point
    keys = [c.option.offer.gpu for c in point.columns] + ["hosted"] * len(point.hosted)
    numbers = {key: i for i, key in enumerate(dict.fromkeys(keys))}
    single = best_per_key(point.problem, np.array([numbers[k] for k in keys], np.int64))
    if single:
        units, shares = np.zeros(len(keys), np.int64), np.zeros(point.problem.capacity_per_s.shape)
        for option, count in zip(single[0].options, single[0].units, strict=True):
            units[option] = count
            shares[point.problem.eligible[:, option], option] = 1.0
        usd = single[0].usd_per_hour
        yield (
            "one GPU type",
            replace(point, decision=replace(point.decision, units=units, shares=shares, usd_per_hour=usd)),
        )
    if len(signed.slices) > 1:
        flat = {name: w.model_copy(update={"demand": Demand.constant(w.demand.mean_requests_per_s)})
                for name, w in scenario.workloads.items()}  # fmt: skip
        flat_scenario = scenario.model_copy(update={"workloads": flat})
        for name, w in flat.items():
            w._name = name
        yield "mean demand", ask(flat_scenario)


def halves(curves: ErrorCurves) -> tuple[ErrorCurves, ErrorCurves]:
    """The curves in two, whole configuration groups (engine, family, system) in one."""
    parts: tuple[dict[str, tuple[object, ...]], ...] = ({}, {})
    for pool, found in curves.pools.items():
        names = sorted({c.group for c in found}, key=lambda g: zlib.crc32(g.encode()))
        first, count = set(), 0
        for name in names:  # as many curves in each
            if count < len(found) / 2:
                first.add(name)
                count += sum(c.group == name for c in found)
        parts[0][pool] = tuple(c for c in found if c.group in first)
        parts[1][pool] = tuple(c for c in found if c.group not in first)
    one, other = (ErrorCurves(part, curves.digest) for part in parts)  # type: ignore[arg-type]
    return one, other


def shown(row: Row) -> str:
    said = "     -" if row.said is None else f"{100 * row.said:5.1f}%"
    off = "      -" if row.said is None else f"{100 * (row.kept - row.said):+7.1f}"
    above = "" if np.isnan(row.against_perfect) else f"{100 * row.against_perfect:+9.1f}%"
    return f"  {row.plan:<15} {said} {100 * row.kept:6.1f}% {off} {row.usd_per_month:11,.0f} {above}".rstrip()


HEAD = f"  {'plan':<15} {'said':>6} {'kept':>7} {'points':>7} {'USD/month':>11} {'to perfect':>9}"


def main() -> None:
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("examples", nargs="*", default=["chat-70b", "eu-only", "small-model"])
    parse.add_argument("--years", type=int, default=200)
    parse.add_argument("--seed", type=int, default=1)
    parse.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change the scenarios")
    options = parse.parse_args()
    from planner.cli.question import settings

    whole = load_error_curves()
    paths = Paths(options.seed, options.years, Outlook())
    for name in options.examples:
        began, scenario = time.process_time(), changed(planner.load_example(name), settings(options.set))
        print(f"{name}: {options.years} years of seed {options.seed}\n{HEAD}", flush=True)
        for row in rows(scenario, paths, (whole, whole)):
            print(shown(row), flush=True)
        one, other = halves(whole)
        for pair in ((one, other), (other, one)):
            print(shown(statement(scenario, replace(paths, years=MANY), pair)), flush=True)
        print(f"  {time.process_time() - began:.0f} s of CPU\n", flush=True)


if __name__ == "__main__":
    main()
