"""Traces survive a file, and nothing imported or predicted can pass for measured."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.profiles import trace as t
from planner.profiles.errors import ProfileError
from planner.profiles.tracefile import (
    append,
    parse_row,
    read_traces,
    record_id,
    repair,
    sealed,
    shipped_traces,
    to_line,
    to_row,
)  # fmt: skip
from planner.profiles.verify import verify_file

SHAPE = {"m": 16, "n": 64, "k": 32}


def trace(**changes: Any) -> t.Trace:
    made = t.Trace(
        run_id="r1", session_seq=1, timestamp_utc="2026-11-22T18:00:00+00:00", status="OK", origin=t.MEASURED,
        device=t.Device("amd", "AMD EPYC", "cpu_amd_epyc_znver5"),
        kernel=t.Kernel("numpy_gemm", tunables={"tile": "64"}),
        job=t.Job("gemm", "fp32", SHAPE, 65536.0, 14336.0, seed_commitment="c" * 64),
        stats=t.Stats(30, 1e-3, p20_s=9e-4, p80_s=1.1e-3, cache_mode="hot", timer="cpu-time"),
        correctness=t.Correctness(seeds=3, err_norm=1e-7, findings=("quarantine: fast",)),
    )  # fmt: skip
    return replace(made, **changes)


def row(**changes: Any) -> dict[str, Any]:
    return {**json.loads(to_line(trace())), **changes}


def read(values: dict[str, Any]) -> t.Trace:
    return parse_row(values, where="file.jsonl:1")


def test_a_trace_comes_back_from_a_file_as_it_went_in(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    several = tuple(trace(session_seq=n) for n in range(3))
    append(file, several[:1])
    append(file, several[1:])
    assert read_traces(file) == tuple(sealed(x) for x in several)


def test_a_row_without_a_time_has_no_statistics(tmp_path: Path) -> None:
    back = read(json.loads(to_line(trace(status="UNSUPPORTED", stats=None))))
    assert back.stats is None and not back.timed


@given(st.floats(1e-9, 10), st.integers(1, 10**6), st.text(max_size=20))
def test_the_record_id_survives_any_numbers_and_words(median: float, n: int, note: str) -> None:
    line = to_line(trace(stats=t.Stats(n, median), note=note))
    back = json.loads(line)
    assert record_id(back) == back["record_id"] == record_id(to_row(read(back)))


def test_the_record_id_covers_what_was_measured_and_not_who_reviewed_it() -> None:
    one = record_id(to_row(trace()))
    assert record_id(to_row(trace().trusted(2))) == one
    assert record_id(to_row(trace(stats=t.Stats(30, 1.1e-3)))) != one


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "unknown_field": ({"medain_s": 1.0}, "medain_s: no such field; did you mean median_s?"),
    "text_for_number": ({"median_s": "fast"}, "median_s: 'fast' is not a positive number"),
    "negative_time": ({"median_s": -1.0}, "median_s: -1.0 is not a positive number"),
    "infinite_time": ({"median_s": float("inf")}, "median_s: inf is not"),
    "unknown_status": ({"status": "FINE"}, "status: 'FINE' is not one of OK"),
    "unknown_origin": ({"origin": "rumour"}, "origin: 'rumour' is not one of measured-here"),
    "missing_op": ({"op": None}, "op: null; give a value"),
    "float_axis": ({"shape": {"m": 1.5}}, "shape: .* is not Mapping"),
    "no_version": ({"schema_version": "1"}, "schema_version: '1' is not a version"),
    "trust_too_high": ({"trust_level": 9}, "trust_level: 9 is not 0 to 4"),
}


@pytest.mark.parametrize(("changes", "message"), BAD.values(), ids=BAD)
def test_a_bad_field_is_named_with_file_line_and_value(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ProfileError, match=f"file.jsonl:1: {message}") as error:
        read(row(**changes))
    assert "\n" not in str(error.value)


def test_a_field_left_out_that_every_trace_needs_is_named() -> None:
    values = row()
    del values["device_key"]
    with pytest.raises(ProfileError, match="device_key: missing"):
        read(values)


def test_a_newer_schema_may_have_fields_we_do_not_know() -> None:
    assert read(row(schema_version=2, colour="blue")).kernel.variant == "numpy_gemm"


Change = Callable[[t.Trace], t.Trace]
DISGUISES: dict[str, Change] = {
    "imported_without_source": lambda x: replace(x, origin=t.IMPORTED),
    "measured_with_a_source": lambda x: replace(x, source="somebody's table"),
    "measured_without_seeds": lambda x: replace(x, job=replace(x.job, seed_commitment=None)),
    "imported_with_trust_2": lambda x: replace(
        x, origin=t.IMPORTED, source="s", row_licence="MIT", trust=t.Trust(trust_level=2)
    ),
    "predicted_with_trust_1": lambda x: replace(x, origin=t.PREDICTED, trust=t.Trust(trust_level=1)),
}


@pytest.mark.parametrize("change", DISGUISES.values(), ids=DISGUISES)
def test_what_is_not_measured_here_cannot_say_that_it_is(change: Change) -> None:
    with pytest.raises(ProfileError):
        read(json.loads(to_line(change(trace()))))


def test_imported_and_predicted_rows_have_another_basis_and_a_cap_on_trust() -> None:
    imported = trace(origin=t.IMPORTED, source="a table", row_licence="MIT")
    assert (imported.basis, imported.trusted(4).trust.trust_level) == ("transferred", 1)
    assert (trace(origin=t.PREDICTED).basis, trace(origin=t.PREDICTED).trusted(4).trust.trust_level) == (
        "roofline",
        0,
    )
    assert trace().trusted(4).trust.trust_level == 4


def test_a_torn_last_line_is_refused_and_cut_off_by_repair(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    append(file, [trace()])
    whole = file.read_bytes()
    file.write_bytes(whole + whole[: len(whole) // 2])
    with pytest.raises(ProfileError, match=r"traces.jsonl:2: not JSON .*resume"):
        read_traces(file)
    assert repair(file) == len(whole) // 2
    assert file.read_bytes() == whole
    assert repair(file) == 0


def test_shipped_traces_are_measured_whole_and_accepted() -> None:
    traces = shipped_traces()
    assert len(traces) > 100
    assert all(x.origin == t.MEASURED and record_id(to_row(x)) == x.record_id for x in traces)
    assert {x.trust.trust_level for x in traces} <= {1, 2}
    for file in (Path(__file__).parents[2] / "profiles" / "data" / "traces").glob("*.jsonl"):
        found = verify_file(file)
        assert found.accepted, found.reasons
