"""Every provider meets every bad row: the row is quarantined with its reason, the good ones stay."""

from __future__ import annotations

from typing import Any

import pytest

PRICES = {
    "null_price": (None, "price"),
    "zero_price": (0, "price_not_positive"),
    "negative_price": (-3, "price_not_positive"),
    "nan_price": (float("nan"), "price"),
    "infinite_price": (float("inf"), "price"),
    "absurd_price": (90_000, "price_out_of_band"),
    "text_price": ("ask us", "price"),
    "endless_price": (10**400, "price"),
    "comma_price": ("1,234.50", "price"),
}
"""What is listed instead of a price in dollars, and how the reason begins."""
NOT_IN_FORMAT = {("nebius", "infinite_price"), ("gcp", "null_price")}
"""The page has no digits then and says so otherwise; units left out are zero in protocol buffers."""


UNDATED = ("digitalocean", "gcp", "gpuhunt", "lambda", "nebius", "oci", "runpod", "shadeform", "skypilot", "vast",
           "verda", "vultr")  # fmt: skip
"""Their answers state no date at all."""


def without(*providers: str) -> Any:
    """For providers in whose answers the fault cannot be."""

    def mark(test: Any) -> Any:
        test.left_out = providers
        return test

    return mark


def victim(case: Any, documents: Any) -> Any:
    return case.rows(documents)[1]


def listed(case: Any, value: Any) -> Any:
    """A value in the units and the type this provider writes prices in."""
    if isinstance(value, int):
        value *= int(case.scale)
    return value if value is None or not case.text else str(value)


def reason(case: Any, fault: str, default: str) -> str:
    return case.reasons.get(fault, default)


@pytest.mark.parametrize("fault", PRICES)
def test_a_bad_price_is_quarantined_and_the_other_rows_stay(
    case: Any, fault: str, asking: Any, kit: Any
) -> None:
    value, begins = PRICES[fault]
    documents = case.fresh()
    kit.samples.put(victim(case, documents), case.price, listed(case, value))
    if case.provider == "gcp":
        kit.samples.put(victim(case, documents), (*case.price[:-1], "nanos"), 0)
    result = asking.result(case, kit.serving(case, documents))
    assert result.status == "ok", result.message
    assert 0 < len(result.offers) < case.offers
    assert all(row.row and row.reason for row in result.quarantined)
    if (case.provider, fault) not in NOT_IN_FORMAT:
        wanted = reason(case, fault, begins)
        assert any(wanted in row.reason for row in result.quarantined), result.quarantined


# the first asks for known machines only, the second names the GPU in another document (see its traps)
@without("aws_spot", "oci")
def test_an_unknown_gpu_is_quarantined_by_name(case: Any, asking: Any, kit: Any) -> None:
    documents = case.fresh()
    kit.samples.put(victim(case, documents), case.gpu, case.unknown)
    result = asking.result(case, kit.serving(case, documents))
    assert result.status == "ok", result.message
    assert len(result.offers) == case.offers - case.per_machine
    if case.provider != "gcp":  # a part that no machine of the table needs is not looked at
        assert any(row.reason.startswith("unknown_gpu") for row in result.quarantined), result.quarantined


# the answer has no field for a currency, and the documents say dollars
@without("aws_spot", "skypilot")
def test_a_currency_without_a_rate_is_quarantined(case: Any, asking: Any, kit: Any) -> None:
    documents = case.fresh()
    kit.samples.put(victim(case, documents), case.currency, "¥" if case.provider == "nebius" else "JPY")
    result = asking.result(case, kit.serving(case, documents))
    assert result.status == "ok", result.message
    assert 0 < len(result.offers) < case.offers
    assert any("unknown_currency" in row.reason for row in result.quarantined), result.quarantined


# no field for a currency; a machine of gcp is summed first (see its traps)
@without("aws_spot", "skypilot", "gcp")
def test_euros_become_dollars_and_keep_their_name(case: Any, asking: Any, kit: Any) -> None:
    plain = asking.result(case)
    documents = case.fresh()
    kit.samples.put(victim(case, documents), case.currency, "€" if case.provider == "nebius" else "EUR")
    result = asking.result(case, kit.serving(case, documents))
    dollars = {offer.key: offer.usd_per_hour for offer in plain.offers}
    euros = [offer for offer in result.offers if offer.currency == "EUR"]
    assert len(euros) == case.per_machine
    # vast: the disk is added before the rate is applied
    assert all(o.usd_per_hour == pytest.approx(1.1699 * dollars[o.key], rel=1e-5) for o in euros)


@without(*UNDATED)
def test_a_price_from_the_future_is_quarantined(case: Any, asking: Any, kit: Any) -> None:
    assert case.dated
    documents = case.fresh()
    stated = kit.samples.find(victim(case, documents), case.dated)
    kit.samples.put(victim(case, documents), case.dated, "2027" + stated[4:])
    result = asking.result(case, kit.serving(case, documents))
    assert len(result.offers) == case.offers - 1
    assert any(row.reason.startswith("future_dated: 2027") for row in result.quarantined)


# an object has each type once
@without("lambda")
def test_repeated_rows_count_once(case: Any, asking: Any, kit: Any) -> None:
    documents = case.fresh()
    rows = case.rows(documents)
    rows += [*map(dict, rows)]
    result = asking.result(case, kit.serving(case, documents))
    assert (result.status, len(result.offers)) == ("ok", case.offers), result.message
    assert result.quarantined == ()


# one row by construction, or the cheapest zone by rule
@without("lambda", "nebius", "oci", "aws_spot", "skypilot")
def test_two_prices_for_one_machine_leave_none(case: Any, asking: Any, kit: Any) -> None:
    documents = case.fresh()
    rows = case.rows(documents)
    double = kit.samples.copy.deepcopy(rows[1])
    found = kit.samples.find(double, case.price)
    kit.samples.put(double, case.price, str(float(found) + 1) if isinstance(found, str) and "." in found else
                    str(int(found) + 1) if isinstance(found, str) else found * 1.5)  # fmt: skip
    rows.append(double)
    result = asking.result(case, kit.serving(case, documents))
    assert 0 < len(result.offers) < case.offers
    assert any("conflicting_prices" in row.reason for row in result.quarantined), result.quarantined


def test_a_renamed_price_field_is_named_with_its_provider(case: Any, asking: Any, kit: Any) -> None:
    documents = case.fresh()
    for row in case.rows(documents):
        if case.price[-1] in kit.samples.find(row, case.price[:-1]):
            kit.samples.rename(row, case.price, f"new_{case.price[-1]}")
    result = asking.result(case, kit.serving(case, documents))
    assert result.status == "failed"
    assert result.offers == ()
    assert f"{case.provider}." in result.message
    assert ("prices" if case.provider == "nebius" else case.price[-1]) in result.message


def test_every_offer_of_a_good_answer_is_dated_and_sourced(case: Any, asking: Any, kit: Any) -> None:
    for offer in asking.result(case).offers:
        assert offer.as_of == (None if case.provider in {"skypilot", "gpuhunt"} else kit.today.isoformat())
        assert offer.source
        assert offer.licence
        assert offer.age_days is None


def leaves(value: Any, path: tuple[str, ...] = ()) -> Any:
    """Paths of all fields of a row, inner ones too."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield (*path, name)
            yield from leaves(inner, (*path, name))
    elif isinstance(value, list) and value:
        yield from leaves(value[0], (*path, "0"))


def test_no_field_can_be_renamed_silently(case: Any, asking: Any, kit: Any) -> None:
    """Either nobody reads the field and nothing changes, or the provider fails and names it."""
    plain = asking.result(case).offers
    for path in leaves(case.rows(case.fresh())[0]):
        documents = case.fresh()
        for row in case.rows(documents):
            try:
                kit.samples.rename(row, path, f"{path[-1]}_new")
            except KeyError:
                continue
        result = asking.result(case, kit.serving(case, documents))
        if result.status == "ok":
            assert result.offers == plain, path
        else:
            assert case.provider in result.message
            assert path[-1] in result.message or case.provider == "nebius", (path, result.message)
