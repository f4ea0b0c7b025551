"""A user's measured runs change estimates and plans, and the plan says so."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

import planner
from planner.calibration.store import load_calibration
from planner.errors import DataError, InputError

HEADER = ("model,gpu,engine,engine_version,weight_precision,kv_precision,tp,pp,dp,ep,concurrency,input_tokens,"
          "output_tokens,lengths,ttft_ms,tpot_ms")  # fmt: skip
ASKED: dict[str, Any] = {"model": "Qwen/Qwen3-8B", "gpu": "l40s", "engine": "vllm", "weight_precision": "bf16",
                         "concurrency": 16, "input_tokens": 1024, "output_tokens": 256}  # fmt: skip
SCENARIO = """
[workloads.chat]
model = "Qwen/Qwen3-8B"
requests_per_s = 4
input_tokens = 1024
output_tokens = 256
ttft_ms = 3000
tpot_ms = 150
weight_precisions = ["bf16"]

[constraints]
gpus = ["l40s"]
engines = ["vllm"]
"""


def _own(tmp_path: Path, *, version: str = "", slower: float = 1.6) -> Path:
    plain = planner.estimate(**ASKED)
    assert plain.tpot_ms and plain.ttft_ms
    row = f"Qwen/Qwen3-8B,l40s,vllm,{version},bf16,bf16,1,1,1,1,16,1024,256,fixed"
    measured = f"{plain.ttft_ms.value:.6g},{slower * plain.tpot_ms.value:.6g}"
    source, path = tmp_path / "own.csv", tmp_path / "own.json"
    source.write_text(f"{HEADER}\n{row},{measured}\n", encoding="utf-8")
    path.write_text(planner.calibrate(source).to_json(), encoding="utf-8")
    return path


@pytest.mark.parametrize("version", ["", "0.24.0"])
def test_a_measured_run_moves_the_estimate_of_what_was_measured(tmp_path: Path, version: str) -> None:
    before = planner.estimate(**ASKED).tpot_ms
    after = planner.estimate(**ASKED, calibration=_own(tmp_path, version=version)).tpot_ms
    assert before and after
    assert 1.3 < after.value / before.value < 1.7
    assert after.high / after.low < before.high / before.low, "one run makes it surer"


def test_a_measured_run_changes_the_plan_its_digest_and_its_assumptions(tmp_path: Path) -> None:
    path = tmp_path / "planner.toml"
    path.write_text(SCENARIO, encoding="utf-8")
    scenario, day = planner.load_scenario(path), date(2026, 5, 1)
    shipped = planner.recommend(scenario, as_of=day)
    own = planner.recommend(scenario, as_of=day, calibration=_own(tmp_path))
    assert own.usd_per_month > shipped.usd_per_month, "slower than thought"
    assert shipped.digests.calibration == load_calibration().digest
    assert own.digests.calibration != shipped.digests.calibration
    said = {a.name: a.value for a in own.assumptions}
    assert said["your measurements"] == "1 point of yours pulls the predictions"
    assert "your measurements" not in {a.name for a in shipped.assumptions}


def test_other_runs_have_another_digest(tmp_path: Path) -> None:
    from planner.calibration.own import load_own

    first, second = (load_own(_own(tmp_path, slower=s)).digest for s in (1.6, 1.7))
    assert first != second


def test_a_file_that_is_no_calibration_is_named(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(DataError, match=r"own\.json"):
        planner.estimate(**ASKED, calibration=path)


def test_single_request_engines_take_no_measured_runs(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="calibration"):
        planner.estimate(model="llama-3.1-8b", gpu="rtx_4090", engine="llama.cpp", weight_precision="q4_k_m",
                         calibration=_own(tmp_path))  # fmt: skip
