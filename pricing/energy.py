"""What a kWh costs and emits, from dated public tables; a place nobody sourced has no figure."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files

from planner.pricing.errors import PriceError
from planner.pricing.regions import load_countries

SECTORS = ("industrial", "commercial", "non-residential", "residential")


@dataclass(frozen=True, slots=True)
class Electricity:
    """Price of one kWh in a place and sector, averaged over the period that ends on `as_of`."""

    place: str
    country: str | None
    sector: str
    usd_per_kwh: float
    as_of: str
    source: str


@dataclass(frozen=True, slots=True)
class Carbon:
    """Average grid intensity; `key` is an ISO alpha-3 country or `gcp:REGION`. Not marginal, not hourly."""

    key: str
    name: str
    country: str | None
    grams_co2_per_kwh: float
    as_of: str | None
    source: str


def _rows(name: str) -> list[dict[str, str]]:
    text = (files("planner.pricing") / "data" / name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@cache
def load_electricity() -> Mapping[tuple[str, str], Electricity]:
    """Electricity prices by (place, sector)."""
    return {
        (r["place"], r["sector"]): Electricity(
            r["place"], r["country"] or None, r["sector"], float(r["usd_per_kwh"]), r["as_of"], r["source"]
        )
        for r in _rows("electricity.csv")
    }


@cache
def load_carbon() -> Mapping[str, Carbon]:
    """Grid intensities by key."""
    return {
        r["key"]: Carbon(
            r["key"],
            r["name"],
            r["country"] or None,
            float(r["grams_co2_per_kwh"]),
            r["as_of"] or None,
            r["source"],
        )
        for r in _rows("carbon.csv")
    }


def electricity_price(place: str, *, sector: str = "commercial") -> Electricity:
    """Price in a place (`Germany`, `US-Texas`, or a country code); raises `PriceError` with near names.

    A country code takes the country's own row. Europe is listed as residential and non-residential only.
    """
    table = load_electricity()
    country = load_countries().get(place)
    for name in (place, country.name if country else ""):
        if (name, sector) in table:
            return table[name, sector]
    places = sorted({known for known, _ in table})
    sectors = [known for name, known in table if name in (place, country.name if country else "")]
    if sectors:
        raise PriceError(f"electricity: {place} has no {sector!r} price (known: {', '.join(sectors)})")
    close = get_close_matches(place, places, n=2)
    hint = f"did you mean {' or '.join(close)}?" if close else "give site.electricity_usd_per_kwh"
    raise PriceError(f"electricity: {place!r} has no sourced price ({hint})")


def carbon_intensity(country: str | None, *, seller: str = "", region: str = "") -> Carbon | None:
    """Intensity of a seller's region where one is listed, else of the country, else None."""
    table = load_carbon()
    listed = load_countries().get(country or "")
    return table.get(f"{seller}:{region}") or (table.get(listed.iso3) if listed else None)


def grams_co2_per_hour(watts: float, *, pue: float, carbon: Carbon) -> float:
    """Emissions of an hour at this draw, cooling included; nothing for making the hardware.

    >>> grid = Carbon("XXX", "Somewhere", None, 400.0, None, "made up")
    >>> grams_co2_per_hour(700, pue=1.25, carbon=grid)
    350.0
    """
    return watts / 1000 * pue * carbon.grams_co2_per_kwh
