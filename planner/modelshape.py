"""The shape of a language model: what its `config.json` says, and the parameters that follow from it.

Only shapes are kept, no weights: two checkpoints with one shape (a base model and its fine-tune) are
the same model here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from types import MappingProxyType

_LINEAR_CONV_WIDTH = 4  # taps of the short convolution in gated delta-rule layers; 4 in every published model


@dataclass(frozen=True)
class Model:
    """One model shape; a count that does not apply is 0. Layer counts add up to `num_layers`."""

    name: str
    architecture: str
    model_type: str
    family: str
    attention_kind: str
    hidden_size: int
    num_layers: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    vocab_size: int
    ffn_intermediate_size: int = 0
    tie_embeddings: bool = False
    max_context: int = 0
    num_experts: int = 0
    experts_per_token: int = 0
    moe_intermediate_size: int = 0
    num_shared_experts: int = 0
    shared_expert_intermediate_size: int = 0
    """Width of all shared experts together."""
    first_dense_layers: int = 0
    moe_layer_interval: int = 1
    """Every how many layers experts replace the dense feed-forward (2 in Llama 4 Maverick)."""
    dense_ffn_beside_experts: bool = False
    """Whether layers with experts keep a dense feed-forward as well (Gemma 4)."""
    q_lora_rank: int = 0
    kv_lora_rank: int = 0
    qk_nope_head_dim: int = 0
    qk_rope_head_dim: int = 0
    v_head_dim: int = 0
    index_n_heads: int = 0
    index_head_dim: int = 0
    index_topk: int = 0
    sliding_window: int = 0
    num_full_attention_layers: int = 0
    num_sliding_layers: int = 0
    num_linear_layers: int = 0
    global_head_dim: int = 0
    """Head size of the full-attention layers where it differs from the sliding ones (Gemma 4), else 0."""
    global_num_kv_heads: int = 0
    linear_num_key_heads: int = 0
    linear_key_head_dim: int = 0
    linear_num_value_heads: int = 0
    linear_value_head_dim: int = 0
    attention_gate: bool = False
    """Whether the query projection also makes an output gate, doubling it (Qwen3-Next, Qwen3.5)."""
    gated_ffn: bool = True
    """Three matrices per feed-forward (gate, up, down), or two in older designs such as GPT-2."""
    mtp_layers: int = 0
    checkpoint_dtype: str = "bfloat16"
    weight_quant: str = "none"
    """Format the published weights are stored in: none, or a name of `data/precisions.csv`."""
    source: str = ""
    as_of: str | None = None
    notes: str = ""

    @property
    def num_moe_layers(self) -> int:
        """Layers with routed experts."""
        if not self.num_experts:
            return 0
        return (self.num_layers - self.first_dense_layers) // self.moe_layer_interval

    @property
    def num_dense_ffn_layers(self) -> int:
        """Layers with a dense feed-forward."""
        return self.num_layers if self.dense_ffn_beside_experts else self.num_layers - self.num_moe_layers

    @cached_property
    def params_total(self) -> float:
        """All parameters of the text model, extra prediction (MTP) layers left out."""
        return sum(parameter_groups(self).values())

    @cached_property
    def params_active(self) -> float:
        """Parameters that one token passes, embedding table included as model cards count it."""
        idle = 1 - self.experts_per_token / self.num_experts if self.num_experts else 0.0
        return self.params_total - idle * parameter_groups(self)["experts"]


MODEL_FIELDS = tuple(f.name for f in fields(Model))


def parameter_groups(model: Model) -> Mapping[str, float]:
    """Parameter counts by group; a tied output layer has no weights of its own, so `lm_head` is 0.

    `attention` holds every token mixer: grouped-query, latent (with the sparse indexer) and linear
    layers. Biases are left out (under 0.01 % in every shipped model).
    """
    h, width = model.hidden_size, 3 if model.gated_ffn else 2
    table = float(model.vocab_size * h)
    moe_layers = model.num_moe_layers
    norms = (2 * model.num_layers + 1) * h
    return MappingProxyType(
        {
            "embedding": table,
            "lm_head": 0.0 if model.tie_embeddings else table,
            "attention": float(_attention_parameters(model)),
            "dense_ffn": float(model.num_dense_ffn_layers * width * h * model.ffn_intermediate_size),
            "experts": float(moe_layers * model.num_experts * width * h * model.moe_intermediate_size),
            "shared_experts": float(moe_layers * width * h * model.shared_expert_intermediate_size),
            "router": float(moe_layers * h * model.num_experts),
            "norms": float(norms),
        }
    )


def _attention_parameters(model: Model) -> int:
    if model.kv_lora_rank:
        return model.num_layers * (_latent_layer(model) + _indexer_layer(model))
    local = _grouped_layer(model, model.head_dim, model.num_kv_heads)
    wide = _grouped_layer(
        model, model.global_head_dim or model.head_dim, model.global_num_kv_heads or model.num_kv_heads
    )
    return (
        model.num_full_attention_layers * wide
        + model.num_sliding_layers * local
        + model.num_linear_layers * _linear_layer(model)
    )


def _grouped_layer(model: Model, head_dim: int, kv_heads: int) -> int:
    query = model.num_heads * head_dim * (2 if model.attention_gate else 1)
    return model.hidden_size * (query + 2 * kv_heads * head_dim + model.num_heads * head_dim)


def _latent_layer(model: Model) -> int:
    h, heads = model.hidden_size, model.num_heads
    query = heads * (model.qk_nope_head_dim + model.qk_rope_head_dim)
    q = h * model.q_lora_rank + model.q_lora_rank * query if model.q_lora_rank else h * query
    kv = h * (model.kv_lora_rank + model.qk_rope_head_dim)
    kv += model.kv_lora_rank * heads * (model.qk_nope_head_dim + model.v_head_dim)
    return q + kv + heads * model.v_head_dim * h


def _indexer_layer(model: Model) -> int:
    queries = model.q_lora_rank * model.index_n_heads * model.index_head_dim
    return queries + model.hidden_size * (model.index_head_dim + model.index_n_heads)


def _linear_layer(model: Model) -> int:
    keys = model.linear_num_key_heads * model.linear_key_head_dim
    values = model.linear_num_value_heads * model.linear_value_head_dim
    projections = 2 * keys + 2 * values + 2 * model.linear_num_value_heads
    return model.hidden_size * (projections + values) + _LINEAR_CONV_WIDTH * (2 * keys + values)
