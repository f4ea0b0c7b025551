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


QUOTES = {
    ("1yr", "No Upfront"): (None, "36.0"), ("1yr", "Partial Upfront"): ("148920", "17.0"),
    ("1yr", "All Upfront"): ("291708", "0.0000000000"), ("3yr", "No Upfront"): (None, "24.0"),
    ("3yr", "Partial Upfront"): ("302220", "11.5"), ("3yr", "All Upfront"): ("591300", "0.0000000000"),
}  # fmt: skip
"""Fee and rate of a p5.48xlarge by contract length and purchase option."""
PAYMENTS = {
    "No Upfront": "no_upfront",
    "Partial Upfront": "partial_upfront",
    "All Upfront": "all_upfront",
}


def reserved_rows(plain: dict[str, Any]) -> list[dict[str, Any]]:
    """All fees first, then the rates the other way round: partners never stand side by side."""
    fees, rates = [], []
    for number, ((length, option), (fee, rate)) in enumerate(QUOTES.items()):
        quote = plain | {
            "TermType": "Reserved", "OfferTermCode": f"TERM{number}", "LeaseContractLength": length,
            "PurchaseOption": option, "OfferingClass": "standard", "CapacityStatus": "Used",
        }  # fmt: skip
        fees += [quote | {"Unit": "Quantity", "PricePerUnit": fee}] if fee else []
        rates.append(quote | {"Unit": "Hrs", "PricePerUnit": rate})
    return [*fees, *reversed(rates)]


def aws_with(asking: Any, kit: Any, change: Any) -> Any:
    """The result of the sample list with the reserved quotes, after `change` of their rows."""
    case = kit.cases["aws"]
    documents = case.fresh()
    (rows,) = documents.values()
    rows[2:] = change(reserved_rows(rows[0]))
    return asking.result(case, kit.serving(case, documents))


def committed(result: Any) -> dict[tuple[str, str], Any]:
    assert result.status == "ok", result.message
    return {(o.term, o.payment): o for o in result.offers if o.term.startswith("committed")}


def test_aws_quotes_each_payment_option_at_its_effective_price(asking: Any, kit: Any) -> None:
    result = aws_with(asking, kit, lambda rows: rows)
    found = committed(result)
    assert {name: offer.usd_per_hour for name, offer in found.items()} == {
        ("committed_1y", "no_upfront"): 36.0, ("committed_1y", "partial_upfront"): 34.0,
        ("committed_1y", "all_upfront"): 33.3, ("committed_3y", "no_upfront"): 24.0,
        ("committed_3y", "partial_upfront"): 23.0, ("committed_3y", "all_upfront"): 22.5,
    }  # fmt: skip
    for (length, option), (fee, rate) in QUOTES.items():
        offer = found[f"committed_{length[:2]}", PAYMENTS[option]]
        assert (offer.upfront_usd, offer.commitment_months) == (float(fee or 0), int(length[0]) * 12)
        assert recurring_usd_per_hour(offer) == pytest.approx(float(rate), abs=1e-6)
        assert f"payment:{PAYMENTS[option]}" in offer.flags
    assert len({offer.key for offer in result.offers}) == len(result.offers) == 8
    assert result.quarantined == ()


@pytest.mark.parametrize("unit", ["Quantity", "Hrs"])
@pytest.mark.parametrize("option", ["Partial Upfront", "All Upfront"])
def test_aws_quote_without_its_partner_row_is_quarantined(
    option: str, unit: str, asking: Any, kit: Any
) -> None:
    def lose(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        lost = {"LeaseContractLength": "1yr", "PurchaseOption": option, "Unit": unit}
        return [row for row in rows if not lost.items() <= row.items()]

    result = aws_with(asking, kit, lose)
    assert len(committed(result)) == 5
    assert ("committed_1y", PAYMENTS[option]) not in committed(result)
    (held,) = result.quarantined
    assert held.reason == f"missing_partner_row: no row with Unit {unit}"
    assert held.row.startswith(f"aws p5.48xlarge us-east-1 committed_1y {PAYMENTS[option]} ABC.TERM")


@pytest.mark.parametrize(
    ("field", "value"),
    [("OfferTermCode", "OTHER"), ("SKU", "DEF"), ("Region Code", "eu-west-1"), ("Currency", "EUR")],
)
def test_aws_rows_of_different_quotes_are_not_joined(field: str, value: str, asking: Any, kit: Any) -> None:
    result = aws_with(asking, kit, lambda rows: [rows[0] | {field: value}, *rows[1:]])
    assert ("committed_1y", "partial_upfront") not in committed(result)
    assert {row.reason.partition(":")[0] for row in result.quarantined} == {"missing_partner_row"}
    assert len(result.quarantined) == 2


@pytest.mark.parametrize(
    ("unit", "price", "reason"),
    [
        ("Quantity", None, "missing_upfront"),
        ("Quantity", "-1", "upfront_not_positive: -1"),
        ("Quantity", "NaN", "upfront_not_finite: NaN"),
        ("Quantity", "0", "payment_contradicts_parts: 0 $ upfront and 17.0 $/h is not partial_upfront"),
        ("Hrs", None, "missing_price"),
        ("Hrs", "0", "payment_contradicts_parts: 148920 $ upfront and 0 $/h is not partial_upfront"),
    ],
)
def test_aws_quote_with_a_bad_part_is_quarantined(
    unit: str, price: str | None, reason: str, asking: Any, kit: Any
) -> None:
    def spoil(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        bad = {"LeaseContractLength": "1yr", "PurchaseOption": "Partial Upfront", "Unit": unit}
        return [row | {"PricePerUnit": price} if bad.items() <= row.items() else row for row in rows]

    result = aws_with(asking, kit, spoil)
    assert len(committed(result)) == 5
    assert [row.reason.startswith(reason) for row in result.quarantined] == [True], result.quarantined


def test_aws_parts_listed_twice_count_once_and_two_fees_leave_none(asking: Any, kit: Any) -> None:
    twice = aws_with(asking, kit, lambda rows: rows * 2)
    assert (len(committed(twice)), twice.quarantined) == (6, ())
    two = aws_with(asking, kit, lambda rows: [*rows, rows[0] | {"PricePerUnit": "150000"}])
    assert len(committed(two)) == 5
    assert {row.reason.partition(":")[0] for row in two.quarantined} == {"conflicting_prices"}


def test_aws_capacity_block_is_a_term_of_its_own_beside_on_demand(asking: Any, kit: Any) -> None:
    case = kit.cases["aws"]
    documents = case.fresh()
    (rows,) = documents.values()
    block = rows[0] | {"MarketOption": "CapacityBlock", "PricePerUnit": "31.46"}
    rows[2:] = [block, rows[1] | {"MarketOption": "CapacityBlock", "PricePerUnit": None}]
    result = asking.result(case, kit.serving(case, documents))
    assert {(offer.instance, offer.term): offer.usd_per_hour for offer in result.offers} == {
        ("p5.48xlarge", "on_demand"): 55.04, ("p5.48xlarge", "capacity_block"): 31.46,
        ("g6.xlarge", "on_demand"): 0.8048,
    }  # fmt: skip
    (offer,) = (offer for offer in result.offers if offer.term == "capacity_block")
    assert (offer.upfront_usd, offer.commitment_months, offer.payment) == (None, None, "")
    assert [row.reason.partition(":")[0] for row in result.quarantined] == ["missing_price"]
