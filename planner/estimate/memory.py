"""What one GPU of a replica must hold, and how many requests its KV cache carries."""

from __future__ import annotations

from dataclasses import dataclass

from planner.estimate.precision import KV_BYTES, OpFormats
from planner.estimate.recipes import Recipe
from planner.kernels.ops import WEIGHT_BYTES
from planner.models import Model, parameter_groups
from planner.profiles.gpus import Gpu
from planner.records import Layout

GIB = 2.0**30
_FORMAT_OF_GROUP = {
    "attention": "attention",
    "dense_ffn": "ffn",
    "shared_experts": "ffn",
    "experts": "experts",
}
# NCCL buffers per GPU, GiB by group width: aiconfigurator system files, commit 095f58a (Apache-2.0).
_COMMUNICATION_GIB = {1: 0.0, 2: 0.33, 4: 0.38, 8: 0.38}


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes per GPU; `free` is what the engine leaves to the KV cache."""

    weights: float
    activations: float
    communication: float
    other: float
    capacity: float
    free: float

    @property
    def fits(self) -> bool:
        """Whether any KV cache fits beside the weights."""
        return self.free > 0.0


def weight_bytes(model: Model, layout: Layout, formats: OpFormats) -> float:
    """Bytes of weights on the fullest GPU of a replica.

    Attention, dense layers and embeddings are split over tensor parallelism only (data-parallel
    attention replicates them); experts over all GPUs of a stage.
    """
    total = 0.0
    for group, count in parameter_groups(model).items():
        split = layout.tp * layout.dp if group == "experts" else layout.tp
        fmt = getattr(formats, _FORMAT_OF_GROUP[group]) if group in _FORMAT_OF_GROUP else "bf16"
        total += count * WEIGHT_BYTES[fmt] / split
    return total / layout.pp


def kv_bytes(model: Model, layout: Layout, *, kv: str, tokens: float) -> float:
    """Bytes of cache per GPU that one request of `tokens` cached tokens holds.

    Sliding layers stop at their window, linear layers hold a constant state, latent attention stores
    one compressed row per token on every tensor-parallel rank.
    """
    per = KV_BYTES[kv]
    if model.attention_kind.startswith("MLA"):
        row = (model.kv_lora_rank + model.qk_rope_head_dim) * per + model.index_head_dim
        return row * tokens * model.num_layers / layout.pp
    wide = (model.global_num_kv_heads or model.num_kv_heads, model.global_head_dim or model.head_dim)
    full = model.num_full_attention_layers * tokens * _values(*wide, layout)
    held = min(tokens, model.sliding_window or tokens)
    sliding = model.num_sliding_layers * held * _values(model.num_kv_heads, model.head_dim, layout)
    state = model.linear_num_value_heads * model.linear_key_head_dim * model.linear_value_head_dim
    linear = model.num_linear_layers * 4.0 * state / layout.tp
    return (per * (full + sliding) + linear) / layout.pp


def _values(kv_heads: int, head_dim: int, layout: Layout) -> float:
    """Keys and values of one token in one layer; a head is replicated where ranks outnumber heads."""
    return 2.0 * max(1.0, kv_heads / layout.tp) * head_dim


def memory_of(model: Model, layout: Layout, *, formats: OpFormats, gpu: Gpu, recipe: Recipe) -> Memory:
    """Memory of one GPU before any request arrives.

    The engine's reserve was checked against the running requests that measured queueing implies
    (`docs/performance-model.md`): 0.9 x capacity - weights - 5 GB on vLLM and SGLang,
    0.9 x (capacity - weights - 3 GB) on TensorRT-LLM.
    """
    capacity = gpu.memory_gib * GIB
    weights = weight_bytes(model, layout, formats)
    communication = _COMMUNICATION_GIB.get(layout.tp * layout.dp, 0.38) * GIB
    reserve = min(recipe.reserved_bytes, 0.15 * capacity)  # small cards get small workspaces
    activations = max(0.0, 0.5 * (reserve - communication))
    other = max(0.0, reserve - communication - activations)
    if recipe.share_after_weights:
        free = recipe.memory_share * (capacity - weights - reserve)
    else:
        free = recipe.memory_share * capacity - weights - reserve
    return Memory(weights, activations, communication, other, capacity, free)


def max_running(
    model: Model,
    layout: Layout,
    memory: Memory,
    *,
    kv: str,
    input_tokens: float,
    output_tokens: float,
    recipe: Recipe,
) -> float:
    """Requests whose KV cache fits at once, per attention rank (not an integer: a long-run mean)."""
    held = input_tokens + (output_tokens if recipe.reserves_full_length else output_tokens / 2)
    return max(0.0, memory.free) / kv_bytes(model, layout, kv=kv, tokens=held)
