"""Rules on kernels: what may run, and what stands in where nothing measured may."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from planner.estimate.admissible import Admissible
from planner.estimate.calls import Attention, Exchange, Gemm
from planner.estimate.optimes import TableTimes, Timing
from planner.kernels.registry import load_variants, stand_in
from planner.profiles.basis import TRANSFERRED
from planner.profiles.gpus import load_gpus
from planner.profiles.store import load_profiles

RULES = ("any", "open", "portable")
TOKENS = np.array([1.0, 8.0, 64.0, 512.0, 4096.0])


def _times(rule: str, gpu: str = "h100_sxm", engine: str = "vllm") -> TableTimes:
    return TableTimes(load_gpus()[gpu], load_profiles(), engine=engine, admissible=Admissible(rule))


def test_every_portable_variant_is_open() -> None:
    assert all(v.open for v in load_variants().values() if v.portable)


def test_the_closed_library_runs_by_default_and_not_under_a_rule() -> None:
    call = Gemm(8192, 8192, "bf16", 1, "ffn_up")
    assert [_times(rule).token(call, TOKENS).variant for rule in RULES] == [
        "cublas", "planner_triton_gemm", "planner_triton_gemm",
    ]  # fmt: skip


def test_a_stand_in_is_transferred_at_its_published_ratio() -> None:
    call = Gemm(8192, 8192, "bf16", 1, "ffn_up")
    closed, ours = _times("any").token(call, TOKENS), _times("open").token(call, TOKENS)
    row = stand_in("gemm", dtype="bf16", rule="open")
    assert row is not None
    assert ours.seconds == pytest.approx(closed.seconds * row.ratio)
    assert set(ours.basis.tolist()) == {TRANSFERRED}


@pytest.mark.parametrize("gpu", ["h100_sxm", "b200_sxm", "l40s", "a100_sxm"])
@pytest.mark.parametrize("dtype", ["bf16", "fp8"])
def test_a_stricter_rule_is_never_faster_at_matrix_products(gpu: str, dtype: str) -> None:
    if dtype == "fp8" and gpu == "a100_sxm":
        dtype = "int8"
    seconds = [_times(rule, gpu).token(Gemm(5120, 5120, dtype, 1, "x"), TOKENS).seconds for rule in RULES]
    assert (seconds[0] <= seconds[1] * (1 + 1e-12)).all()
    assert (seconds[1] <= seconds[2] * (1 + 1e-12)).all()


@pytest.mark.parametrize("gpu", ["h100_sxm", "b200_sxm", "l40s"])
@pytest.mark.parametrize("engine", ["vllm", "sglang", "trtllm"])
def test_a_stricter_rule_is_never_faster_at_exchanges(gpu: str, engine: str) -> None:
    call = Exchange("all_reduce", 2, 8192, 1)
    seconds = [_times(rule, gpu, engine).token(call, TOKENS).seconds for rule in RULES]
    assert (seconds[0] <= seconds[1] * (1 + 1e-12)).all()
    assert (seconds[1] <= seconds[2] * (1 + 1e-12)).all()


def test_a_measured_variant_that_may_run_leaves_no_room_for_a_stand_in() -> None:
    call = Attention(32, 8, 128, 0, "bf16", 1)
    timing = _times("portable", "l40s", "sglang").decode(call, np.array([1.0, 16.0]), 2048.0)
    assert timing.variant == "sglang_triton_attention"


def test_one_attention_backend_serves_prefill_and_decode_where_one_flag_selects_it() -> None:
    call = Attention(32, 8, 128, 0, "bf16", 1)
    for gpu in ("h100_sxm", "b200_sxm", "l40s"):
        times = _times("any", gpu)
        chosen = [times.decode(call, TOKENS[:4], 2048.0), times.prefill(call, 1024.0, 0.0)]
        flags = {load_variants()[t.variant].flags.get("vllm", "") for t in chosen}
        assert len(flags) == 1


def test_a_guess_for_a_rule_nobody_measured_is_above_the_fastest() -> None:
    def best(blocks: Sequence[object]) -> Timing:
        return Timing("made_up", "closed", np.ones(2), np.zeros(2, np.int8))

    timing = Admissible("open").choose("made_up", "bf16", (), best)
    assert (timing.seconds > 1).all()
