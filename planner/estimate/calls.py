"""The op list of a model under a layout: what one GPU executes per step.

Dimensions are per GPU, after tensor- and expert-parallel division. A *token call* costs according to
the tokens (or sequences) in the step; an *attention call* also looks at lengths.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import ceil

from planner.estimate.precision import OpFormats
from planner.models import Model
from planner.records import Layout

ACTIVATION_BYTES = 2.0


@dataclass(frozen=True, slots=True)
class Gemm:
    """One linear layer: (tokens, k) x (k, n), run `count` times per step."""

    n: int
    k: int
    dtype: str
    count: int
    name: str
    per_sequence: bool = False  # logits: one row per sequence, not per token
    op: str = "gemm"


@dataclass(frozen=True, slots=True)
class Experts:
    """Routed experts of one layer; model-wide shape, split `tp` x `ep` ways over `ranks` attention ranks."""

    hidden: int
    inter: int
    experts: int
    topk: int
    tp: int
    ep: int
    dp: int
    dtype: str
    count: int
    name: str = "experts"
    op: str = "moe"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A collective over `gpus`, moving `elements` per token."""

    op: str  # all_reduce | all_gather | reduce_scatter
    gpus: int
    elements: int
    count: int
    name: str = "exchange"


@dataclass(frozen=True, slots=True)
class Elementwise:
    """Norms, activations, rotary embedding, KV write: memory-bound work of `bytes_per_token`."""

    bytes_per_token: float
    count: int
    name: str = "elementwise"
    op: str = "elementwise"


@dataclass(frozen=True, slots=True)
class Attention:
    """Grouped-query attention of one layer; `window` 0 means full."""

    heads: int
    kv_heads: int
    head_dim: int
    window: int
    kv: str
    count: int
    op: str = "attention"


@dataclass(frozen=True, slots=True)
class LatentAttention:
    """Multi-head latent attention block of one layer, projections included."""

    heads: int
    gemm: str
    kv: str
    hidden: int
    q_rank: int
    kv_rank: int
    nope: int
    rope: int
    v_dim: int
    count: int
    op: str = "mla"

    @property
    def weights_per_head(self) -> int:
        """Query up-projection, key and value up-projections, output projection."""
        up = self.q_rank * (self.nope + self.rope) + self.kv_rank * (self.nope + self.v_dim)
        return up + self.v_dim * self.hidden


@dataclass(frozen=True, slots=True)
class SparseAttention(LatentAttention):
    """Latent attention that reads only `topk` indexed positions (DSA), projections included."""

    topk: int = 0
    family: str = ""


@dataclass(frozen=True, slots=True)
class LinearAttention:
    """Gated delta rule of one layer: convolution and recurrence (projections are `Gemm` calls)."""

    hidden: int
    k_heads: int
    k_dim: int
    v_heads: int
    v_dim: int
    count: int
    op: str = "linear_attention"


TokenCall = Gemm | Experts | Exchange | Elementwise
AttentionCall = Attention | LatentAttention | LinearAttention


@dataclass(frozen=True, slots=True)
class OpList:
    """All calls of one step, and how many layers launch them."""

    tokens: tuple[TokenCall, ...]
    attention: tuple[AttentionCall, ...]
    layers: int


def op_list(model: Model, layout: Layout, formats: OpFormats) -> OpList:
    """Calls of one step of `model` on one GPU of `layout`; pipeline stages are summed, not overlapped."""
    tokens: list[TokenCall] = []
    attention: list[AttentionCall] = []
    _attention_calls(model, layout, formats, tokens, attention)
    _ffn_calls(model, layout, formats, tokens)
    tokens.append(_elementwise(model, layout))
    tokens.append(
        Gemm(
            n=ceil(model.vocab_size / layout.tp),
            k=model.hidden_size,
            dtype=formats.logits,
            count=1,
            name="logits",
            per_sequence=True,
        )
    )
    tokens.extend(_exchanges(model, layout))
    return OpList(tuple(tokens), tuple(attention), model.num_layers)


def _attention_calls(
    model: Model, layout: Layout, formats: OpFormats, tokens: list[TokenCall], attention: list[AttentionCall]
) -> None:
    heads = ceil(model.num_heads / layout.tp)
    if model.attention_kind.startswith("MLA"):
        attention.append(_latent(model, heads, formats))
        return
    full = (0, model.num_full_attention_layers, model.global_head_dim, model.global_num_kv_heads)
    sliding = (model.sliding_window, model.num_sliding_layers, 0, 0)
    for window, count, own_dim, own_kv in (full, sliding):
        if count:
            dim, kv_heads = (
                own_dim or model.head_dim,
                max(1, ceil((own_kv or model.num_kv_heads) / layout.tp)),
            )
            attention.append(Attention(heads, kv_heads, dim, window, formats.kv, count))
            queries = heads * (2 if model.attention_gate else 1)
            tokens.append(
                Gemm((queries + 2 * kv_heads) * dim, model.hidden_size, formats.attention, count, "qkv")
            )
            tokens.append(Gemm(model.hidden_size, heads * dim, formats.attention, count, "attn_out"))
    if model.num_linear_layers:
        _linear_calls(model, layout, formats, tokens, attention)


def _latent(model: Model, heads: int, formats: OpFormats) -> LatentAttention:
    block = LatentAttention(
        heads=heads, gemm=formats.attention, kv=formats.kv, hidden=model.hidden_size, q_rank=model.q_lora_rank,
        kv_rank=model.kv_lora_rank, nope=model.qk_nope_head_dim, rope=model.qk_rope_head_dim,
        v_dim=model.v_head_dim, count=model.num_layers,
    )  # fmt: skip
    if not model.index_topk:
        return block
    sizes = {f.name: getattr(block, f.name) for f in fields(block) if f.name != "op"}
    return SparseAttention(**sizes, op="dsa", topk=model.index_topk, family=model.family)


def _linear_calls(
    model: Model, layout: Layout, formats: OpFormats, tokens: list[TokenCall], attention: list[AttentionCall]
) -> None:
    count, tp = model.num_linear_layers, layout.tp
    keys = model.linear_num_key_heads * model.linear_key_head_dim
    values = model.linear_num_value_heads * model.linear_value_head_dim
    tokens.append(
        Gemm(ceil(2 * (keys + values) / tp), model.hidden_size, formats.attention, count, "linear_in")
    )
    tokens.append(Gemm(model.hidden_size, ceil(values / tp), formats.attention, count, "linear_out"))
    attention.append(
        LinearAttention(
            hidden=model.hidden_size,
            k_heads=ceil(model.linear_num_key_heads / tp),
            k_dim=model.linear_key_head_dim,
            v_heads=ceil(model.linear_num_value_heads / tp),
            v_dim=model.linear_value_head_dim,
            count=count,
        )
    )


def _ffn_calls(model: Model, layout: Layout, formats: OpFormats, tokens: list[TokenCall]) -> None:
    h, tp = model.hidden_size, layout.tp
    dense, width = model.num_dense_ffn_layers, model.ffn_intermediate_size
    if dense and width:
        tokens.extend(_mlp(model, width, tp=tp, dtype=formats.ffn, count=dense, name="ffn"))
    sparse = model.num_moe_layers
    if not sparse:
        return
    tokens.append(Gemm(model.num_experts, h, "bf16", sparse, "router"))
    tokens.append(
        Experts(
            hidden=h,
            inter=model.moe_intermediate_size,
            experts=model.num_experts,
            topk=model.experts_per_token,
            tp=layout.moe_tp,
            ep=layout.ep,
            dp=layout.dp,
            dtype=formats.experts,
            count=sparse,
        )
    )
    if model.shared_expert_intermediate_size:
        shared = model.shared_expert_intermediate_size
        tokens.extend(_mlp(model, shared, tp=tp, dtype=formats.ffn, count=sparse, name="shared_expert"))


def _mlp(model: Model, inter: int, *, tp: int, dtype: str, count: int, name: str) -> tuple[Gemm, Gemm]:
    """Gate and up projections run as one GEMM in every engine, then down."""
    h, width, inputs = model.hidden_size, ceil(inter / tp), 2 if model.gated_ffn else 1
    return (Gemm(inputs * width, h, dtype, count, f"{name}_up"), Gemm(h, width, dtype, count, f"{name}_down"))


def _elementwise(model: Model, layout: Layout) -> Elementwise:
    """Two fused add-norms (read x and residual, write both), the gated activation (read 2, write 1)."""
    norms = 2 * 4 * model.hidden_size
    dense = model.num_dense_ffn_layers * model.ffn_intermediate_size
    routed = model.experts_per_token * model.moe_intermediate_size + model.shared_expert_intermediate_size
    active = (dense + model.num_moe_layers * routed) / model.num_layers
    return Elementwise(ACTIVATION_BYTES * (norms + 3 * active / layout.tp), model.num_layers)


def _exchanges(model: Model, layout: Layout) -> tuple[Exchange, ...]:
    """Tensor parallelism all-reduces twice a layer; data-parallel attention gathers tokens before the
    experts and scatters the sums after them instead."""
    h, layers = model.hidden_size, model.num_layers
    calls: list[Exchange] = []
    if layout.tp > 1:
        per_layer = 1 if layout.dp > 1 else 2
        calls.append(Exchange("all_reduce", layout.tp, h, per_layer * layers))
    if layout.dp > 1 and model.num_experts:
        width = layout.tp * layout.dp
        calls.append(Exchange("all_gather", width, h * layout.dp, layers, "dispatch"))
        calls.append(Exchange("reduce_scatter", width, h * layout.dp, layers, "combine"))
    return tuple(calls)
