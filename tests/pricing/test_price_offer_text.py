"""An offer survives a file, and a bad cell is named."""

from __future__ import annotations

import math
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.pricing.catalog import load_catalog
from planner.pricing.errors import PriceError
from planner.pricing.offer import COLUMNS, PARSERS, Offer, parse_cell, to_row, write_cell

OFFERS = load_catalog().offers


def test_the_published_columns_are_the_fields_in_this_order() -> None:
    assert tuple(field.name for field in fields(Offer)) == COLUMNS
    assert set(PARSERS) == set(COLUMNS)


@given(st.sampled_from(OFFERS))
def test_an_offer_reads_back_as_written(offer: Offer) -> None:
    cells = dict(zip(COLUMNS, to_row(offer), strict=True))
    assert Offer(**{column: parse_cell(column, cell, where="x") for column, cell in cells.items()}) == offer


@given(st.floats(min_value=1e-6, max_value=1e9))
def test_a_number_reads_back_exactly(value: float) -> None:
    assert parse_cell("usd_per_hour", write_cell(value), where="x") == value


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        ("usd_per_hour", "free", "is not a number"),
        ("usd_per_hour", "-1", "is not above 0"),
        ("usd_per_hour", "nan", "is not above 0"),
        ("usd_per_hour", "inf", "is not above 0"),
        ("usd_per_hour", "", "is not a number"),
        ("gpu_count", "0", "is not above 0"),
        ("term", "on-demand", "is not a term, did you mean on_demand?"),
        ("term", "xyz", "is not one of on_demand, spot"),
        ("as_of", "22/08/2026", "is not a date like 2026-08-22"),
        ("commitment_months", "1.5", "is not a whole number"),
        ("availability", "-2", "is negative or not finite"),
        ("seller", "", "is empty"),
    ],
)
def test_a_bad_cell_is_named_with_place_column_and_value(column: str, cell: str, reason: str) -> None:
    with pytest.raises(PriceError) as caught:
        parse_cell(column, cell, where="mine.csv: line 7")
    assert str(caught.value).startswith(f"mine.csv: line 7: {column}: {cell!r} {reason}")
    assert "\n" not in str(caught.value)


def test_an_unknown_is_an_empty_cell_not_a_zero() -> None:
    assert write_cell(None) == ""
    assert parse_cell("availability", "", where="x") is None
    assert parse_cell("availability", "0", where="x") == 0


def test_a_label_names_the_offer() -> None:
    offer = next(o for o in OFFERS if o.region is None)
    assert offer.label.split()[0] == offer.seller
    assert "(no region)" in offer.label
    assert math.isfinite(offer.usd_per_hour)
