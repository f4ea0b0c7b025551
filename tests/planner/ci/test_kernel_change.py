"""A kernel change in the pipeline: two trace files become dollars on the fleet, of either sign, and a gate."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from planner.cli import app
from planner.profiles.trace import Device, Job, Kernel, Stats, Trace
from planner.profiles.tracefile import append, sealed

SCENARIO = """\
[workloads.chat]
model = "llama-3.1-8b"
requests_per_s = 300
input_tokens = 1024
output_tokens = 256
ttft_ms = 1000
tpot_ms = 40
weight_precisions = ["fp8"]
kv_precisions = ["fp8"]

[constraints]
gpus = ["h100_sxm"]
engines = ["vllm"]
terms = ["on_demand"]
marketplace = false

[policy]
min_kernel_value_usd_per_month = 0
"""
VARIANT = "flash_attn_3"


def traces(path: Path, *, times: float, status: str = "OK") -> None:
    stats = Stats(
        30, 1e-3 * times, p20_s=0.99e-3 * times, p80_s=1.01e-3 * times, cache_mode="hot", timer="events"
    )
    rows = [
        Trace("run", i, "2026-11-22T00:00:00Z", status if i == 0 else "OK", "measured-here",
              Device("nvidia", "NVIDIA H100 80GB HBM3", "h100_sxm"), Kernel(VARIANT),
              Job("attention_decode", "bf16", {"batch": 8 * (i + 1)}, 1e9, 1e6, seed_commitment="c" * 64),
              stats if status == "OK" or i else None)
        for i in range(3)
    ]  # fmt: skip
    append(path, [sealed(t) for t in rows])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("planner.toml").write_text(SCENARIO)
    traces(Path("before.jsonl"), times=1.0)
    return tmp_path


def check(*more: str) -> tuple[int, dict[str, object], str]:
    files = ("--kernels-before", "before.jsonl", "--kernels-after", "after.jsonl")
    arguments = ["check", "--format", "json", "--as-of", "2026-11-22", *files, *more]
    done = CliRunner().invoke(app, arguments, prog_name="planner")
    return done.exit_code, json.loads(done.stdout) if done.stdout else {}, done.stderr


@pytest.mark.parametrize(("times", "code", "sign"), [(0.5, 0, 1), (1.0, 0, 0), (2.0, 3, -1)])
def test_a_faster_kernel_saves_a_slower_one_costs_and_fails(
    folder: Path, times: float, code: int, sign: int
) -> None:
    traces(Path("after.jsonl"), times=times)
    found, document, _ = check()
    assert found == code
    (rule,) = document["checked"]  # type: ignore[misc]
    assert rule["rule"] == "min_kernel_value_usd_per_month"
    assert (rule["value"] > 0) - (rule["value"] < 0) == sign
    worth = document["plan"]["analyses"]["kernel_value"]["worth"][0]["usd_per_month"]  # type: ignore[index]
    assert worth["low"] <= worth["value"] <= worth["high"]


def test_a_cell_that_is_wrong_now_is_warned_about(folder: Path) -> None:
    traces(Path("after.jsonl"), times=1.0, status="INCORRECT")
    found, document, _ = check()
    assert found == 0
    remarks = [f["message"] for f in document["remarks"] if f["rule"] == "kernel_change"]  # type: ignore[union-attr]
    assert "INCORRECT" in remarks[0]


def test_kernels_value_says_what_the_change_is_worth(folder: Path) -> None:
    traces(Path("after.jsonl"), times=0.5)
    arguments = ["kernels", "value", "planner.toml", "--before", "before.jsonl", "--after", "after.jsonl"]
    done = CliRunner().invoke(app, [*arguments, "--format", "json"], prog_name="planner")
    assert done.exit_code == 0, done.output
    assert "speedup" in done.stdout


def test_one_file_alone_is_a_usage_error_and_files_without_a_common_cell_bad_input(folder: Path) -> None:
    alone = CliRunner().invoke(app, ["kernels", "value", "planner.toml", "--before", "before.jsonl"])
    assert alone.exit_code == 2
    Path("after.jsonl").write_text(Path("before.jsonl").read_text().replace('"h100_sxm"', '"l40s"'))
    found, _, said = check()
    assert found == 5
    assert len([line for line in said.splitlines() if line.startswith("planner: ")]) == 1
