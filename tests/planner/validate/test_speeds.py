"""Files of published speeds are recognised, answered row by row and scored."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from planner.validate import SpeedAccuracy, validate

HEADER = ("device,device_as_reported,count,framework,model,quant,batch,prompt_len,gen_len,metric,"
          "prefill_tok_s,decode_tok_s,source")  # fmt: skip
ROWS = (
    "NVIDIA RTX 4090,RTX 4090,1,llama.cpp,Llama 3 8B,Q4_K_M,,1024,512,llama-bench pp/tg,9000,150,x",
    "NVIDIA RTX 4090,RTX 4090,1,llama.cpp,No Such Model,Q4_K_M,,1024,512,llama-bench pp/tg,1,1,x",
    "NVIDIA RTX 4090,RTX 4090,1,llama.cpp,Llama 3 8B,F16,,1024,512,llama-bench pp/tg,,55,x",
)


@pytest.fixture
def speeds(tmp_path: Path) -> Path:
    path = tmp_path / "speeds.csv"
    path.write_text("\n".join((HEADER, *ROWS)) + "\n", encoding="utf-8")
    return path


def test_every_row_gets_a_line_and_refusals_say_why(speeds: Path, tmp_path: Path) -> None:
    score = validate(speeds, tmp_path / "out.csv")
    assert isinstance(score, SpeedAccuracy)
    assert (score.rows_in_file, score.answered) == (3, 2)
    lines = list(csv.DictReader((tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()))
    assert [line["status"] for line in lines] == ["ok", "refused", "ok"]
    assert lines[1]["reason"]
    low, value, high = (float(lines[0][f"decode_tok_s{end}"]) for end in ("_low", "", "_high"))
    assert low < value < high


def test_missing_measurements_are_not_scored(speeds: Path) -> None:
    score = validate(speeds)
    assert isinstance(score, SpeedAccuracy)
    counts = {row.quantity: row.rows for row in score.rows if row.group == "all"}
    assert counts == {"prefill_tok_s": 1, "decode_tok_s": 2}


def test_measured_speeds_change_no_prediction(speeds: Path, tmp_path: Path) -> None:
    validate(speeds, tmp_path / "a.csv")
    other = tmp_path / "other.csv"
    other.write_text(speeds.read_text(encoding="utf-8").replace("9000,150,x", "1,2,y"), encoding="utf-8")
    validate(other, tmp_path / "b.csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
