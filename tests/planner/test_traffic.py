"""Traffic logs: rates out of CSV, lengths out of JSON lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.fields import FieldError
from planner.pricing.money import HOURS_PER_MONTH
from planner.traffic import demand_of_csv, lengths_of_jsonl


def _csv(*lines: str) -> str:
    return "\n".join(lines) + "\n"


def test_periods_are_taken_as_they_are() -> None:
    demand = demand_of_csv(_csv("hours_per_month,requests_per_s", "200,9", "530,1"))
    assert [(p.hours_per_month, p.requests_per_s) for p in demand.periods] == [(200, 9), (530, 1)]


def test_counts_become_rates_by_the_interval() -> None:
    lines = [f"2026-10-01T{hour:02d}:00:00Z,{3600 * (hour + 1)}" for hour in range(24)]
    demand = demand_of_csv(_csv("timestamp,requests", *lines))
    assert demand.peak_requests_per_s == pytest.approx(24)
    assert demand.mean_requests_per_s == pytest.approx(12.5, rel=0.01)


def test_order_of_lines_and_other_columns_do_not_matter() -> None:
    lines = ["120,2,b", "0,6,a", "60,4,c"]
    one = demand_of_csv(_csv("timestamp,requests_per_s,host", *lines))
    assert one == demand_of_csv(_csv("Timestamp, requests_per_s, host", *reversed(lines)))
    assert one.peak_requests_per_s == 6


def test_uneven_intervals_weigh_by_their_length() -> None:
    demand = demand_of_csv(_csv("timestamp,requests_per_s", "0,10", "10,0", "100,0"))
    assert demand.mean_requests_per_s == pytest.approx(10 * 10 / 150)


@given(st.lists(st.floats(0, 1e4), min_size=2, max_size=300).filter(any))
def test_the_peak_survives_and_the_mean_never_shrinks(rates: list[float]) -> None:
    demand = demand_of_csv(
        _csv("timestamp,requests_per_s", *(f"{60 * i},{r!r}" for i, r in enumerate(rates)))
    )
    assert demand.peak_requests_per_s == pytest.approx(max(rates))
    assert demand.mean_requests_per_s >= sum(rates) / len(rates) * (1 - 1e-9)
    assert sum(p.hours_per_month for p in demand.periods) == pytest.approx(HOURS_PER_MONTH)
    assert len(demand.periods) <= 10


BAD_CSV = [
    ("", "line 1", "expected the columns"),
    ("time,request\n1,2\n", "line 1", "did you mean requests"),
    ("timestamp,requests\n", "line 2", "no lines"),
    ("timestamp,requests\n0,5\n", "line 2", "at least two"),
    ("timestamp,requests\n0,5\n60,x\n", "line 3, requests", "'x' is not a number"),
    ("timestamp,requests\n0,5\n60\n", "line 3, requests", "missing"),
    ("timestamp,requests\n0,5\n60,-1\n", "line 3, requests", "-1.0 is not 0 or more"),
    ("timestamp,requests\n0,5\n60,nan\n", "line 3, requests", "not a number"),
    ("timestamp,requests\n0,5\n60,inf\n", "line 3, requests", "more than"),
    ("timestamp,requests\n0,5\n0,6\n", "line 3, timestamp", "occurs twice"),
    ("timestamp,requests\nyesterday,5\n60,6\n", "line 2, timestamp", "not a time"),
    ("timestamp,requests\nnan,5\n60,6\n", "line 2, timestamp", "not a number"),
    ("timestamp,requests\n0,5\n1e-9,1e9\n", "line 2, requests", "requests/s"),
    ("hours_per_month,requests_per_s\n800,1\n", "line 2, hours_per_month", "more than 730"),
    ("hours_per_month,requests_per_s\n0,1\n", "line 2, hours_per_month", "not above 0"),
    ("hours_per_month,requests_per_s\n500,1\n500,2\n", "hours_per_month", "add up to 1000"),
    ("timestamp,requests\n0,0\n60,0\n", "requests_per_s", "no period has any requests"),
    ('timestamp,requests\n"0,5\n', "line 2", "not CSV"),
]


@pytest.mark.parametrize(("text", "field", "message"), BAD_CSV, ids=[repr(b[0])[:50] for b in BAD_CSV])
def test_odd_csv_names_line_and_column(text: str, field: str, message: str) -> None:
    with pytest.raises(FieldError, match=message) as caught:
        demand_of_csv(text)
    assert caught.value.field == field


@given(
    st.text(max_size=80), st.sampled_from(["", "timestamp,requests\n", "hours_per_month,requests_per_s\n"])
)
def test_any_text_is_demand_or_a_field_error(text: str, header: str) -> None:
    where = "nowhere"
    try:
        assert demand_of_csv(header + text).peak_requests_per_s > 0
    except FieldError as error:
        where = error.field
    assert where


def test_lengths_are_read_under_their_name() -> None:
    text = '{"input_tokens": 10, "n": 500}\n\n{"input_tokens": 30, "n": 700}\n'
    assert lengths_of_jsonl(text, field="input_tokens").mean == 20
    assert lengths_of_jsonl(text, field="n").mean == 600


def test_an_empty_answer_counts_as_one_token() -> None:
    assert lengths_of_jsonl('{"n": 0}', field="n").mean == 1


BAD_JSONL = [
    ("", "line 1", "no requests"),
    ('{"input_tokens": 1}\n{"input_tokens": \n', "line 2", "not JSON"),
    ("[1]", "line 1", "expected an object"),
    ('{"input_token": 1}', "line 1, input_tokens", "did you mean input_token"),
    ('{"input_tokens": "9"}', "line 1, input_tokens", "not a number"),
    ('{"input_tokens": -9}', "line 1, input_tokens", "-9 is not 0 or more"),
    ('{"input_tokens": NaN}', "line 1, input_tokens", "not a number"),
    ('{"input_tokens": 1e99}', "line 1, input_tokens", "more than"),
    ("[" * 100_000, "line 1", "not JSON"),
]


@pytest.mark.parametrize(("text", "field", "message"), BAD_JSONL, ids=[repr(b[0])[:50] for b in BAD_JSONL])
def test_odd_json_lines_name_line_and_field(text: str, field: str, message: str) -> None:
    with pytest.raises(FieldError, match=message) as caught:
        lengths_of_jsonl(text, field="input_tokens")
    assert caught.value.field == field
