"""Where a region is: the seller's own spelling -> country -> residency zone, from reviewed tables.

A spelling not in `data/regions.csv`, and one that names several places or none, has no country: such an offer
never satisfies a residency limit. `{cc}` in a pattern stands for a country code of `data/countries.csv`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import translate
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Country:
    """One country; `zone` is eu (the 27), eea (Norway, Iceland, Liechtenstein), uk, or its own code."""

    country: str
    iso3: str
    name: str
    zone: str


def _rows(name: str) -> list[dict[str, str]]:
    text = (files("planner.pricing") / "data" / name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@cache
def load_countries() -> Mapping[str, Country]:
    """Known countries by alpha-2 code."""
    return {row["country"]: Country(**row) for row in _rows("countries.csv")}


@cache
def _exact() -> Mapping[tuple[str, str], str]:
    return {
        (r["seller"], r["region"]): r["country"]
        for r in _rows("regions.csv")
        if not set("*{") & set(r["region"])
    }


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str], str], ...]:
    found = []
    for row in _rows("regions.csv"):
        if set("*{") & set(row["region"]):
            pattern = translate(row["region"].replace("{cc}", "CCCC")).replace("CCCC", "(?P<cc>[A-Z]{2})")
            found.append((row["seller"], re.compile(pattern), row["country"]))
    return tuple(found)


@cache
def country_of(seller: str, region: str | None) -> str | None:
    """Country code of a seller's region, or None where the table does not say.

    >>> country_of("gcp", "europe-west4"), country_of("vast", "Quebec, CA, NA"), country_of("ibm", "moon")
    ('NL', 'CA', None)
    """
    if not region:
        return None
    for who in (seller, "*"):
        if (who, region) in _exact():
            return _exact()[who, region] or None
    for who, pattern, country in _patterns():
        if who == seller and (match := pattern.match(region)):
            code = match.groupdict().get("cc") or country
            if code in load_countries():
                return code
    return None


def zone_of(country: str | None) -> str | None:
    """Residency zone of a country: eu, eea, uk, or the lower-case code itself.

    >>> zone_of("FR"), zone_of("GB"), zone_of("NO"), zone_of("US"), zone_of(None)
    ('eu', 'uk', 'eea', 'us', None)
    """
    found = load_countries().get(country or "")
    return found.zone if found else None


def is_listed(seller: str, region: str) -> bool:
    """Whether the reviewed tables have this spelling at all, be it as a place that cannot be told."""
    listed = any((who, region) in _exact() for who in (seller, "*"))
    return listed or any(who == seller and pattern.match(region) for who, pattern, _ in _patterns())
