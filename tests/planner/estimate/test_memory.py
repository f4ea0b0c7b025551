"""Every byte on a GPU has a name, and the weights are the parameters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.estimate.memory import GIB, kv_bytes, max_running, memory_of, weight_bytes
from planner.estimate.precision import KV_BYTES, OpFormats, op_formats, runs_format
from planner.estimate.recipes import RECIPES
from planner.models import load_models, resolve_model
from planner.profiles.gpus import load_gpus
from planner.records import Layout

BF16 = OpFormats("bf16", "bf16", "bf16", "bf16", "bf16")
FP8 = OpFormats("fp8", "fp8", "fp8", "bf16", "fp8")
MODELS = sorted(load_models())
GPUS = sorted(k for k, g in load_gpus().items() if g.plannable)


@given(st.sampled_from(MODELS))
def test_bf16_weights_are_two_bytes_of_every_parameter(name: str) -> None:
    model = load_models()[name]
    assert weight_bytes(model, Layout(), BF16) == pytest.approx(2.0 * model.params_total)


def test_llama_70b_takes_131_gib_in_bf16_and_half_of_the_matrices_in_fp8() -> None:
    model = resolve_model("llama-3.1-70b")
    assert weight_bytes(model, Layout(), BF16) / GIB == pytest.approx(131.4, abs=0.2)
    tables = 2.0 * 2 * model.vocab_size * model.hidden_size  # embedding and logits stay bf16
    half = (weight_bytes(model, Layout(), BF16) - tables) / 2
    norms = (2 * 80 + 1) * 8192
    assert weight_bytes(model, Layout(), FP8) == pytest.approx(half + tables + norms)


@given(st.sampled_from(MODELS), st.sampled_from([2, 4, 8]))
def test_tensor_parallelism_divides_all_weights(name: str, tp: int) -> None:
    model = load_models()[name]
    assert weight_bytes(model, Layout(tp=tp), BF16) == pytest.approx(weight_bytes(model, Layout(), BF16) / tp)


def test_data_parallel_attention_replicates_all_but_the_experts() -> None:
    model = resolve_model("deepseek-v3")
    alone = weight_bytes(model, Layout(dp=8, ep=8), BF16)
    shared = weight_bytes(model, Layout(tp=8, ep=8), BF16)
    from planner.models import parameter_groups

    experts = 2.0 * parameter_groups(model)["experts"] / 8
    assert alone == pytest.approx(8 * (shared - experts) + experts)


@given(st.sampled_from(MODELS), st.sampled_from(GPUS), st.sampled_from(sorted(RECIPES)))
def test_what_is_named_plus_what_is_free_never_exceeds_the_device(name: str, gpu: str, engine: str) -> None:
    m = memory_of(load_models()[name], Layout(), formats=BF16, gpu=load_gpus()[gpu], recipe=RECIPES[engine])
    assert min(m.weights, m.activations, m.communication, m.other) >= 0
    assert m.capacity == pytest.approx(load_gpus()[gpu].memory_gib * GIB)
    if m.fits:
        named = m.weights + m.activations + m.communication + m.other + m.free
        assert named <= m.capacity * (1 + 1e-9)


def test_a_cached_token_of_llama_70b_takes_320_kib() -> None:
    model = resolve_model("llama-3.1-70b")
    assert kv_bytes(model, Layout(), kv="bf16", tokens=1) == 2 * 80 * 8 * 128 * 2
    assert kv_bytes(model, Layout(tp=4), kv="bf16", tokens=1) == 2 * 80 * 2 * 128 * 2
    assert kv_bytes(model, Layout(), kv="fp8", tokens=1) == 80 * 2 * 8 * 128


def test_latent_attention_caches_one_row_on_every_rank() -> None:
    model = resolve_model("deepseek-v3")
    row = kv_bytes(model, Layout(), kv="bf16", tokens=1)
    assert row == 61 * (512 + 64) * 2
    assert kv_bytes(model, Layout(tp=8), kv="bf16", tokens=1) == row


def test_a_sliding_layer_stops_at_its_window() -> None:
    model = resolve_model("gpt-oss-120b")
    grown = kv_bytes(model, Layout(), kv="bf16", tokens=2001) - kv_bytes(
        model, Layout(), kv="bf16", tokens=2000
    )
    assert grown == 2 * 18 * 8 * 64 * 2, "only the 18 full layers grow"


def test_a_linear_layer_holds_a_state_whatever_the_length() -> None:
    model = resolve_model("Qwen/Qwen3-Next-80B-A3B-Instruct")
    empty = kv_bytes(model, Layout(), kv="bf16", tokens=0)
    assert empty == 36 * 4 * 32 * 128 * 128
    assert kv_bytes(model, Layout(), kv="bf16", tokens=1) - empty == 2 * 12 * 2 * 256 * 2


def test_full_layers_of_other_head_size_cache_their_own_rows() -> None:
    model = resolve_model("google/gemma-4-26B-A4B")
    grown = kv_bytes(model, Layout(), kv="bf16", tokens=5001) - kv_bytes(
        model, Layout(), kv="bf16", tokens=5000
    )
    assert grown == 2 * 5 * model.global_num_kv_heads * 512 * 2


@given(st.sampled_from(MODELS), st.floats(1, 1e5), st.floats(1, 1e5), st.sampled_from(sorted(KV_BYTES)))
def test_a_longer_request_never_holds_less(name: str, a: float, b: float, kv: str) -> None:
    model = load_models()[name]
    short, long = (kv_bytes(model, Layout(), kv=kv, tokens=t) for t in sorted((a, b)))
    assert short <= long


def test_trtllm_reserves_the_whole_answer_and_the_others_half() -> None:
    model, gpu = resolve_model("llama-3.1-8b"), load_gpus()["h100_sxm"]
    for name, held in (("vllm", 1000 + 250), ("sglang", 1000 + 250), ("trtllm", 1000 + 500)):
        recipe = RECIPES[name]
        memory = memory_of(model, Layout(), formats=BF16, gpu=gpu, recipe=recipe)
        found = max_running(
            model, Layout(), memory, kv="bf16", input_tokens=1000, output_tokens=500, recipe=recipe
        )
        blocks = held + (recipe.kv_block_tokens - 1) / 2
        assert found == pytest.approx(memory.free / kv_bytes(model, Layout(), kv="bf16", tokens=blocks))


def test_nothing_runs_where_the_weights_do_not_fit() -> None:
    model, gpu, recipe = resolve_model("llama-3.1-70b"), load_gpus()["rtx_4090"], RECIPES["vllm"]
    memory = memory_of(model, Layout(), formats=BF16, gpu=gpu, recipe=recipe)
    assert not memory.fits
    assert (
        max_running(model, Layout(), memory, kv="bf16", input_tokens=1, output_tokens=1, recipe=recipe) == 0
    )


@pytest.mark.parametrize(
    ("gpu", "fmt", "runs"),
    [("a100_sxm", "fp8", False), ("a10g", "fp8", False), ("rtx_3090", "fp8_block", False), ("t4", "fp8", False),
     ("h100_sxm", "fp8", True), ("l4", "fp8", True), ("rtx_4090", "fp8", True), ("mi300x", "fp8", True),
     ("h100_sxm", "nvfp4", False), ("b200_sxm", "nvfp4", True), ("rtx_5090", "nvfp4", True),
     ("a100_sxm", "int4", True), ("a100_sxm", "w4a16_mxfp4", True), ("h100_sxm", "w4a8_mxfp4", False)],
)  # fmt: skip
def test_formats_run_where_the_matrix_units_have_them(gpu: str, fmt: str, runs: bool) -> None:
    assert runs_format(load_gpus()[gpu], fmt) is runs


def test_a_4_bit_mixture_keeps_its_attention_in_16_bits() -> None:
    model, b200 = resolve_model("Qwen/Qwen3-235B-A22B"), load_gpus()["b200_sxm"]
    formats = op_formats(model, weights="nvfp4", kv="fp8", gpu=b200)
    bits = 8 * weight_bytes(model, Layout(), formats) / model.params_total
    assert 4.5 < bits < 5.5
