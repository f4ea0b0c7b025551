"""Cost against latency, spot share, carbon and measured share: the cheapest plan at every setting."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from planner.analysis.case import Case, Posed, lean, only_rows
from planner.analysis.records import Frontier, FrontierPoint
from planner.analysis.wording import hardware_of
from planner.estimate.describe import measured_share
from planner.options.offers import consider
from planner.options.sustain import Slo
from planner.pricing.energy import load_carbon
from planner.pricing.money import HOURS_PER_MONTH
from planner.pricing.offer import Offer
from planner.pricing.ownership import load_watts
from planner.pricing.regions import load_countries
from planner.profiles.gpus import load_gpus

LATENCY_STEPS = (0.5, 0.7, 0.85, 1.0, 1.25, 1.6, 2.0)
"""Multiples of a latency limit that are tried."""
SPOT_STEPS = (0.0, 0.25, 0.5, 0.75, 1.0)
MEASURED_STEPS = (0.0, 0.25, 0.5, 0.7, 0.85)
CARBON_STEPS = (50.0, 100.0, 200.0, 400.0, np.inf)
"""Grid intensities, g CO2 per kWh, that offers may be limited to."""


def frontier(case: Case) -> Frontier:
    """Pareto points of every axis the data allow; `missing` says which they do not, and why."""
    points: list[FrontierPoint] = []
    missing: list[str] = []
    for axis in AXES:
        found, why = axis(case)
        points += _pareto(found)
        missing += why
    return Frontier(tuple(points), tuple(missing))


def _latency(case: Case) -> tuple[list[FrontierPoint], list[str]]:
    """Each latency limit of each workload moved alone, cost of the whole plan."""
    found: list[FrontierPoint] = []
    for w, way in enumerate(case.decided.ways):
        alone = case.of_one(w, way)
        quantile = case.scenario.constraints.quantile
        for field in ("ttft_ms", "tpot_ms"):
            limit = getattr(way.workload, field)
            if limit is None:
                continue
            for step in LATENCY_STEPS:
                slo: Slo = replace(way.slo, **{field.replace("_ms", "_s"): step * limit / 1e3})
                peak = way.workload.demand.peak_requests_per_s
                moved = case.memory.loaded(replace(way, slo=slo), peak, quantile=quantile)
                posed = case.of_one(w, moved)
                if posed.decision is not None and alone.decision is not None:
                    usd = case.usd_per_month - alone.usd_per_month + posed.usd_per_month
                    found.append(FrontierPoint(f"{field} of {way.workload.name}", "ms", step * limit, step * limit,
                                               usd, hardware_of(posed.used()), step == 1.0))  # fmt: skip
    return found, []


def _spot(case: Case) -> tuple[list[FrontierPoint], list[str]]:
    """Largest share of each workload's load on spot; spot offers are let in where the scenario leaves them out."""
    limits = case.scenario.constraints
    terms = None if limits.terms is None else tuple(dict.fromkeys((*limits.terms, "spot")))
    allowed = limits.model_copy(update={"terms": terms, "max_spot_share": None})
    offers = lean(consider(case.market, allowed).offers, sellers=False)
    if not any(o.term == "spot" for o in offers):
        return [], ["spot share: nobody offers spot within the limits"]
    ours = 1.0 if limits.max_spot_share is None else limits.max_spot_share
    ours = ours if limits.terms is None or "spot" in limits.terms else 0.0
    found = []
    ways = case.timed_on(offers)
    for share in sorted(
        {*SPOT_STEPS, ours}, reverse=True
    ):  # a plan within a tighter limit too is not sought again
        capped = allowed.model_copy(update={"max_spot_share": share})
        # Without load on spot there is none: else spot would stand by as the cheap spare.
        mine = offers if share > 0 else [o for o in offers if o.term != "spot"]
        posed = case.posed(ways, limits=capped, offers=mine)
        if posed.decision is not None:
            at = (share, _spot_share(posed), posed.usd_per_month, hardware_of(posed.used()), share == ours)
            found.append(FrontierPoint("spot share", "share of the load", *at))
    return found[::-1], []


def _measured(case: Case) -> tuple[list[FrontierPoint], list[str]]:
    """Least share of step time that rests on measured or interpolated ops, for every option used."""
    known = [np.array([measured_share(c.evaluation, int(i)) for c, i in
                       zip(way.configurations, way.load.index.tolist(), strict=True)])
             for way in case.decided.ways]  # fmt: skip
    found = []
    for least in MEASURED_STEPS:
        ways = [only_rows(way, shares >= least) for way, shares in zip(case.decided.ways, known, strict=True)]
        posed = case.posed(ways, offers=case.cheapest)
        if posed.decision is not None:
            found.append(FrontierPoint("measured share", "share of step time", least, _measured_share(posed),
                                       posed.usd_per_month, hardware_of(posed.used()), least == 0.0))  # fmt: skip
    return found, []


def _carbon(case: Case) -> tuple[list[FrontierPoint], list[str]]:
    """Offers only where the grid's average intensity is known and below a limit; host included, cooling not."""
    grams = _grams_per_kwh()
    known = [o for o in case.lean if o.country in grams and load_gpus()[o.gpu].tdp_w is not None]
    if not known:
        return [], ["carbon: no offer's country has a known grid intensity"]
    found = []
    for most in CARBON_STEPS:
        offers = [o for o in known if grams[o.country or ""] <= most]
        posed = case.posed(case.decided.ways, offers=offers, hosted=())
        if posed.decision is not None:
            limit = most if np.isfinite(most) else max(grams.values())
            at = (limit, _kilograms(posed, grams), posed.usd_per_month, hardware_of(posed.used()))
            found.append(FrontierPoint("carbon", "kg CO2 a month", *at))
    left = len(case.lean) - len(known)
    return found, [
        f"carbon: {left} of {len(case.lean)} offers left out, country or power draw not known"
    ] if left else []


AXES: Sequence[Callable[[Case], tuple[list[FrontierPoint], list[str]]]] = (
    _latency,
    _spot,
    _measured,
    _carbon,
)
MORE_IS_BETTER = frozenset({"measured share"})


def _pareto(points: Sequence[FrontierPoint]) -> Iterator[FrontierPoint]:
    """Per axis, by value: points that none beats on cost and value at once; of equal ones the first, or the plan."""
    for axis in dict.fromkeys(p.axis for p in points):
        sign = -1.0 if axis in MORE_IS_BETTER else 1.0
        mine = sorted(
            (p for p in points if p.axis == axis),
            key=lambda p: (sign * p.value, p.usd_per_month, not p.is_plan),
        )
        cheapest = np.inf
        for point in mine:
            if point.usd_per_month < cheapest * (1 - 1e-9):
                cheapest = point.usd_per_month
                yield point


def _spot_share(posed: Posed) -> float:
    """Of the load in the busiest class."""
    assert posed.decision is not None
    spot = posed.problem.is_spot
    return float(posed.decision.shares[:, spot].sum(axis=1).max(initial=0.0))


def _measured_share(posed: Posed) -> float:
    """Weighted by dollars."""
    assert posed.decision is not None
    total = mine = 0.0
    for o in np.flatnonzero(posed.decision.units[: len(posed.columns)]):
        option = posed.columns[int(o)].option
        usd = float(posed.problem.usd_per_hour[o] * posed.decision.units[o])
        total += usd
        mine += usd * measured_share(option.configuration.evaluation, option.batch_index)
    return mine / total if total else 0.0


def _kilograms(posed: Posed, grams: Mapping[str, float]) -> float:
    """CO2 a month of the hours paid for, at full load."""
    assert posed.decision is not None
    total = 0.0
    for o in np.flatnonzero(posed.decision.units[: len(posed.columns)]):
        offer: Offer = posed.columns[int(o)].option.offer
        share = float(posed.problem.usd_per_hour[o]) / offer.usd_per_hour if offer.usd_per_hour else 1.0
        kw = load_watts(load_gpus()[offer.gpu]) / 1e3 * offer.gpu_count * float(posed.decision.units[o])
        total += kw * share * HOURS_PER_MONTH * grams[offer.country or ""] / 1e3
    return total


def _grams_per_kwh() -> Mapping[str, float]:
    """Average grid intensity by two-letter country code."""
    rows = ((row.country, row.grams_co2_per_kwh) for key, row in load_carbon().items() if ":" not in key)
    return {country: grams for country, grams in rows if country is not None and country in load_countries()}
