"""Each route is the same demand under other terms; what has no price asks for one."""

import pytest

from planner.analysis.arbitrage import BASELINE


@pytest.fixture(scope="module")
def found(session):
    return session.arbitrage()


def test_a_route_costs_what_the_question_with_its_sellers_costs(session, found):
    usd = {r.route: r.usd_per_month for r in found.routes}
    sellers = [s for s in ("aws", "azure", "gcp", "oci") if any(o.seller == s for o in session.case.market)]
    limit = {"constraints.sellers": sellers, "constraints.terms": ["on_demand"], "constraints.gpus": None,
             "constraints.marketplace": True}  # fmt: skip
    assert usd[BASELINE] == pytest.approx(session.change(limit=limit).case.usd_per_month)


def test_what_has_no_published_price_asks_for_one(found):
    (row,) = [r for r in found.routes if r.route == "owned data-centre GPUs"]
    assert row.usd_per_month is None and row.price_basis == "missing" and "purchase_usd" in row.note


def test_an_assumed_price_shows_its_range(found):
    (row,) = [r for r in found.routes if r.route == "owned consumer cards"]
    assert row.price_basis == "assumed"
    assert row.low_usd_per_month <= row.usd_per_month <= row.high_usd_per_month


def test_owning_wins_only_above_its_break_even(found):
    assert found.owning
    for point in found.owning:
        assert point.break_even_utilisation is None or 0 < point.break_even_utilisation <= 1


def test_the_licence_of_consumer_cards_is_named(found):
    assert any("GeForce" in note for note in found.notes)


def test_the_claim_states_what_the_routes_say(found):
    usd = {r.route: r.usd_per_month for r in found.routes}
    cards = min(u for n, u in usd.items() if "consumer" in n and u is not None)
    assert f"{100 * (1 - cards / usd[BASELINE]):.0f} %" in found.claim
