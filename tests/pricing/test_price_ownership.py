"""Owned hardware: the published worked example, the formula's limits, and the offer it becomes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.pricing.errors import PriceError
from planner.pricing.ownership import ASSUMPTIONS, Ownership, Site, load_watts, owned_offer, residual
from planner.profiles.errors import ProfileError
from planner.profiles.gpus import load_gpus

HOME = Site(electricity_usd_per_kwh=0.15, pue=1.1, country="DE")
BOX = Ownership(purchase_usd=2600, residual_usd=500, load_w=520)
USAGE = st.floats(0.05, 1.0)


@pytest.mark.parametrize(
    ("percent", "usd"), [(10, 1.37), (20, 0.72), (30, 0.50), (50, 0.33), (70, 0.25), (90, 0.21)]
)
def test_the_worked_example_of_a_4090_box_holds(percent: int, usd: float) -> None:
    # published to the cent from rounded intermediates: 1.3645 is printed as 1.37
    assert BOX.usd_per_useful_hour(HOME, utilisation=percent / 100) == pytest.approx(usd, abs=0.006)


@pytest.mark.parametrize(("percent", "usd"), [(30, 4.8), (50, 2.9), (70, 2.1), (90, 1.7)])
def test_the_worked_example_of_an_h100_holds(percent: int, usd: float) -> None:
    h100 = Ownership(
        purchase_usd=38_000, residual_usd=9_000, load_w=1275, horizon_years=4, discount_rate=0.10
    )
    site = Site(electricity_usd_per_kwh=0.09, pue=1.3)
    assert h100.usd_per_useful_hour(site, utilisation=percent / 100) == pytest.approx(usd, rel=0.04)


def test_without_interest_capital_is_spread_evenly() -> None:
    unit = Ownership(
        purchase_usd=3000, residual_usd=0, load_w=0, horizon_years=3, discount_rate=0, maintenance_share=0
    )
    assert unit.usd_per_year == pytest.approx(1000)


@given(st.floats(0, 1e5), st.floats(0.0, 0.3), st.floats(1, 10))
def test_the_payments_repay_the_purchase_less_the_sale(price: float, rate: float, years: float) -> None:
    unit = Ownership(
        purchase_usd=price,
        residual_usd=price / 4,
        load_w=0,
        horizon_years=years,
        discount_rate=rate,
        maintenance_share=0,
    )
    discount = (1 + rate) ** -years
    worth = unit.usd_per_year * ((1 - discount) / rate if rate > 1e-9 else years)
    assert worth == pytest.approx(price - price / 4 * discount, rel=1e-6, abs=1e-6)


@given(USAGE, USAGE)
def test_more_use_makes_a_useful_hour_cheaper(a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert (
        BOX.usd_per_useful_hour(HOME, utilisation=high)
        <= BOX.usd_per_useful_hour(HOME, utilisation=low) + 1e-12
    )
    assert BOX.usd_per_hour(HOME, utilisation=high) >= BOX.usd_per_hour(HOME, utilisation=low) - 1e-12


@given(st.floats(0, 0.5), st.floats(0, 0.5))
def test_dearer_power_never_makes_it_cheaper(a: float, b: float) -> None:
    low, high = sorted((a, b))
    costs = [BOX.usd_per_hour(Site(electricity_usd_per_kwh=e), utilisation=0.5) for e in (low, high)]
    assert costs[0] <= costs[1] + 1e-15


def test_an_idle_card_has_no_useful_hour() -> None:
    with pytest.raises(PriceError, match="is not above 0"):
        BOX.usd_per_useful_hour(HOME, utilisation=0)


def test_an_owned_offer_is_priced_per_instance_and_per_gpu() -> None:
    offer = owned_offer("RTX 4090", 4, purchase_usd=2600, site=HOME, units=2)
    assert (offer.seller, offer.term, offer.gpu, offer.availability) == ("owned", "owned", "rtx_4090", 2)
    assert offer.usd_per_hour == pytest.approx(4 * offer.usd_per_gpu_hour)
    assert 0.1 < offer.usd_per_gpu_hour < 0.3
    assert (offer.country, offer.zone, offer.upfront_usd) == ("DE", "eu", 10_400)
    assert "assumed_utilisation:0.7" in offer.flags


def test_hardware_on_hand_costs_nothing_up_front() -> None:
    offer = owned_offer("rtx_4090", 1, purchase_usd=1200, site=HOME, status="have")
    assert offer.upfront_usd == 0
    assert "status:have" in offer.flags


def test_an_ambiguous_owned_gpu_is_the_slowest_and_flagged() -> None:
    offer = owned_offer("A100 80GB", 1, purchase_usd=9000, site=HOME)
    assert offer.gpu == "a100_pcie"
    assert offer.ambiguous_gpus == ("a100_pcie", "a100_sxm")


def test_the_draw_follows_the_data_sheet() -> None:
    gpus = load_gpus()
    assert load_watts(gpus["rtx_4090"]) == 520
    assert load_watts(gpus["h100_sxm"]) == pytest.approx(1275, rel=0.01)
    assert load_watts(gpus["m3_ultra"]) == 295
    with pytest.raises(PriceError, match="a10g has no sourced TDP"):
        load_watts(gpus["a10g"])


def test_an_unknown_draw_can_be_given() -> None:
    assert owned_offer("a10g", 1, purchase_usd=1000, site=HOME, load_w=220).usd_per_hour > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"purchase_usd": -1}, "owned.purchase_usd: -1 is not 0 or more"),
        ({"purchase_usd": math.nan}, "owned.purchase_usd: nan is not"),
        ({"count": 0}, "owned.count: 0 is not from"),
        ({"status": "leased"}, "owned.status: 'leased' is not have or would_buy"),
        ({"discount_rate": 8}, "owned.discount_rate: 8 is not from 0 to 1"),
        ({"horizon_years": 0}, "owned.horizon_years: 0 is not from"),
        ({"utilisation": 1.5}, "owned.utilisation: 1.5 is not from 0 to 1"),
        (
            {"site": Site(electricity_usd_per_kwh=15)},
            "owned.site.electricity_usd_per_kwh: 15 is not from 0 to 10",
        ),
        ({"site": Site(electricity_usd_per_kwh=0.1, pue=0.9)}, "owned.site.pue: 0.9 is not from 1 to 5"),
    ],
)
def test_a_bad_figure_is_refused_by_name(change: dict[str, object], message: str) -> None:
    arguments: dict[str, object] = {"count": 1, "purchase_usd": 2600, "site": HOME, **change}
    with pytest.raises(PriceError) as caught:
        owned_offer("rtx_4090", arguments.pop("count"), **arguments)
    assert str(caught.value).startswith(message)


def test_an_unknown_gpu_is_refused() -> None:
    with pytest.raises(ProfileError, match="did you mean"):
        owned_offer("rtx_409", 1, purchase_usd=1, site=HOME)


def test_every_assumption_is_inside_its_own_range_and_says_why() -> None:
    for assumption in ASSUMPTIONS.values():
        assert assumption.low <= assumption.value <= assumption.high
        assert assumption.source


def test_resale_follows_the_published_path() -> None:
    assert [residual(100, years=y) for y in (1, 2, 3)] == pytest.approx([65, 45, 30], abs=2.1)
