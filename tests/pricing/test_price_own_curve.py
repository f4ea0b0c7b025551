"""The useful hour taken apart, its range, and the break-even against rent: identities for any figures."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from planner.pricing.assumptions import ASSUMPTIONS
from planner.pricing.energy import carbon_intensity, grams_co2_per_hour
from planner.pricing.errors import PriceError
from planner.pricing.own_curve import UTILISATIONS, own_curve, price_to_buy
from planner.pricing.ownership import Ownership, Site
from planner.profiles.gpus import load_gpus

GPUS = load_gpus()
SITES = st.builds(Site, st.floats(0, 1), st.floats(1, 3))
SHARE = st.floats(0, 1)


@st.composite
def units(draw: st.DrawFn) -> Ownership:
    price = draw(st.floats(1, 1e5))
    return Ownership(
        purchase_usd=price,
        residual_usd=price * draw(SHARE),
        load_w=draw(st.floats(0, 2000)),
        horizon_years=draw(st.floats(0.5, 10)),
        discount_rate=draw(st.floats(0, 0.5)),
        maintenance_share=draw(st.floats(0, 0.2)),
        idle_share=draw(SHARE),
        spare_share=draw(st.floats(0, 0.2)),
        hosting_usd_per_year=draw(st.floats(0, 1e4)),
    )


@given(units(), SITES, st.floats(0.01, 1))
def test_the_parts_add_up_to_the_useful_hour(unit: Ownership, site: Site, use: float) -> None:
    parts = unit.parts(site, utilisation=use)
    assert parts.total == pytest.approx(unit.usd_per_useful_hour(site, utilisation=use), rel=1e-9)
    assert all(getattr(parts, f.name) >= -1e-9 for f in fields(parts))


@given(units(), SITES)
def test_at_full_use_nothing_is_spent_idle(unit: Ownership, site: Site) -> None:
    assert unit.parts(site, utilisation=1.0).electricity_idle == 0


@given(units(), SITES, st.floats(0.01, 100))
def test_at_the_break_even_owning_costs_the_rent(unit: Ownership, site: Site, rent: float) -> None:
    use = unit.break_even_utilisation(site, rent_usd_per_hour=rent)
    if use is None:
        assert unit.usd_per_useful_hour(site, utilisation=1.0) >= rent - 1e-9
    else:
        assume(use > 1e-6)
        assert unit.usd_per_useful_hour(site, utilisation=min(use, 1.0)) == pytest.approx(rent, rel=1e-6)


@given(units(), SITES, st.floats(0.01, 100), st.floats(1, 3))
def test_dearer_rent_never_raises_the_break_even(
    unit: Ownership, site: Site, rent: float, factor: float
) -> None:
    low, high = (unit.break_even_utilisation(site, rent_usd_per_hour=rent * f) for f in (1.0, factor))
    assert low is None or (high is not None and high <= low + 1e-12)


@given(units(), st.floats(0, 1), st.floats(0.01, 1))
def test_at_pue_one_the_meter_shows_what_the_machine_draws(unit: Ownership, price: float, use: float) -> None:
    assert unit.energy_usd_per_hour(Site(price, pue=1.0), utilisation=use) == pytest.approx(
        unit.average_kw(use) * price
    )


@given(units(), SITES, SHARE, st.floats(0.01, 1))
def test_spares_cost_capital_and_upkeep_and_no_power(
    unit: Ownership, site: Site, spares: float, use: float
) -> None:
    bare = replace(unit, spare_share=0.0).parts(site, utilisation=use)
    with_spares = replace(unit, spare_share=spares).parts(site, utilisation=use)
    assert with_spares.spares == pytest.approx(
        spares * (bare.capital + bare.maintenance), rel=1e-9, abs=1e-12
    )
    assert with_spares.total - with_spares.spares == pytest.approx(bare.total, rel=1e-9)


@given(st.floats(1, 1e5), st.floats(1.0001, 3))
def test_no_machine_is_worth_more_at_the_end(price: float, factor: float) -> None:
    with pytest.raises(PriceError, match=r"residual_usd: .* is above the price"):
        Ownership(purchase_usd=price, residual_usd=price * factor, load_w=1)


def curve(**changes: object) -> object:
    arguments = {
        "purchase_usd": 2600, "electricity_usd_per_kwh": 0.15, "given": {"residual_usd": 500}, **changes,
    }  # fmt: skip
    return own_curve(GPUS["rtx_4090"], **arguments)


def test_the_curve_holds_the_worked_example() -> None:
    by_use = {p.utilisation: p.usd_per_useful_hour for p in curve().points}
    # published to the cent from rounded intermediates: 1.3645 is printed as 1.37
    published = {0.1: 1.37, 0.2: 0.72, 0.3: 0.50, 0.5: 0.33, 0.7: 0.25, 0.9: 0.21}
    assert {use: by_use[use] for use in published} == pytest.approx(published, abs=0.006)


@pytest.mark.parametrize(("rent", "use"), [(0.30, 0.56), (0.43, 0.36)])
def test_the_published_break_even_against_marketplace_rent_holds(rent: float, use: float) -> None:
    found = curve(rent_usd_per_hour=rent)
    assert found.break_even == pytest.approx(use, abs=0.005)
    assert [p.cheaper for p in found.points] == [
        "rent" if p.utilisation < use else "own" for p in found.points
    ]


def test_the_range_spans_the_value_and_the_break_even_its_range() -> None:
    found = curve(rent_usd_per_hour=0.35)
    assert all(p.low <= p.usd_per_useful_hour <= p.high for p in found.points)
    assert [p.utilisation for p in found.points] == list(UTILISATIONS)
    assert found.break_even_low < found.break_even < found.break_even_high


def test_a_figure_of_the_user_leaves_no_range_of_its_own() -> None:
    fixed = {a.name: a.value for a in ASSUMPTIONS.values() if a.name not in ("utilisation",)}
    found = curve(given={**fixed, "residual_usd": 500})
    assert found.assumptions == ()
    assert all(p.low == pytest.approx(p.high) for p in found.points)


def test_every_default_used_is_listed_with_range_and_source() -> None:
    names = {a.name for a in curve().assumptions}
    assert {"horizon_years", "discount_rate", "pue", "host_w", "idle_share", "spare_share"} <= names
    assert {"host_per_tdp", "residual_per_year"}.isdisjoint(names)
    assert all(a.source and a.low <= a.value <= a.high for a in ASSUMPTIONS.values())


def test_rent_below_the_power_bill_never_breaks_even() -> None:
    found = curve(rent_usd_per_hour=0.05)
    assert found.break_even is None
    assert {p.cheaper for p in found.points} == {"rent"}


def test_a_figure_without_a_name_we_know_is_refused() -> None:
    with pytest.raises(PriceError, match=r"owned\.horizon: is not known"):
        curve(given={"horizon": 4.0})


@pytest.mark.parametrize(("gpu", "noted"), [("rtx_4090", True), ("h100_sxm", False), ("rx_7900_xtx", False)])
def test_only_geforce_carries_the_licence_note(gpu: str, noted: bool) -> None:
    found = own_curve(GPUS[gpu], purchase_usd=1000, electricity_usd_per_kwh=0.1)
    assert any("GeForce" in note for note in found.notes) == noted


def test_carbon_follows_the_grid_and_the_draw() -> None:
    france, poland = (carbon_intensity(country) for country in ("FR", "PL"))
    assert france is not None
    assert poland is not None
    clean, dirty = (curve(carbon=grid).points[-1].grams_co2 for grid in (france, poland))
    assert clean < dirty
    assert dirty == pytest.approx(grams_co2_per_hour(520, pue=1.1, carbon=poland))
    assert grams_co2_per_hour(0, pue=1.5, carbon=poland) == 0


def test_a_card_without_a_public_price_needs_one() -> None:
    assert price_to_buy(GPUS["rtx_4090"]) == 1599
    with pytest.raises(PriceError, match="h100_sxm had no public price"):
        price_to_buy(GPUS["h100_sxm"])
