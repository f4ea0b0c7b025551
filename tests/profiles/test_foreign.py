"""Other projects' files become imported traces with source, licence and no more than what they say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from planner.profiles import trace as t
from planner.profiles.errors import ProfileError
from planner.profiles.importers.foreign import import_file
from planner.profiles.tracefile import parse_row, to_line
from planner.profiles.verify import verify_file

LIGER_HEAD = (
    "kernel_name,kernel_provider,kernel_operation_mode,metric_name,metric_unit,x_name,x_label,x_value,y_value_50,"
    "y_value_20,y_value_80,extra_benchmark_config_str,gpu_name,timestamp,liger_version\n"
)
WHERE = "NVIDIA A100-SXM4-80GB,2024-09-03 19:51:01,0.2.1\n"
STATED, SILENT = '"{""M"": 2048, ""dtype"": ""torch.bfloat16""}"', '"{""M"": 2048}"'
LIGER_ROWS = tuple(
    f"rms_norm,liger,{what},H,hidden size,4096,{times},{config},{WHERE}"
    for what, times, config in (
        ("forward,speed,ms", "0.05,0.049,0.052", STATED),
        ("backward,speed,ms", "0.2,0.2,0.2", STATED),
        ("forward,memory,MB", "9,9,9", STATED),
        ("forward,speed,ms", "0.0001,0.0001,0.0001", STATED),
        ("forward,speed,ms", "0.05,0.049,0.052", SILENT),
    )
)
AITER = (
    "gfx,cu_num,M,N,K,libtype,us\n"
    "gfx942,304,16,4096,4096,asm,20.5\n"
    "gfx942,80,16,4096,4096,asm,20.5\n"
    "gfx942,304,1,1,1,asm,0\n"
)
FLASHINFER = {
    "definition": "gemm_bf16_n4096_k4096", "solution": "torch_matmul", "workload": {"axes": {"M": 16}, "uuid": "u"},
    "evaluation": {
        "status": "PASSED", "timestamp": "2026-01-02T00:00:00", "environment": {"hardware": "NVIDIA H100 SXM 80GB"},
        "performance": {"latency_ms": 0.02},
    },
}  # fmt: skip


def written(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_a_liger_row_keeps_its_spread_and_everything_else_is_counted(tmp_path: Path) -> None:
    found = import_file(written(tmp_path, "all.csv", LIGER_HEAD + "".join(LIGER_ROWS)), when="2026-11-22")
    (row,) = found.traces
    assert (row.job.op, row.job.shape, row.device.device_key) == (
        "rmsnorm",
        {"tokens": 2048, "width": 4096},
        "a100_sxm",
    )
    assert row.stats is not None
    assert (row.stats.p20_s, row.stats.median_s, row.stats.p80_s) == pytest.approx((4.9e-5, 5e-5, 5.2e-5))
    assert row.timestamp_utc == "2024-09-03 19:51:01"
    assert set(found.left_out.values()) == {1}
    assert sorted(found.left_out) == [
        "dtype not stated", "faster than the roofline: a warm cache or a wrong row", "memory, not time",
        "not the forward pass",
    ]  # fmt: skip


def test_an_aiter_row_of_an_unknown_product_or_a_placeholder_time_is_left_out(tmp_path: Path) -> None:
    found = import_file(written(tmp_path, "tuned.csv", AITER), when="2026-11-22")
    (row,) = found.traces
    assert (row.device.device_key, row.kernel.variant, row.row_licence) == ("mi300x", "aiter_asm_gemm", "MIT")
    assert row.stats is not None and row.stats.p20_s is None
    assert sum(found.left_out.values()) == 2


def test_a_flashinfer_bench_trace_takes_constant_axes_from_its_definition(tmp_path: Path) -> None:
    silent = {**FLASHINFER, "definition": "gemm_n4096_k4096"}
    failed = {**FLASHINFER, "evaluation": {"status": "INCORRECT_NUMERICAL"}}
    text = "".join(json.dumps(row) + "\n" for row in (FLASHINFER, silent, failed))
    found = import_file(written(tmp_path, "traces.jsonl", text), when="2026-11-22")
    (row,) = found.traces
    assert row.job.shape == {"m": 16, "n": 4096, "k": 4096}
    assert set(found.left_out) == {
        "status INCORRECT_NUMERICAL",
        "dtype stands in the definition's own file, not in the trace",
    }


def test_imported_rows_say_so_and_verification_never_gives_them_more_than_trust_1(tmp_path: Path) -> None:
    found = import_file(written(tmp_path, "tuned.csv", AITER), when="2026-11-22")
    for row in found.traces:
        assert (row.origin, row.basis, row.trust.trust_level) == (t.IMPORTED, "transferred", 1)
        assert row.source and row.row_licence and row.correctness.seeds == 0
        assert parse_row(json.loads(to_line(row)), where="x").origin == t.IMPORTED
    file = written(tmp_path, "out.jsonl", "".join(map(to_line, found.traces)))
    verdict = verify_file(file)
    assert verdict.accepted, verdict.reasons
    assert verdict.trust_level == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "not known; one of liger, aiter, flashinfer-bench"),
        ('{"request_throughput": 3, "mean_ttft_ms": 4}\n', "planner calibrate takes those"),
        ('{"definition": 1\n', ":1: not JSON"),
        ("M,N,K,us\n1,1,1,0\n", "no usable row of 1: placeholder time"),
    ],
)
def test_a_file_we_cannot_use_is_one_line_with_the_reason(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        import_file(written(tmp_path, "file", text), when="2026-11-22")
