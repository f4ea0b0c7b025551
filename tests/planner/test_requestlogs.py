"""Traffic out of logs and monitors: the curve they mean, and what is wrong with the others."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.demand import Demand
from planner.fields import FieldError
from planner.inputs import load_scenario
from planner.requestlogs import BIN_S, demand_of_prometheus, demand_of_text

HOUR = 3600


def _openai(moments: list[float], key: str = "created") -> str:
    return "\n".join(json.dumps({"id": "x", key: m, "model": "m"}) for m in moments)


def _prometheus(*series: list[list[Any]]) -> dict[str, Any]:
    result = [{"metric": {"pod": str(i)}, "values": values} for i, values in enumerate(series)]
    return {"status": "success", "data": {"resultType": "matrix", "result": result}}


@given(
    st.lists(st.floats(0, 20 * HOUR), min_size=2, max_size=300).filter(lambda m: max(m) - min(m) > 2 * BIN_S)
)
def test_a_log_keeps_its_mean_rate_and_never_loses_its_busiest_minutes(moments: list[float]) -> None:
    found = demand_of_text(_openai(moments))
    bins = int((max(moments) - min(moments)) // BIN_S) + 1
    assert found.mean_requests_per_s >= len(moments) / (bins * BIN_S) * (1 - 1e-6)
    assert sum(p.hours_per_month for p in found.periods) == pytest.approx(730)


def test_a_burst_is_the_peak() -> None:
    moments = [i * 60.0 for i in range(600)] + [7200 + i for i in range(300)]
    assert demand_of_text(_openai(moments)).peak_requests_per_s == pytest.approx(305 / BIN_S)


@pytest.mark.parametrize("key", ["timestamp", "created_at", "arrival_time", "ts"])
def test_the_time_may_have_several_names_and_forms(key: str) -> None:
    stamps = ["2026-11-22T10:00:00Z", "2026-11-22T10:06:00Z", "2026-11-22T10:06:01Z"]
    text = "\n".join(json.dumps({key: s}) for s in stamps)
    assert demand_of_text(text).peak_requests_per_s == pytest.approx(2 / BIN_S)


def test_a_vllm_log_is_read_across_new_year_and_other_lines_are_passed_over() -> None:
    text = ("INFO 12-31 23:58:00 [api_server.py:1] Started\n"
            "INFO 12-31 23:59:00 [logger.py:43] Received request cmpl-1: prompt\n"
            "INFO 01-01 00:05:00 [logger.py:43] Received request cmpl-2: prompt\n"
            "INFO 01-01 00:05:01 [logger.py:43] Received request cmpl-3: prompt\n")  # fmt: skip
    found = demand_of_text(text)
    assert found.peak_requests_per_s == pytest.approx(2 / BIN_S)
    assert found.mean_requests_per_s == pytest.approx(3 / (2 * BIN_S))


def test_a_prometheus_range_adds_its_series_up() -> None:
    one, two = [[t, "2"] for t in range(0, 3600, 60)], [[t, "1.5"] for t in range(0, 1800, 60)]
    found = demand_of_prometheus(_prometheus(one, two))
    assert found.peak_requests_per_s == pytest.approx(3.5)
    assert found.mean_requests_per_s == pytest.approx(2.75)
    assert demand_of_text(json.dumps(_prometheus(one, two), indent=1)) == found


def test_no_requests_at_all_is_nan_to_prometheus_and_zero_to_us() -> None:
    found = demand_of_prometheus(_prometheus([[0, "4"], [60, "NaN"], [120, "4"], [180, "NaN"]]))
    assert found.mean_requests_per_s == pytest.approx(2.0)


def test_csv_is_still_csv() -> None:
    assert demand_of_text("hours_per_month,requests_per_s\n200,9\n530,1\n").peak_requests_per_s == 9.0


@pytest.mark.parametrize(
    ("text", "field", "message"),
    [
        ('{"created": 1}\n{"cretaed": 2}', "line 2", "no time"),
        ('{"created": 1}\nx', "line 2", "not JSON"),
        ('{"created": 1}\n{"created": "soon"}', "line 2, created", "is not a time"),
        ('{"created": 1}\n{"created": 2}', "line 2", "must span"),
        ('[{"created": 1}]', "line 1", "a JSON list"),
        ('{"data": {"resultType": "vector", "result": []}}', "data.resultType", "is not a range"),
        ('{"data": {"resultType": "matrix", "result": []}}', "data.result", "no series"),
        (json.dumps(_prometheus([[0, "x"]])), "data.result[0].values[0]", "expected"),
        (json.dumps(_prometheus([[0, "-1"]])), "data.result[0].values[0]", "is not a rate"),
    ],
)
def test_odd_logs_name_the_place(text: str, field: str, message: str) -> None:
    with pytest.raises(FieldError, match=message) as error:
        demand_of_text(text)
    assert error.value.field == field


@given(st.text(max_size=200))
def test_any_text_is_demand_or_a_field_error(text: str) -> None:
    with contextlib.suppress(FieldError):
        assert isinstance(demand_of_text(text), Demand)


def test_a_scenario_names_a_log_as_its_demand(tmp_path: Any) -> None:
    (tmp_path / "log.jsonl").write_text(_openai([0.0, 400.0, 401.0]))
    (tmp_path / "planner.toml").write_text(
        "[workloads.chat]\nmodel = 'llama-3.1-8b'\ndemand = {file = 'log.jsonl'}\ninput_tokens = 9\noutput_tokens = 9\n"
    )
    (workload,) = load_scenario(tmp_path / "planner.toml").workloads.values()
    assert workload.demand.peak_requests_per_s == pytest.approx(2 / BIN_S)
