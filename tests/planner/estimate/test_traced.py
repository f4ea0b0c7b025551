"""Estimates from our own traces: the sum of ops that were measured, and a refusal where nothing speaks for one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from planner.errors import DoesNotFit, InputError
from planner.estimate.traced import traced_estimate
from planner.kernels import op
from planner.models import resolve_model
from planner.profiles import trace as t
from planner.profiles.errors import ProfileError
from planner.profiles.traced import traced

BANDWIDTH, RATE = 20e9, 80e9
"""A machine that does every op at exactly these."""
HEADS = {"heads": 32, "kv_heads": 8, "head_dim": 64}
LINEAR = ((3072, 2048), (2048, 2048), (16384, 2048), (2048, 8192))
LOGITS = (128256, 2048)


def decode_shape(kv_len: int) -> dict[str, int]:
    return {"batch": 1, "kv_len": kv_len, "kv_len_min": kv_len, **HEADS, "page": 16}


SHAPES = (
    *(("gemm", {"m": m, "n": n, "k": k}) for m in (1, 16, 256) for n, k in (*LINEAR, LOGITS)),
    *(("attention_prefill", {"batch": 1, "length": n, **HEADS}) for n in (64, 256)),
    *(("attention_decode", decode_shape(n)) for n in (256, 1024)),
    *(
        (name, {"tokens": n, "width": w})
        for n in (1, 256)
        for name, w in (("add_rmsnorm", 2048), ("swiglu", 8192))
    ),
    *(("rope", {"tokens": n, **HEADS}) for n in (1, 256)),
)


def seconds(name: str, shape: dict[str, int]) -> float:
    return max(op(name).flops(shape) / RATE, op(name).bytes(shape, "fp32") / BANDWIDTH)


def rows(family: str = "torch_eager", memory_gb: float = 32.0) -> Iterator[t.Trace]:
    device = t.Device("amd", "A core", "cpu_a", memory_gb=memory_gb)
    for name, shape in SHAPES:
        yield t.Trace(
            run_id="r", session_seq=1, timestamp_utc="2026-11-22T00:00:00+00:00", status="OK", origin=t.MEASURED,
            device=device, kernel=t.Kernel(f"{family}_{name}"),
            job=t.Job(name, "fp32", shape, op(name).flops(shape), op(name).bytes(shape, "fp32"), seed_commitment="s"),
            stats=t.Stats(30, seconds(name, shape), cache_mode="cold-rotate", timer="cpu-time"),
            derived=t.Derived(ceiling_copy_bytes_per_s=BANDWIDTH, ceiling_gemm_flops_per_s=RATE),
            trust=t.Trust(trust_level=2),
        )  # fmt: skip


def estimate(model: str = "llama-3.2-1b", **changes: object):  # type: ignore[no-untyped-def]
    told = {
        "device": "cpu_a",
        "engine": "torch",
        "precision": "fp32",
        "concurrency": 1,
        "lengths": (256.0, 1536.0),
    }
    return traced_estimate(resolve_model(model), list(rows()), **(told | changes))  # type: ignore[arg-type]


def test_a_step_made_of_measured_ops_is_their_sum_and_is_called_measured() -> None:
    found = estimate()
    layer = sum(seconds("gemm", {"m": 1, "n": n, "k": k}) for n, k in LINEAR)
    layer += seconds("attention_decode", decode_shape(1024)) + seconds("rope", {"tokens": 1, **HEADS})
    layer += 2 * seconds("add_rmsnorm", {"tokens": 1, "width": 2048}) + seconds(
        "swiglu", {"tokens": 1, "width": 8192}
    )
    step = 16 * layer + seconds("gemm", {"m": 1, "n": LOGITS[0], "k": LOGITS[1]})
    assert found.tpot_ms.value == pytest.approx(1e3 * step, rel=1e-6)
    assert found.tpot_ms.basis == found.ttft_ms.basis == "measured"
    assert found.measured_share == pytest.approx(1.0)
    assert sum(o.time_share for o in found.ops if o.phase == "decode") == pytest.approx(1.0)


def test_what_lies_between_or_beside_the_points_says_so_and_widens_the_interval() -> None:
    exact, beside = estimate(), estimate(lengths=(100.0, 100.0))
    assert beside.ttft_ms.basis in ("interpolated", "transferred")
    width = [(q.high - q.low) / q.value for q in (exact.ttft_ms, beside.ttft_ms)]
    assert width[1] > width[0]


def test_an_engine_without_an_op_borrows_it_from_torch_by_name() -> None:
    mixed = [*rows(), *(x for x in rows("onnxruntime_cpu") if x.job.op == "gemm")]
    told = {
        "device": "cpu_a",
        "engine": "onnxruntime",
        "precision": "fp32",
        "concurrency": 1,
        "lengths": (256.0, 64.0),
    }
    found = traced_estimate(resolve_model("llama-3.2-1b"), mixed, **told)  # type: ignore[arg-type]
    assert {o.variant for o in found.ops if o.op in ("gemm", "rope")} == {
        "onnxruntime_cpu_gemm",
        "torch_eager_rope",
    }


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"concurrency": 2}, InputError, "concurrency: 2 is not 1"),
        ({"model": "mixtral-8x7b"}, InputError, "needs ops that are not measured"),
        ({"engine": "vllm"}, ProfileError, "engine 'vllm' is not measured"),
        ({"precision": "bf16"}, ProfileError, "precision 'bf16' is not measured"),
        ({"device": "cpu_b"}, ProfileError, "cpu_b: nothing is measured here"),
        ({"model": "llama-3.1-70b"}, DoesNotFit, "GiB, it has"),
    ],
)
def test_what_nothing_measured_speaks_for_is_refused(
    changes: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        estimate(**changes)


def test_hot_imported_and_unverified_rows_are_not_used() -> None:
    from dataclasses import replace

    (first, *_) = rows()
    assert first.stats is not None
    for bad in (
        replace(first, stats=replace(first.stats, cache_mode="hot")), replace(first, trust=t.Trust(trust_level=0)),
        replace(first, origin=t.IMPORTED, source="s", row_licence="MIT"), replace(first, status="INCORRECT"),
    ):  # fmt: skip
        with pytest.raises(ProfileError, match="nothing is measured"):
            traced([bad], device="cpu_a", engine="torch", dtype="fp32")
