"""Commitments as quoted, spot risk where it is published, and absence where it is not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.pricing.catalog import load_catalog
from planner.pricing.errors import PriceError
from planner.pricing.offer import Offer
from planner.pricing.terms import (
    ABSENT,
    as_committed,
    effective_usd_per_hour,
    published_terms,
    recurring_usd_per_hour,
    spread_of,
    zone_spread,
)

MakeOffer = Callable[..., Offer]
AMOUNT = st.floats(0.01, 1e6)


@given(AMOUNT, AMOUNT, st.sampled_from([("committed_1y", 12), ("committed_3y", 36)]))
def test_the_parts_of_a_commitment_add_up_over_its_hours(
    make_offer: MakeOffer, upfront: float, recurring: float, term: tuple[str, int]
) -> None:
    offer = as_committed(
        make_offer(),
        term[0],
        payment="partial_upfront",
        upfront_usd=upfront,
        recurring_usd_per_hour=recurring,
    )
    hours = term[1] * 730
    assert offer.usd_per_hour * hours == pytest.approx(upfront + recurring * hours, rel=1e-12)
    assert recurring_usd_per_hour(offer) == pytest.approx(recurring, rel=1e-6, abs=1e-6)
    assert offer.commitment_months == term[1]


@pytest.mark.parametrize(
    ("payment", "upfront", "recurring"),
    [("no_upfront", 0, 1.0), ("partial_upfront", 100, 1.0), ("all_upfront", 100, 0)],
)
def test_each_payment_option_is_kept_as_quoted(
    make_offer: MakeOffer, payment: str, upfront: float, recurring: float
) -> None:
    offer = as_committed(
        make_offer(flags=("broker", "zone_spread:1-2/3")), "committed_1y", payment=payment,
        upfront_usd=upfront, recurring_usd_per_hour=recurring,
    )  # fmt: skip
    assert offer.payment == payment
    assert offer.upfront_usd == upfront
    assert offer.flags == ("broker", f"payment:{payment}")


@pytest.mark.parametrize(
    ("payment", "upfront", "recurring"),
    [
        ("no_upfront", 5, 1.0),
        ("no_upfront", 0, 0.0),
        ("partial_upfront", 0, 1.0),
        ("partial_upfront", 5, 0.0),
        ("all_upfront", 0, 1.0),
        ("all_upfront", 5, 1.0),
        ("later", 5, 1.0),
    ],
)
def test_a_quote_that_contradicts_its_option_is_refused(
    make_offer: MakeOffer, payment: str, upfront: float, recurring: float
) -> None:
    with pytest.raises(PriceError, match="payment: "):
        as_committed(
            make_offer(),
            "committed_1y",
            payment=payment,
            upfront_usd=upfront,
            recurring_usd_per_hour=recurring,
        )


def test_a_term_that_is_no_commitment_is_refused(make_offer: MakeOffer) -> None:
    with pytest.raises(PriceError, match="'spot' is not one of"):
        as_committed(make_offer(), "spot", payment="no_upfront", upfront_usd=0, recurring_usd_per_hour=1)


@pytest.mark.parametrize(("upfront", "months"), [(-1.0, 12), (float("nan"), 12), (1.0, 0)])
def test_amounts_and_months_are_checked(upfront: float, months: int) -> None:
    with pytest.raises(PriceError):
        effective_usd_per_hour(upfront_usd=upfront, recurring_usd_per_hour=1.0, months=months)


def test_nothing_upfront_is_a_payment_option_too(make_offer: MakeOffer) -> None:
    assert make_offer(term="committed_1y", upfront_usd=0.0).payment == "no_upfront"
    assert make_offer(term="committed_1y", upfront_usd=None).payment == ""
    assert make_offer(term="on_demand", upfront_usd=0.0).payment == ""


def test_an_unknown_upfront_part_leaves_the_recurring_part_unknown(make_offer: MakeOffer) -> None:
    assert recurring_usd_per_hour(make_offer(term="committed_1y", commitment_months=12)) is None


def test_a_zone_spread_travels_with_the_offer(make_offer: MakeOffer) -> None:
    spread = zone_spread({"a": 2.47, "b": 8.19})
    assert spread is not None
    assert spread_of(make_offer(flags=("cheapest_zone", spread.flag))) == spread
    assert spread_of(make_offer()) is None
    assert zone_spread({"a": 1.0}) is None
    with pytest.raises(PriceError, match="drop the flag"):
        spread_of(make_offer(flags=("zone_spread:high",)))


def test_what_a_seller_does_not_publish_is_absent(make_offer: MakeOffer) -> None:
    rows = (
        make_offer(),
        make_offer(term="spot", usd_per_hour=1.0, interruption_per_hour=0.05, flags=("zone_spread:1-2/3",)),
        make_offer(term="committed_1y", flags=("payment:all_upfront",)),
        make_offer(term="capacity_block"),
        make_offer(seller="bare"),
    )
    acme, bare = published_terms(rows)
    assert (acme.on_demand, acme.spot, acme.interruption_rate, acme.zone_spread) == ("1", "1", "1", "1")
    assert (acme.committed_1y, acme.payment_options, acme.capacity_block) == ("1", "all_upfront", "1")
    assert acme.committed_3y == acme.marketplace == ABSENT
    assert {bare.spot, bare.interruption_rate, bare.committed_1y, bare.payment_options} == {ABSENT}


def test_the_shipped_prices_claim_no_commitment_nobody_quoted() -> None:
    rows = published_terms(load_catalog().offers)
    assert len(rows) == len({offer.seller for offer in load_catalog().offers})
    assert {row.committed_1y for row in rows} == {ABSENT}
    assert {row.interruption_rate for row in rows} == {ABSENT}
