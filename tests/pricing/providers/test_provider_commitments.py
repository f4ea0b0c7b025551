"""Commitments as sellers quote them: the parts, the payment option, and what happens when a part is lost."""

from __future__ import annotations

from typing import Any

import pytest

from planner.pricing.terms import effective_usd_per_hour, recurring_usd_per_hour


def contract_with(asking: Any, kit: Any, **cells: Any) -> Any:
    """The result of the sample contract with its first row changed."""
    case = kit.cases["contract"]
    documents = case.fresh()
    case.rows(documents)[0] |= cells
    return asking.result(case, kit.serving(case, documents))


@pytest.mark.parametrize(
    ("upfront", "hourly", "payment"),
    [(0, 38.0, "no_upfront"), (87600, 20.0, "partial_upfront"), (262800, 0, "all_upfront"),
     ("87600", "20.0", "partial_upfront"), ("0.00", "38", "no_upfront")],
)  # fmt: skip
@pytest.mark.parametrize(("term", "months"), [("committed_1y", 12), ("committed_3y", 36)])
def test_contract_price_is_the_effective_one_and_its_parts_are_kept(
    upfront: Any, hourly: Any, payment: str, term: str, months: int, asking: Any, kit: Any
) -> None:
    result = contract_with(asking, kit, term=term, upfront=upfront, price_per_hour=hourly)
    (offer,) = (offer for offer in result.offers if offer.instance == "p5.48xlarge")
    effective = effective_usd_per_hour(
        upfront_usd=float(upfront), recurring_usd_per_hour=float(hourly), months=months
    )
    assert offer.usd_per_hour == pytest.approx(effective, abs=1e-6)
    assert offer.usd_per_gpu_hour == pytest.approx(effective / 8, abs=1e-6)
    assert recurring_usd_per_hour(offer) == pytest.approx(float(hourly), abs=1e-6)
    assert (offer.upfront_usd, offer.commitment_months) == (float(upfront), months)
    assert (offer.payment, f"payment:{payment}" in offer.flags) == (payment, True)


def test_contract_that_says_nothing_of_upfront_names_no_payment(asking: Any, kit: Any) -> None:
    for silent in ({}, {"upfront": ""}, {"upfront": None}):
        offer = contract_with(asking, kit, **silent).offers[0]
        assert (offer.usd_per_hour, offer.upfront_usd, offer.payment) == (38.0, None, "")


def test_contract_upfront_in_euros_is_converted_like_its_price(asking: Any, kit: Any) -> None:
    offer = contract_with(asking, kit, upfront=87600, price_per_hour=20, currency="EUR").offers[0]
    assert offer.upfront_usd == pytest.approx(87600 * 1.1699)
    assert offer.usd_per_hour == pytest.approx(30 * 1.1699)


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"upfront": 87600, "price_per_hour": None}, "missing_price: null"),
        ({"upfront": 0, "price_per_hour": 0}, "price_not_positive: 0"),
        ({"upfront": -1, "price_per_hour": 20}, "upfront_not_positive: -1"),
        ({"upfront": False, "price_per_hour": 20}, "upfront_not_a_number: a flag"),
        ({"upfront": "ask us", "price_per_hour": 20}, "upfront_not_a_number: ask us"),
        ({"upfront": 1, "price_per_hour": 20, "term": "spot"}, "upfront_without_commitment: 'spot'"),
        ({"upfront": 1, "price_per_hour": 20, "term": "for_ever"}, "unknown_term: 'for_ever'"),
        ({"upfront": 10, "price_per_hour": 0}, "price_out_of_band"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_contract_with_a_bad_part_is_quarantined(
    cells: dict[str, Any], reason: str, asking: Any, kit: Any
) -> None:
    result = contract_with(asking, kit, **cells)
    assert [offer.instance for offer in result.offers] == ["my-l40s-box"]
    assert [row.reason.startswith(reason) for row in result.quarantined] == [True], result.quarantined
