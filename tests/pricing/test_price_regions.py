"""Places: spelling -> country -> zone, and what cannot be told."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.pricing.regions import country_of, is_listed, load_countries, zone_of

DATA = Path(__file__).parents[2] / "pricing" / "data"


@pytest.mark.parametrize(
    ("seller", "region", "country"),
    [
        ("aws", "eu-west-3", "FR"), ("aws", "eu-central-2", "CH"), ("azure", "northeurope", "IE"),
        ("azure", "westeurope", "NL"), ("gcp", "europe-west4", "NL"), ("oci", "uk-london-1", "GB"),
        ("ibm", "eu-gb", "GB"), ("lambda", "europe-central-1", "DE"), ("verda", "FIN-03", "FI"),
        ("ovhcloud", "WAW", "PL"), ("ovhcloud", "LON", "GB"), ("simplepod", "Europe-NO", "NO"),
        ("shadeform", "warsaw-poland-1", "PL"), ("spheron", "Finland 3", "FI"),
        ("fluidstack", "UTAH_USA", "US"), ("vast", "Bavaria, DE, EU", "DE"), ("vast", ", CN, AS", "CN"),
        ("vast", "San Jose, CA, US", "US"), ("vast", "Sao Paulo, BR, SA", "BR"), ("lium", "RU", "RU"),
        ("runpod", "IS", "IS"),
    ],
)  # fmt: skip
def test_a_reviewed_spelling_has_its_country(seller: str, region: str, country: str) -> None:
    assert country_of(seller, region) == country


@pytest.mark.parametrize(
    ("seller", "region"),
    [
        ("runpod", "Global (lowest)"), ("nebius", "EU / US"), ("digitalocean", "NYC / TOR / AMS"),
        ("primeintellect", "MON1"), ("primeintellect", "FRA"), ("aws", "eu-moon-1"), ("nobody", "us-east-1"),
        ("vast", "Atlantis"), ("aws", None), ("aws", ""),
    ],
)  # fmt: skip
def test_a_place_that_cannot_be_told_has_none(seller: str, region: str | None) -> None:
    assert country_of(seller, region) is None


def test_a_seller_does_not_borrow_the_spelling_of_another() -> None:
    assert country_of("lambda", "europe-west4") is None


@pytest.mark.parametrize(
    ("country", "zone"),
    [
        ("DE", "eu"),
        ("IE", "eu"),
        ("NO", "eea"),
        ("CH", "ch"),
        ("GB", "uk"),
        ("US", "us"),
        ("JP", "jp"),
        (None, None),
        ("XX", None),
    ],
)
def test_a_zone_is_where_the_data_law_is(country: str | None, zone: str | None) -> None:
    assert zone_of(country) == zone


def test_the_european_union_has_27_members() -> None:
    assert sum(country.zone == "eu" for country in load_countries().values()) == 27


def test_every_reviewed_row_gives_a_known_country_or_says_why_not() -> None:
    with (DATA / "regions.csv").open(newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    for row in rows:
        assert row["reason"], row
        assert row["country"] in {"", "{cc}", *load_countries()}, row
    assert len({(row["seller"], row["region"]) for row in rows}) == len(rows)


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_spelling_gives_a_known_country_or_none(seller: str, region: str) -> None:
    country = country_of(seller, region)
    assert country is None or (country in load_countries() and is_listed(seller, region))


@given(st.sampled_from(sorted(load_countries())))
def test_a_marketplace_host_is_where_its_code_says(code: str) -> None:
    assert country_of("vast", f"Somewhere, {code}") == code
    assert country_of("vast", f"Somewhere, {code}, AS") == code
    assert country_of("lium", code) == code
