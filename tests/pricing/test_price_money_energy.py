"""Money, electricity and carbon tables."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.pricing.energy import SECTORS, carbon_intensity, electricity_price, load_carbon, load_electricity
from planner.pricing.errors import PriceError
from planner.pricing.importers.energy import period_end
from planner.pricing.money import HOURS_PER_MONTH, HOURS_PER_YEAR, load_rates, monthly, to_cents, to_usd
from planner.pricing.regions import load_countries


def test_a_month_is_a_twelfth_of_a_year() -> None:
    assert HOURS_PER_MONTH * 12 == HOURS_PER_YEAR


@given(st.decimals(0, 10**6, places=4))
def test_a_monthly_cost_is_within_half_a_cent(price: Decimal) -> None:
    assert abs(monthly(price) - price * 730) <= Decimal("0.005")


def test_a_foreign_price_is_converted_at_the_dated_rate() -> None:
    assert to_usd(Decimal(10), "eur") == Decimal("11.6990")
    assert date.fromisoformat(load_rates()["EUR"].as_of)


def test_a_currency_without_a_rate_is_refused() -> None:
    with pytest.raises(
        PriceError, match=r"currency: 'JPY' has no shipped rate \(give the price in one of EUR, USD\)"
    ):
        to_usd(Decimal(1), "JPY")


def test_a_float_is_rounded_as_it_is_shown() -> None:
    assert to_cents(1.005) == Decimal("1.01")


def test_every_electricity_price_is_plausible_and_dated() -> None:
    for price in load_electricity().values():
        assert 0.01 < price.usd_per_kwh < 1
        assert price.sector in SECTORS
        assert price.source and date.fromisoformat(price.as_of)
        assert price.country is None or price.country in load_countries()
    assert {p.place for p in load_electricity().values() if p.country is None} == {"EU average"}


def test_a_country_code_finds_its_price() -> None:
    assert electricity_price("DE", sector="residential") == electricity_price("Germany", sector="residential")


@pytest.mark.parametrize(
    ("place", "sector", "message"),
    [
        ("Germny", "residential", "did you mean Germany"),
        ("Germany", "industrial", "Germany has no 'industrial' price (known: residential)"),
        ("Atlantis", "commercial", "give site.electricity_usd_per_kwh"),
    ],
)
def test_a_place_without_a_price_says_what_is_known(place: str, sector: str, message: str) -> None:
    with pytest.raises(PriceError) as caught:
        electricity_price(place, sector=sector)
    assert message in str(caught.value)


def test_every_carbon_intensity_is_plausible() -> None:
    for carbon in load_carbon().values():
        assert 0 <= carbon.grams_co2_per_kwh < 1500
        assert carbon.source
        assert carbon.as_of is None or date.fromisoformat(carbon.as_of)


def test_a_region_is_more_exact_than_its_country() -> None:
    region = carbon_intensity("NL", seller="gcp", region="europe-west4")
    country = carbon_intensity("NL", seller="aws", region="anything")
    assert region is not None and country is not None
    assert (region.key, country.key) == ("gcp:europe-west4", "NLD")
    assert carbon_intensity(None) is None


@pytest.mark.parametrize(
    ("text", "day"), [("2023", "2023-12-31"), ("2024-H1", "2024-06-30"), ("2024-H2", "2024-12-31"), ("", "")]
)
def test_a_period_ends_on_its_last_day(text: str, day: str) -> None:
    assert period_end(text) == day
