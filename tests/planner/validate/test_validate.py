"""`validate`: what is read, what is scored, what the predictor cannot see."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from planner.errors import DataError
from planner.validate import validate
from planner.validate.run import COLUMNS

SAMPLE = Path(__file__).parents[2] / "data" / "validation" / "development_sample.csv"
Rows = list[dict[str, str]]


@pytest.fixture(scope="module")
def rows() -> Rows:
    with SAMPLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, rows: Rows) -> Path:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(out.getvalue(), encoding="utf-8")
    return path


def predicted(rows: Rows, tmp_path: Path) -> list[dict[str, str]]:
    out = tmp_path / "out.csv"
    validate(write(tmp_path / "in.csv", rows), out)
    with out.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_sample_rows_carry_source_and_are_all_answered(rows: Rows, tmp_path: Path) -> None:
    assert all(row["source"] for row in rows)
    found = predicted(rows, tmp_path)
    assert [row["row"] for row in found] == [str(i) for i in range(1, len(rows) + 1)]
    assert tuple(found[0]) == COLUMNS
    assert all(row["status"] == "ok" for row in found)


def test_no_prediction_depends_on_measurements_ids_or_sources(rows: Rows, tmp_path: Path) -> None:
    before = predicted(rows, tmp_path)
    shuffled = random.Random(7).sample(rows, len(rows))
    hidden = ("ttft_ms", "tpot_ms", "source", "as_of")
    mixed = [row | {name: other[name] for name in hidden} | {"id": f"x{i}"}
             for i, (row, other) in enumerate(zip(rows, shuffled, strict=True))]  # fmt: skip
    after = predicted(mixed, tmp_path)
    assert [row | {"id": ""} for row in after] == before


def test_rows_without_measurements_are_predicted(rows: Rows, tmp_path: Path) -> None:
    blank = [row | {"ttft_ms": "", "tpot_ms": ""} for row in rows]
    assert predicted(blank, tmp_path) == predicted(rows, tmp_path)


def test_intervals_hold_the_value_and_the_margin_is_above_it(rows: Rows, tmp_path: Path) -> None:
    for row in predicted(rows, tmp_path):
        for name in ("ttft", "tpot"):
            low, value, high = (float(row[f"{name}_{end}"]) for end in ("low", "ms", "high"))
            assert low < value < high
        assert float(row["tpot_admit_ms"]) > float(row["tpot_ms"])


def test_unknown_names_are_refused_with_a_reason_and_the_rest_answered(rows: Rows, tmp_path: Path) -> None:
    strange = [
        rows[0] | {"model": "acme/nothing-7b"},
        rows[1] | {"gpu": "abacus"},
        rows[2] | {"engine": "excel"},
    ]
    found = predicted([*strange, *rows[3:6]], tmp_path)
    assert [row["status"] for row in found] == ["refused"] * 3 + ["ok"] * 3
    assert all(row["reason"] and not row["tpot_ms"] for row in found[:3])


def test_settings_one_may_leave_out_are_the_engines_defaults(rows: Rows, tmp_path: Path) -> None:
    some = [
        row
        for row in rows
        if (row["cuda_graphs"], row["stream_interval"], row["accepted_tokens"]) == ("on", "1", "1")
    ]
    names = ("cuda_graphs", "stream_interval", "accepted_tokens")
    bare = [{k: v for k, v in row.items() if k not in names} for row in some]
    assert predicted(bare, tmp_path) == predicted(some, tmp_path)


def test_stated_settings_change_what_is_predicted(rows: Rows, tmp_path: Path) -> None:
    plain = rows[0] | {"max_running": "", "scheduler": ""}
    changed = [plain | c for c in ({"cuda_graphs": "off"}, {"accepted_tokens": "2"}, {"max_running": "2"},
                                   {"stream_interval": "50"}, {"scheduler": "prefill_first"})]  # fmt: skip
    first, *others = ((row["ttft_ms"], row["tpot_ms"]) for row in predicted([plain, *changed], tmp_path))
    assert first not in others


def test_score_is_on_distinct_measurements(rows: Rows, tmp_path: Path) -> None:
    once = validate(write(tmp_path / "once.csv", rows))
    twice = validate(write(tmp_path / "twice.csv", rows + rows))
    assert twice.answered.distinct == once.answered.distinct == len(rows)
    assert twice.rows == once.rows


def test_record_is_canonical_json(rows: Rows, tmp_path: Path) -> None:
    score = validate(write(tmp_path / "in.csv", rows))
    data = json.loads(score.to_json())
    assert data["answered"]["rows"] == len(rows)
    assert {"all", "vllm", "sglang", "trtllm"} <= {row["group"] for row in data["rows"]}


def cell(name: str, value: str) -> Callable[[Rows], Rows]:
    return lambda rows: [r | {name: value if i == 1 else r.get(name, "")} for i, r in enumerate(rows[:4])]


@pytest.mark.parametrize(
    ("damage", "names"),
    [
        (cell("input_tokens", "many"), ["row 2", "input_tokens", "'many'"]),
        (cell("concurrency", "-1"), ["row 2", "concurrency", "'-1'"]),
        (cell("tpot_ms", "nan"), ["row 2", "tpot_ms", "'nan'"]),
        (cell("tp", "1.5"), ["row 2", "tp", "'1.5'"]),
        (cell("lengths", "odd"), ["row 2", "lengths", "'odd'"]),
        (cell("cuda_graphs", "maybe"), ["row 2", "cuda_graphs", "'maybe'", "on, off"]),
        (cell("scheduler", "mixde"), ["row 2", "scheduler", "did you mean mixed"]),
        (cell("stream_interval", "1.5"), ["row 2", "stream_interval", "'1.5'"]),
        (cell("kv_precision", "fp9"), ["row 2", "kv_precision", "fp8"]),
        (lambda rows: [{k: v for k, v in r.items() if k != "engine"} for r in rows[:2]],
         ["recognised", "planner measurements", "engine"]),
    ],
    ids=["word", "negative", "not finite", "fraction", "lengths", "graphs", "scheduler", "interval", "format",
         "header"],
)  # fmt: skip
def test_a_bad_cell_is_named_on_one_line(
    rows: Rows, tmp_path: Path, damage: Callable[[Rows], Rows], names: list[str]
) -> None:
    path = write(tmp_path / "bad.csv", damage(rows))
    with pytest.raises(DataError) as caught:
        validate(path)
    message = str(caught.value)
    assert "\n" not in message
    for name in [str(path), *names]:
        assert name in message


@pytest.mark.parametrize("content", [b"", b"a,b\n", b"\xff\xfe\x00x", b'a,b\n"x', b"a,a\n1,2\n", b"a,b\n1\n"])
def test_what_is_no_table_is_a_data_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"x\.csv"):
        validate(path)


def test_a_missing_file_is_a_data_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        validate(tmp_path / "none.csv")


def test_no_prediction_depends_on_the_order_of_rows(rows: Rows, tmp_path: Path) -> None:
    forward, backward = predicted(rows, tmp_path), predicted(rows[::-1], tmp_path)[::-1]
    assert [row | {"row": ""} for row in forward] == [row | {"row": ""} for row in backward]
