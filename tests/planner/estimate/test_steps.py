"""Times of steps: above physics, above decoding, and rising with the batch."""

from __future__ import annotations

from contextlib import suppress
from functools import cache

import numpy as np
import pytest

from planner.errors import PlannerError
from planner.estimate.admissible import Admissible
from planner.estimate.calls import (
    AttentionCall,
    Experts,
    LatentAttention,
    LinearAttention,
    TokenCall,
    op_list,
)
from planner.estimate.evaluate import Evaluation, Lengths, evaluate
from planner.estimate.optimes import NoTableError, TableTimes
from planner.estimate.precision import op_formats
from planner.estimate.recipes import setup_for
from planner.estimate.roofline import Roofline
from planner.estimate.transfer import attention_floor, times_on, token_floor
from planner.models import resolve_model
from planner.options.configurations import BATCHES
from planner.profiles.gpus import load_gpus
from planner.profiles.store import Profiles, load_profiles
from planner.records import Layout

GPUS = ("h100_sxm", "h200_sxm", "b200_sxm", "a100_sxm", "l40s", "rtx_pro_6000_server", "rtx_4090", "mi300x")
MODELS = ("llama-3.1-8b", "llama-3.1-70b", "qwen3-32b", "deepseek-v3", "qwen3-235b-a22b", "gpt-oss-120b")
ENGINES = ("vllm", "sglang", "trtllm")
DENSE = ("llama-3.1-8b", "llama-3.1-70b", "qwen3-32b")
TOKENS = np.array([1.0, 16.0, 256.0, 4096.0])


@cache
def _profiles() -> Profiles:
    return load_profiles()


NOBODY_MEASURED = {
    ("deepseek-v3", "a100_sxm"), ("gpt-oss-120b", "a100_sxm"),
}  # fmt: skip


@cache
def _evaluation(model: str, gpu: str, engine: str, weights: str = "bf16", tp: int = 8) -> Evaluation:
    card, shape = load_gpus()[gpu], resolve_model(model)
    formats = op_formats(shape, weights=weights, kv="bf16", gpu=card)
    times = times_on(card, _profiles(), engine=engine, admissible=Admissible())
    assert times is not None
    return evaluate(shape, card, times, layout=Layout(tp=tp), formats=formats, setup=setup_for(engine),
                    lengths=Lengths(1024, 256), batch=BATCHES)  # fmt: skip


def _on(model: str, gpu: str) -> list[Evaluation]:
    """Evaluations of every engine that runs there and has tables."""
    found = []
    for engine in ENGINES:
        if engine in load_gpus()[gpu].supports:
            with suppress(NoTableError):
                found.append(_evaluation(model, gpu, engine))
    return found


@pytest.mark.parametrize("gpu", GPUS)
@pytest.mark.parametrize("model", MODELS)
def test_every_pair_is_answered_but_those_nobody_measured(model: str, gpu: str) -> None:
    assert bool(_on(model, gpu)) is ((model, gpu) not in NOBODY_MEASURED)


@pytest.mark.parametrize("gpu", GPUS)
@pytest.mark.parametrize("model", MODELS)
def test_a_prefill_joining_the_batch_never_shortens_the_step(model: str, gpu: str) -> None:
    assert all((e.served.server_ttft_s >= e.served.tpot_s[0]).all() for e in _on(model, gpu))
    if model in DENSE:
        assert all((e.step.steps.mixed >= e.step.steps.decode).all() for e in _on(model, gpu))


@pytest.mark.parametrize("gpu", GPUS)
@pytest.mark.parametrize("model", MODELS)
def test_time_per_token_does_not_fall_as_the_batch_grows(model: str, gpu: str) -> None:
    assert all((np.diff(e.served.tpot_s) >= 0).all() for e in _on(model, gpu))


def test_parts_and_host_time_add_up_to_the_step() -> None:
    e = _evaluation("llama-3.1-70b", "h200_sxm", "vllm")
    parts = sum(p.seconds for p in e.step.parts if p.phase == "decode")
    assert e.step.steps.decode == pytest.approx(parts + e.step.host_s)


def test_more_gpus_never_slow_a_dense_decode_step_down_on_nvlink() -> None:
    for engine in ENGINES:
        decode = [
            _evaluation("llama-3.1-70b", "h200_sxm", engine, tp=tp).step.steps.decode[0]
            for tp in (1, 2, 4, 8)
        ]
        assert decode == sorted(decode, reverse=True)


def test_a_prefix_found_in_cache_shortens_the_prefill() -> None:
    card, model = load_gpus()["h200_sxm"], resolve_model("llama-3.1-8b")
    formats = op_formats(model, weights="bf16", kv="bf16", gpu=card)
    times = times_on(card, _profiles(), engine="vllm", admissible=Admissible())
    assert times is not None
    ttft = [
        evaluate(model, card, times, layout=Layout(), formats=formats, setup=setup_for("vllm"),
                 lengths=Lengths(8192, 256, prefix), batch=BATCHES[:4]).served.server_ttft_s[0]
        for prefix in (0.0, 2048.0, 6144.0)
    ]  # fmt: skip
    assert ttft == sorted(ttft, reverse=True)


CALLS = [(m, tp) for m in MODELS for tp in (1, 8)]


@pytest.mark.parametrize("gpu", [g for g in GPUS if load_gpus()[g].measured])
@pytest.mark.parametrize(("model", "tp"), CALLS, ids=[f"{m} tp{tp}" for m, tp in CALLS])
def test_no_time_is_faster_than_physics_allows(model: str, tp: int, gpu: str) -> None:
    card, shape = load_gpus()[gpu], resolve_model(model)
    formats = op_formats(shape, weights="bf16", kv="bf16", gpu=card)
    ops = op_list(shape, Layout(tp=tp), formats)
    times = TableTimes(card, _profiles(), engine="vllm", admissible=Admissible())
    checked = 0
    for call in (*ops.tokens, *ops.attention):
        try:
            for seconds, floor in _both(times, call):
                assert (seconds >= floor * (1 - 1e-9)).all(), (call, seconds / floor)
                checked += 1
        except PlannerError:
            continue
    assert checked


def _both(times: TableTimes, call: TokenCall | AttentionCall) -> list[tuple[np.ndarray, np.ndarray]]:
    """(seconds, physical floor) pairs of a call."""
    physics = Roofline(times.gpu)
    if isinstance(call, LatentAttention | LinearAttention):
        return []  # their blocks fuse projections in ways the floor counts twice
    if isinstance(
        call, Experts
    ):  # tokens share experts, the more so the more skewed: only one token is certain
        return [(times.token(call, TOKENS).seconds, token_floor(physics, call, TOKENS[:1]))]
    if not hasattr(call, "kv"):
        return [(times.token(call, TOKENS).seconds, token_floor(physics, call, TOKENS))]  # type: ignore[arg-type]
    length = np.array([2048.0])
    return [
        (
            times.decode(call, TOKENS[:3], 2048.0).seconds,
            attention_floor(physics, call, TOKENS[:3], length, prefill=False),
        ),
        (
            times.prefill(call, 2048.0, 0.0).seconds,
            attention_floor(physics, call, np.ones(1), length, prefill=True),
        ),
    ]
