"""Op lists of published models, by hand: which GEMMs, how many, how wide, and how a layout divides them."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.estimate.calls import (
    Attention,
    Exchange,
    Experts,
    Gemm,
    LatentAttention,
    LinearAttention,
    OpList,
    SparseAttention,
    op_list,
)
from planner.estimate.layout import candidate_layouts, divides
from planner.estimate.precision import OpFormats, op_formats
from planner.models import Model, load_models, parameter_groups, resolve_model
from planner.profiles.gpus import load_gpus
from planner.records import Layout

BF16 = OpFormats("bf16", "bf16", "bf16", "bf16", "bf16")


def _ops(name: str, layout: Layout | None = None) -> OpList:
    return op_list(resolve_model(name), layout or Layout(), BF16)


def _gemms(ops: OpList) -> dict[str, tuple[int, int, int]]:
    """Name -> (n, k, count)."""
    return {c.name: (c.n, c.k, c.count) for c in ops.tokens if isinstance(c, Gemm)}


def _experts(ops: OpList) -> Experts:
    (found,) = [c for c in ops.tokens if isinstance(c, Experts)]
    return found


def _exchanges(ops: OpList) -> list[tuple[str, int, int]]:
    return [(c.op, c.gpus, c.count) for c in ops.tokens if isinstance(c, Exchange)]


def test_a_dense_model_has_five_gemms_of_the_published_sizes() -> None:
    assert _gemms(_ops("llama-3.1-70b")) == {
        "qkv": ((64 + 2 * 8) * 128, 8192, 80),
        "attn_out": (8192, 64 * 128, 80),
        "ffn_up": (2 * 28672, 8192, 80),
        "ffn_down": (8192, 28672, 80),
        "logits": (128256, 8192, 1),
    }


def test_a_dense_model_attends_once_a_layer_and_exchanges_nothing_on_one_gpu() -> None:
    ops = _ops("llama-3.1-70b")
    assert ops.attention == (Attention(64, 8, 128, 0, "bf16", 80),)
    assert _exchanges(ops) == []


def test_tensor_parallelism_divides_widths_and_reduces_twice_a_layer() -> None:
    ops = _ops("llama-3.1-70b", Layout(tp=4))
    assert _gemms(ops)["qkv"] == ((16 + 2 * 2) * 128, 8192, 80)
    assert _gemms(ops)["ffn_up"] == (2 * 28672 // 4, 8192, 80)
    assert _gemms(ops)["ffn_down"] == (8192, 28672 // 4, 80)
    assert _gemms(ops)["logits"] == (128256 // 4, 8192, 1)
    assert _exchanges(ops) == [("all_reduce", 4, 160)]


def test_kv_heads_are_replicated_and_never_vanish() -> None:
    (attention,) = _ops("qwen3-235b-a22b", Layout(tp=8)).attention
    assert isinstance(attention, Attention)
    assert (attention.heads, attention.kv_heads) == (8, 1)


def test_a_mixture_has_a_router_and_experts_instead_of_a_dense_feed_forward() -> None:
    ops = _ops("Qwen/Qwen3-235B-A22B")
    assert _gemms(ops)["router"] == (128, 4096, 94)
    assert "ffn_up" not in _gemms(ops)
    experts = _experts(ops)
    assert (experts.experts, experts.topk, experts.hidden, experts.inter, experts.count) == (
        128,
        8,
        4096,
        1536,
        94,
    )


@pytest.mark.parametrize(
    ("layout", "tp", "ep", "dp"),
    [(Layout(tp=8), 8, 1, 1), (Layout(tp=8, ep=8), 1, 8, 1), (Layout(tp=8, ep=4), 2, 4, 1),
     (Layout(dp=8, ep=8), 1, 8, 8)],
    ids=str,
)  # fmt: skip
def test_experts_live_on_all_gpus_of_the_replica(layout: Layout, tp: int, ep: int, dp: int) -> None:
    experts = _experts(_ops("deepseek-v3", layout))
    assert (experts.tp, experts.ep, experts.dp) == (tp, ep, dp)


def test_deepseek_has_three_dense_layers_and_a_shared_expert_in_the_rest() -> None:
    gemms = _gemms(_ops("deepseek-v3"))
    assert gemms["ffn_up"] == (2 * 18432, 7168, 3)
    assert gemms["shared_expert_up"] == (2 * 2048, 7168, 58)
    assert _experts(_ops("deepseek-v3")).count == 58


def test_latent_attention_brings_its_projections_with_it() -> None:
    ops = _ops("deepseek-v3", Layout(tp=8))
    (attention,) = ops.attention
    assert isinstance(attention, LatentAttention) and not isinstance(attention, SparseAttention)
    assert (attention.heads, attention.q_rank, attention.kv_rank, attention.rope) == (16, 1536, 512, 64)
    assert not {"qkv", "attn_out"} & set(_gemms(ops))


def test_sparse_attention_knows_how_many_positions_it_reads() -> None:
    (attention,) = _ops("deepseek-v3.2").attention
    assert isinstance(attention, SparseAttention)
    assert attention.topk == 2048


def test_a_hybrid_splits_its_layers_between_full_and_linear_attention() -> None:
    ops = _ops("Qwen/Qwen3-Next-80B-A3B-Instruct")
    counts = {type(a): a.count for a in ops.attention}
    assert counts == {Attention: 12, LinearAttention: 36}
    gemms = _gemms(ops)
    assert gemms["linear_in"] == (2 * (16 * 128 + 32 * 128), 2048, 36)
    assert gemms["qkv"] == ((2 * 16 + 2 * 2) * 256, 2048, 12), "the query projection also makes the gate"


def test_sliding_layers_attend_within_their_window() -> None:
    windows = {a.window: a.count for a in _ops("gpt-oss-120b").attention if isinstance(a, Attention)}
    assert windows == {0: 18, 128: 18}


def test_full_layers_of_other_head_size_keep_it() -> None:
    full, sliding = (a for a in _ops("google/gemma-4-26B-A4B").attention if isinstance(a, Attention))
    assert (full.head_dim, full.window) == (512, 0)
    assert (sliding.head_dim, sliding.count) == (256, 25)


def test_an_old_feed_forward_has_one_matrix_up() -> None:
    model = resolve_model("openai-community/gpt2-xl")
    assert _gemms(_ops(model.name))["ffn_up"][0] == model.ffn_intermediate_size


def test_attention_data_parallelism_gathers_and_scatters_instead_of_reducing() -> None:
    assert _exchanges(_ops("deepseek-v3", Layout(dp=8, ep=8))) == [
        ("all_gather", 8, 61), ("reduce_scatter", 8, 61),
    ]  # fmt: skip


def test_formats_follow_the_checkpoint_op_by_op() -> None:
    h200, b200, a100 = (load_gpus()[k] for k in ("h200_sxm", "b200_sxm", "a100_sxm"))
    models = load_models()
    assert (
        op_formats(models["deepseek-ai/DeepSeek-V3"], weights="fp8", kv="bf16", gpu=h200).ffn == "fp8_block"
    )
    mixture = op_formats(models["Qwen/Qwen3-235B-A22B"], weights="nvfp4", kv="fp8", gpu=b200)
    assert (mixture.attention, mixture.experts, mixture.logits) == ("bf16", "nvfp4", "bf16")
    oss = models["openai/gpt-oss-120b"]
    assert op_formats(oss, weights="bf16", kv="bf16", gpu=a100).experts == "w4a16_mxfp4"
    assert op_formats(oss, weights="bf16", kv="bf16", gpu=b200).experts == "w4a8_mxfp4"


def _weights(calls: Iterable[object]) -> float:
    """Weights that one token of the op list multiplies, all experts counted."""
    total = 0.0
    for c in calls:
        if isinstance(c, Gemm) and c.name not in ("logits", "router"):
            total += c.count * c.n * c.k
        elif isinstance(c, Experts):
            total += 3.0 * c.count * c.experts * c.hidden * c.inter
    return total


@pytest.mark.parametrize(
    "name",
    ["llama-3.1-8b", "llama-3.1-70b", "qwen3-32b", "Qwen/Qwen3-235B-A22B", "mixtral-8x7b", "gpt-oss-120b"],
)
def test_the_op_list_multiplies_every_parameter_of_attention_and_feed_forward(name: str) -> None:
    model = resolve_model(name)
    groups = parameter_groups(model)
    wanted = sum(groups[g] for g in ("attention", "dense_ffn", "experts", "shared_experts"))
    assert _weights(_ops(name).tokens) == pytest.approx(wanted, rel=1e-3)  # query and key norms, sinks


MODELS = sorted(load_models())


@given(st.sampled_from(MODELS), st.sampled_from([1, 2, 4, 8]))
def test_every_candidate_layout_divides_the_model_and_fits_the_node(name: str, gpus: int) -> None:
    model = load_models()[name]
    layouts = list(candidate_layouts(model, max_gpus=gpus))
    assert len(set(layouts)) == len(layouts)
    for layout in layouts:
        assert divides(layout, model) and layout.gpus <= gpus
        assert model.num_heads % layout.tp == 0
        op_list(model, layout, BF16)


def _model(name: str) -> Model:
    return resolve_model(name)


@pytest.mark.parametrize(
    ("name", "layout", "fits"),
    [("llama-3.1-70b", Layout(tp=8), True), ("llama-3.1-70b", Layout(tp=3), False),
     ("llama-3.1-70b", Layout(ep=2), False), ("llama-3.1-70b", Layout(dp=2), False),
     ("llama-3.1-70b", Layout(pp=3), False), ("deepseek-v3", Layout(dp=8, ep=8), True),
     ("deepseek-v3", Layout(tp=2, ep=3), False), ("gpt2-xl", Layout(tp=2), False)],
    ids=str,
)  # fmt: skip
def test_layouts_divide_heads_layers_and_experts(name: str, layout: Layout, fits: bool) -> None:
    assert divides(layout, _model(name)) is fits
