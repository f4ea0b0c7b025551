"""Bad rows are held with a reason, readable, and taken only by a dated decision of the user."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.pricing.catalog import load_catalog
from planner.pricing.errors import PriceError
from planner.pricing.offer import Offer
from planner.pricing.providers.records import FetchResult, Quarantined
from planner.pricing.quarantine import (
    ACCEPTED,
    DOORS,
    Decision,
    Held,
    accepted,
    as_row,
    decide,
    decision_line,
    read_decisions,
    screen,
)
from planner.pricing.snapshot import catalog_of
from planner.pricing.snapshot_refresh import snapshot_of

TODAY = date(2026, 10, 1)
MakeOffer = Callable[..., Offer]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"usd_per_hour": 0.0}, "not_a_price"),
        ({"usd_per_hour": -2.0}, "not_a_price"),
        ({"usd_per_hour": math.nan}, "not_a_price"),
        ({"usd_per_hour": math.inf}, "not_a_price"),
        ({"gpu_count": math.nan}, "not_a_price"),
        ({"usd_per_gpu_hour": 1.0}, "not_a_price"),
        ({"gpu": "h900"}, "unknown_gpu"),
        ({"currency": "XXX"}, "unknown_currency"),
        ({"term": "weekly"}, "unknown_term"),
        ({"as_of": "2026-10-03"}, "future_dated"),
        ({"as_of": "yesterday"}, "future_dated"),
        ({"usd_per_hour": 0.01}, "price_out_of_band"),
        ({"usd_per_hour": 51.0}, "price_out_of_band"),
        ({"gpu_memory_gib": 33.0}, "memory_contradicts_gpu"),
        ({"instance": "4x-h100"}, "count_contradicts_name"),
    ],
)
def test_a_bad_row_is_held_with_its_reason(
    make_offer: MakeOffer, changes: dict[str, object], reason: str
) -> None:
    passed, held = screen("acme", [make_offer(**changes)], today=TODAY)
    assert passed == ()
    assert [row.reason for row in held] == [reason]
    assert held[0].detail


def test_spot_above_on_demand_is_held_and_the_on_demand_row_is_not(make_offer: MakeOffer) -> None:
    passed, held = screen("acme", [make_offer(), make_offer(term="spot", usd_per_hour=3.0)], today=TODAY)
    assert [offer.term for offer in passed] == ["on_demand"]
    assert [row.reason for row in held] == ["spot_above_on_demand"]


def test_everything_shipped_passes() -> None:
    offers = load_catalog().offers
    assert screen("shipped", offers, today=TODAY) == (offers, ())


def test_tomorrow_is_another_time_zone(make_offer: MakeOffer) -> None:
    assert screen("acme", [make_offer(as_of="2026-10-02")], today=TODAY)[1] == ()


@given(
    price=st.floats(), count=st.floats(), day=st.dates(), gpu=st.sampled_from(["h100_sxm", "x"]),
    term=st.text(max_size=9),
)  # fmt: skip
def test_whatever_a_row_says_it_is_kept_or_held_and_what_is_kept_is_sound(
    make_offer: MakeOffer, price: float, count: float, day: date, gpu: str, term: str
) -> None:
    offer = make_offer(
        usd_per_gpu_hour=price, usd_per_hour=price * count, gpu_count=count, as_of=day.isoformat(), gpu=gpu,
        term=term,
    )  # fmt: skip
    passed, held = screen("acme", [offer], today=TODAY)
    assert len(passed) + len(held) == 1
    assert all(0.05 <= o.usd_per_gpu_hour <= 50 and o.gpu_count > 0 for o in passed)


def test_every_door_says_why_or_nothing(make_offer: MakeOffer) -> None:
    assert all(door(make_offer(), TODAY) == "" for door in DOORS.values())
    assert all(door.__doc__ for door in DOORS.values())


def test_what_a_provider_held_joins_what_the_last_door_holds(make_offer: MakeOffer) -> None:
    bad = make_offer(usd_per_hour=0.01)
    result = FetchResult(
        "acme", "ok", offers=(make_offer(), make_offer(instance="late", as_of="2027-01-01")),
        quarantined=(
            Quarantined("acme one", "price_out_of_band: 0.01 $ per GPU-hour", bad),
            Quarantined("{'gpu': 7}", "gpu_not_text: a number"),
            Quarantined("x", "What is this? a row: or not"),
        ),
        etag="t",
    )  # fmt: skip
    snapshot = snapshot_of([result], taken_at="2026-10-01T00:00:00.000000Z", today=TODAY)
    assert [row.reason for row in snapshot.held] == [
        "price_out_of_band", "gpu_not_text", "unreadable", "future_dated",
    ]  # fmt: skip
    assert snapshot.held[0].offer() == bad
    state = snapshot.states[0]
    assert (state.offers, state.quarantined, state.etag) == (1, 4, "t")


def test_a_failed_provider_brings_no_rows_into_a_snapshot(make_offer: MakeOffer) -> None:
    result = FetchResult("acme", "failed", message="acme: 500")
    snapshot = snapshot_of([result], taken_at="2026-10-01T00:00:00.000000Z", today=TODAY)
    assert snapshot.offers == {}
    assert snapshot.states[0].message == "acme: 500"


def held_row(offer: Offer) -> Held:
    return Held("acme", "price_out_of_band", offer.label, "0.01 $", as_row(offer))


def test_an_accepted_row_is_planned_on_and_says_so(make_offer: MakeOffer) -> None:
    row = held_row(make_offer(usd_per_hour=0.01))
    taken, decision = decide(
        [row], row.id[:6], verdict="accept", because="I have the invoice", decided_at="now"
    )
    assert taken == row
    (offer,) = accepted([row], [decision])
    assert offer.flags == (ACCEPTED,)
    assert offer.usd_per_hour == 0.01
    snapshot = snapshot_of([], taken_at="2026-10-01T00:00:00.000000Z", today=TODAY)
    with_row = type(snapshot)(snapshot.taken_at, (), {}, (row,))
    assert catalog_of(with_row, [decision]).offers == (offer,)
    assert catalog_of(with_row, [decision]).left_out == ()
    assert catalog_of(with_row).offers == ()
    assert catalog_of(with_row).left_out[0].reason == "price_out_of_band"


def test_the_last_decision_counts(make_offer: MakeOffer) -> None:
    row = held_row(make_offer(usd_per_hour=0.01))
    said = [Decision(row.id, verdict, "x", "now") for verdict in ("accept", "revoke")]
    assert accepted([row], said) == ()
    assert len(accepted([row], reversed(said))) == 1


def test_a_new_price_is_a_new_question(make_offer: MakeOffer) -> None:
    first, second = (held_row(make_offer(usd_per_hour=price)) for price in (0.01, 0.02))
    assert first.id != second.id


@pytest.mark.parametrize(
    ("wanted", "because", "message"),
    [
        ("zzz", "x", "is no held row"),
        ("", "x", "is no held row"),
        (None, "  ", "because: is empty"),
    ],
)
def test_a_decision_needs_one_row_and_a_reason(
    make_offer: MakeOffer, wanted: str | None, because: str, message: str
) -> None:
    row = held_row(make_offer(usd_per_hour=0.01))
    with pytest.raises(PriceError, match=message):
        decide(
            [row], row.id if wanted is None else wanted, verdict="accept", because=because, decided_at="now"
        )


def test_a_row_that_never_became_an_offer_cannot_be_taken() -> None:
    row = Held("acme", "unreadable", "x", "gpu is a number")
    with pytest.raises(PriceError, match="never became an offer"):
        decide([row], row.id, verdict="accept", because="x", decided_at="now")


def test_a_price_that_is_no_number_cannot_be_taken(make_offer: MakeOffer) -> None:
    row = held_row(make_offer(usd_per_hour=math.nan))
    with pytest.raises(PriceError, match="usd_per_hour: 'nan' is not above 0"):
        decide([row], row.id, verdict="accept", because="x", decided_at="now")


def test_decisions_read_back_and_a_bad_line_is_named() -> None:
    decision = Decision("abc", "accept", 'he said "yes"\u2028', "now")
    assert read_decisions(decision_line(decision), where="f") == (decision,)
    with pytest.raises(PriceError, match="f: line 1: not a decision"):
        read_decisions("{}\n", where="f")
