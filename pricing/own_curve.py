"""Owning against renting the same card, over utilisation; with what the assumptions leave open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from planner.pricing.assumptions import ASSUMPTIONS, Assumption
from planner.pricing.energy import Carbon, grams_co2_per_hour
from planner.pricing.errors import PriceError
from planner.pricing.ownership import Ownership, Site, check_site, load_watts
from planner.profiles.gpus import Gpu

UTILISATIONS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
DEARER_WHEN_LOW = frozenset({"residual_per_year", "horizon_years"})
"""Assumptions whose low end makes owning dearer; with all others it is the high end."""
GEFORCE = (
    "GeForce driver terms forbid use in a data centre (blockchain excepted, the word not defined); a plan "
    "with such cards needs constraints.consumer_in_datacenter or a place that is none"
)
Given = Mapping[str, float]
"""Figures of the user by the name of the assumption they replace, and `load_w`, `residual_usd`."""


@dataclass(frozen=True, slots=True)
class OwnPoint:
    """A useful hour at one utilisation: parts and range in USD, and what renting that hour costs."""

    utilisation: float
    usd_per_useful_hour: float
    low: float
    high: float
    capital: float
    maintenance: float
    spares: float
    hosting: float
    electricity_load: float
    electricity_idle: float
    rent_usd_per_hour: float | None
    cheaper: str
    """`own`, `rent`, or nothing where no rent is known."""
    grams_co2: float | None


@dataclass(frozen=True)
class OwnCurve:
    """Points by utilisation; the break-even with its range (None: renting is cheaper at any use)."""

    gpu: str
    purchase_usd: float
    load_w: float
    points: tuple[OwnPoint, ...]
    break_even: float | None
    break_even_low: float | None
    break_even_high: float | None
    assumptions: tuple[Assumption, ...]
    """The defaults used, those the user gave apart."""
    notes: tuple[str, ...]


def own_curve(
    gpu: Gpu,
    *,
    purchase_usd: float,
    electricity_usd_per_kwh: float,
    given: Given | None = None,
    rent_usd_per_hour: float | None = None,
    carbon: Carbon | None = None,
) -> OwnCurve:
    """Cost per useful hour over utilisation; raises `PriceError` for a figure out of range.

    Low and high take every assumption the user did not replace at its cheap and its dear end at once.
    """
    given = dict(given or {})
    _check_names(given)
    site = Site(electricity_usd_per_kwh)
    cases = {end: _case(gpu, site, purchase_usd, given, end) for end in ("value", "low", "high")}
    unit, place = cases["value"]
    evens = {
        end: case.break_even_utilisation(where, rent_usd_per_hour=rent_usd_per_hour)
        if rent_usd_per_hour is not None
        else None
        for end, (case, where) in cases.items()
    }
    points = tuple(_point(u, cases, rent_usd_per_hour, carbon) for u in UTILISATIONS)
    used = [a for a in ASSUMPTIONS.values() if a.name not in given and _matters(a.name, gpu, given)]
    return OwnCurve(
        gpu.key, purchase_usd, unit.load_w, points, evens["value"], evens["low"], evens["high"],
        tuple(used), _notes(gpu, carbon, place),
    )  # fmt: skip


def _check_names(given: Given) -> None:
    known = {*ASSUMPTIONS, "load_w", "residual_usd"} - {"utilisation"}
    for name in given:
        if name not in known:
            raise PriceError(f"owned.{name}: is not known (one of {', '.join(sorted(known))})")


def _matters(name: str, gpu: Gpu, given: Given) -> bool:
    if name in ("host_w", "host_per_tdp"):
        wanted = "host_per_tdp" if gpu.segment == "datacenter" else "host_w"
        return "load_w" not in given and gpu.segment != "soc" and name == wanted
    return name not in ("utilisation", "residual_per_year" if "residual_usd" in given else "")


def _case(gpu: Gpu, site: Site, purchase_usd: float, given: Given, end: str) -> tuple[Ownership, Site]:
    """The unit and its site with every open assumption at its `value`, or its cheap (`low`) or dear end."""

    def figure(name: str) -> float:
        if name in given:
            return given[name]
        turned = {"low": "high", "high": "low"} if name in DEARER_WHEN_LOW else {}
        return float(getattr(ASSUMPTIONS[name], turned.get(end, end)))

    years = figure("horizon_years")
    load = {name: figure(name) for name in ("host_w", "host_per_tdp")}
    unit = Ownership(
        purchase_usd=purchase_usd,
        residual_usd=given.get("residual_usd", purchase_usd * figure("residual_per_year") ** years),
        load_w=given["load_w"] if "load_w" in given else load_watts(gpu, **load),
        horizon_years=years,
        **{name: figure(name) for name in _FIGURES},
    )
    return unit, check_site(replace(site, pue=figure("pue")))


_FIGURES = tuple({f.name for f in fields(Ownership)} & ASSUMPTIONS.keys() - {"horizon_years"})


def _point(
    utilisation: float,
    cases: Mapping[str, tuple[Ownership, Site]],
    rent: float | None,
    carbon: Carbon | None,
) -> OwnPoint:
    unit, site = cases["value"]
    parts = unit.parts(site, utilisation=utilisation)
    low, high = (
        case.usd_per_useful_hour(where, utilisation=utilisation)
        for case, where in (cases["low"], cases["high"])
    )
    watts = 1000 * unit.average_kw(utilisation) / utilisation
    return OwnPoint(
        utilisation, parts.total, min(low, parts.total), max(high, parts.total),
        parts.capital, parts.maintenance, parts.spares, parts.hosting,
        parts.electricity_load, parts.electricity_idle, rent,
        "" if rent is None else "own" if parts.total <= rent else "rent",
        grams_co2_per_hour(watts, pue=site.pue, carbon=carbon) if carbon else None,
    )  # fmt: skip


def _notes(gpu: Gpu, carbon: Carbon | None, site: Site) -> tuple[str, ...]:
    notes = [f"electricity at {site.electricity_usd_per_kwh:g} $/kWh, PUE {site.pue:g}"]
    if gpu.vendor == "nvidia" and gpu.segment == "consumer":
        notes.append(GEFORCE)
    if carbon:
        dated = f", {carbon.as_of}" if carbon.as_of else ""
        notes.append(f"grid of {carbon.name}: {carbon.grams_co2_per_kwh:g} g CO2/kWh on average{dated}")
    return tuple(notes)


def price_to_buy(gpu: Gpu) -> float:
    """The card's price at launch, USD; raises `PriceError` where none was public.

    It buys the card alone and is what it cost new on its first day, so the pages name it as an assumption.
    """
    if gpu.launch_usd is None:
        raise PriceError(
            f"owned.purchase_usd: {gpu.key} had no public price (give one, with its host's share)"
        )
    return gpu.launch_usd
