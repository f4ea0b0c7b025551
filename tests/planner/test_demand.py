"""Rates over the month and lengths of requests, from every form a scenario may hold."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.demand import PRESETS, Demand, Lengths, Period, parse_demand, parse_lengths
from planner.fields import FieldError
from planner.lengths import MAX_P95_OVER_MEAN
from planner.pricing.money import HOURS_PER_MONTH

rates = st.floats(1e-3, 1e5)
tokens = st.integers(1, 100_000)


def _hours(demand: Demand) -> float:
    return sum(p.hours_per_month for p in demand.periods)


@pytest.mark.parametrize("name", PRESETS)
def test_preset_fills_the_month_from_its_peak_down(name: str) -> None:
    demand = Demand.preset(name, peak_requests_per_s=10)
    levels = [p.requests_per_s for p in demand.periods]
    assert _hours(demand) == pytest.approx(HOURS_PER_MONTH)
    assert demand.peak_requests_per_s == 10 == levels[0]
    assert levels == sorted(levels, reverse=True)
    assert all(p.hours_per_month > 0 for p in demand.periods)


def test_office_hours_are_a_quarter_of_the_peak_on_average() -> None:
    assert Demand.preset("office_hours", peak_requests_per_s=1).mean_requests_per_s == pytest.approx(
        0.252, abs=1e-3
    )


def test_periods_short_of_a_month_leave_it_idle() -> None:
    demand = parse_demand([{"hours_per_month": 100, "requests_per_s": 5}])
    assert demand.periods[-1] == Period(HOURS_PER_MONTH - 100, 0.0)
    assert demand.mean_requests_per_s == pytest.approx(500 / HOURS_PER_MONTH)


def test_equal_rates_are_one_period() -> None:
    demand = Demand.of([Period(10, 5.0), Period(20, 1.0), Period(30, 5.0)])
    assert demand.periods[0] == Period(40, 5.0)


def test_a_batch_is_done_by_its_deadline() -> None:
    demand = Demand.volume(720_000, deadline_hours=20)
    assert demand.peak_requests_per_s == pytest.approx(10)
    assert demand.requests_per_month == pytest.approx(720_000)


@given(st.lists(st.tuples(st.floats(0.1, 70), rates), min_size=1, max_size=10), st.floats(0.01, 10))
def test_scaling_scales_mean_and_peak(periods: list[tuple[float, float]], factor: float) -> None:
    demand = Demand.of([Period(h, r) for h, r in periods])
    scaled = demand.scaled(factor)
    assert _hours(demand) == pytest.approx(HOURS_PER_MONTH)
    assert scaled.mean_requests_per_s == pytest.approx(factor * demand.mean_requests_per_s)
    assert scaled.peak_requests_per_s == pytest.approx(factor * demand.peak_requests_per_s)
    assert demand.mean_requests_per_s <= demand.peak_requests_per_s * (1 + 1e-9)


BAD_DEMAND: list[tuple[object, str, str]] = [
    ({"preset": "office", "peak_requests_per_s": 1}, "preset", "unknown preset"),
    ({"preset": "diurnal"}, "peak_requests_per_s", "missing"),
    ({"preset": "diurnal", "peak_requests_per_s": 0}, "peak_requests_per_s", "0 is not above 0"),
    ({"preset": "diurnal", "peak_requests_per_s": math.inf}, "peak_requests_per_s", "more than"),
    ({"preset": "diurnal", "peak_requests_per_s": math.nan}, "peak_requests_per_s", "not a number"),
    ({"preset": "diurnal", "peak": 1}, "peak", "unknown key"),
    ({"periods": []}, "periods", "expected a list"),
    ([{"hours_per_month": 700}], "periods[0].requests_per_s", "missing"),
    ([{"hours_per_month": "x", "requests_per_s": 1}], "periods[0].hours_per_month", "not a number"),
    ([{"hours_per_month": 700, "requests_per_s": 1, "rate": 1}], "periods[0].rate", "unknown key"),
    ([{"hours_per_month": 400, "requests_per_s": i} for i in (1, 2)], "hours_per_month", "add up to 800"),
    ([{"hours_per_month": 4, "requests_per_s": 0}], "requests_per_s", "no period has any requests"),
    ([{"hours_per_month": 1, "requests_per_s": 1}] * 800, "periods", "at most"),
    ([3], "periods[0]", "expected"),
    (3, "", "expected"),
]


@pytest.mark.parametrize(("given", "field", "message"), BAD_DEMAND, ids=[str(b[0])[:40] for b in BAD_DEMAND])
def test_odd_demand_names_the_part(given: Any, field: str, message: str) -> None:
    with pytest.raises(FieldError, match=message) as caught:
        parse_demand(given)
    assert caught.value.field == field


def test_a_number_is_every_request_alike() -> None:
    lengths = parse_lengths(1024)
    assert (lengths.mean, lengths.p95, lengths.histogram) == (1024, 1024, ((1024.0, 1.0),))


@given(tokens, st.floats(1.0, MAX_P95_OVER_MEAN, exclude_max=True))
def test_lognormal_keeps_the_mean_and_puts_the_tail_above_p95(mean: int, ratio: float) -> None:
    lengths = Lengths.lognormal(mean, p95=mean * ratio)
    buckets = [t for t, _ in lengths.histogram]
    assert lengths.mean == pytest.approx(mean, rel=1e-5)
    assert sum(share for _, share in lengths.histogram) == pytest.approx(1)
    assert buckets == sorted(buckets)
    assert lengths.longest >= lengths.p95 * (1 - 1e-6) if lengths.p95 else False


def test_lognormal_tail_is_five_percent() -> None:
    assert Lengths.lognormal(1000, p95=2500).histogram[-1][1] == pytest.approx(0.05)


def test_randomised_lengths_average_nine_tenths() -> None:
    lengths = parse_lengths({"nominal": 1000, "randomised": True})
    assert lengths.randomised
    assert lengths.mean == pytest.approx(900)
    assert all(800 <= t <= 1000 for t, _ in lengths.histogram)


@given(st.lists(st.tuples(tokens, st.floats(0.01, 100)), min_size=1, max_size=20))
def test_histogram_shares_add_up_to_one(pairs: list[tuple[int, float]]) -> None:
    lengths = parse_lengths({"histogram": [list(p) for p in pairs]})
    total = sum(share for _, share in pairs)
    assert sum(share for _, share in lengths.histogram) == pytest.approx(1)
    assert lengths.mean == pytest.approx(sum(t * s for t, s in pairs) / total)


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=300))
def test_observed_lengths_keep_the_mean_in_few_buckets(logged: list[int]) -> None:
    lengths = Lengths.observed([float(t) for t in logged])
    assert lengths.mean == pytest.approx(sum(logged) / len(logged))
    assert len(lengths.histogram) <= 4
    assert lengths.p95 in logged


BAD_LENGTHS: list[tuple[object, str, str]] = [
    (0, "", "0 is not above 0"),
    (0.5, "", "less than one token"),
    (-3, "", "-3 is not above 0"),
    (1e30, "", "more than"),
    ("1024", "", "not a number"),
    (True, "", "not a number"),
    (None, "", "missing"),
    ({}, "mean", "missing"),
    ({"mean": 100, "p95": 90}, "p95", "below the mean"),
    ({"mean": 100, "p95": 500}, "p95", "give a histogram"),
    ({"mean": 100, "p_95": 200}, "p_95", "unknown key"),
    ({"histogram": []}, "histogram", "expected"),
    ({"histogram": [[100]]}, "histogram[0]", "expected"),
    ({"histogram": [[100, 0]]}, "histogram[0][1]", "0 is not above 0"),
    ({"histogram": [["x", 1]]}, "histogram[0][0]", "not a number"),
    ({"histogram": [[1, 1]] * 300}, "histogram", "at most"),
]


@pytest.mark.parametrize(
    ("given", "field", "message"), BAD_LENGTHS, ids=[str(b[0])[:40] for b in BAD_LENGTHS]
)
def test_odd_lengths_name_the_part(given: Any, field: str, message: str) -> None:
    with pytest.raises(FieldError, match=message) as caught:
        parse_lengths(given)
    assert caught.value.field == field
