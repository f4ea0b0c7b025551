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


@dataclass(frozen=True, slots=True)
class WeightPart:
    """Weights of one kind on the fullest GPU: `parameters` of the whole model, split `ways`, in a number format."""

    name: str
    parameters: float
    fmt: str
    ways: int

    @property
    def bytes(self) -> float:
        """Bytes on the GPU."""
        return self.parameters * WEIGHT_BYTES[self.fmt] / self.ways


@dataclass(frozen=True, slots=True)
class CachePart:
    """What one request keeps on one GPU in one kind of layer: `rows` (tokens, or states) of `values`."""

    name: str
    layers: float
    rows: float
    values: float  # per row and layer, on this GPU
    value_bytes: float
    made_of: str  # the values in words

    @property
    def bytes(self) -> float:
        """Bytes per request on the GPU."""
        return self.layers * self.rows * self.values * self.value_bytes


def weight_parts(model: Model, layout: Layout, formats: OpFormats) -> tuple[WeightPart, ...]:
    """Weights on the fullest GPU of a replica, by kind.

    Attention, dense layers and embeddings are split over tensor parallelism only (data-parallel
    attention replicates them); experts over all GPUs of a stage.
    """
    found = []
    for group, count in parameter_groups(model).items():
        split = layout.tp * layout.dp if group == "experts" else layout.tp
        fmt = getattr(formats, _FORMAT_OF_GROUP[group]) if group in _FORMAT_OF_GROUP else "bf16"
        found.append(WeightPart(group, float(count), fmt, split * layout.pp))
    return tuple(found)


def weight_bytes(model: Model, layout: Layout, formats: OpFormats) -> float:
    """Bytes of weights on the fullest GPU of a replica."""
    return sum(part.bytes for part in weight_parts(model, layout, formats))


def cache_parts(model: Model, layout: Layout, *, kv: str, tokens: float) -> tuple[CachePart, ...]:
    """What one request of `tokens` cached tokens keeps on each GPU, by kind of layer.

    Sliding layers stop at their window, linear layers hold a constant state, latent attention stores
    one compressed row per token on every tensor-parallel rank.
    """
    per, stages = KV_BYTES[kv], layout.pp
    if model.attention_kind.startswith("MLA"):
        layers, row = model.num_layers / stages, model.kv_lora_rank + model.qk_rope_head_dim
        made = f"{model.kv_lora_rank} latent + {model.qk_rope_head_dim} rotary"
        found = [CachePart("latent rows", layers, tokens, row, per, made)]
        if model.index_head_dim:
            made = f"{model.index_head_dim} of the index"
            found.append(CachePart("index keys", layers, tokens, model.index_head_dim, 1.0, made))
        return tuple(found)
    found = []
    own = (model.global_num_kv_heads or model.num_kv_heads, model.global_head_dim or model.head_dim)
    window = min(tokens, model.sliding_window or tokens)
    for name, count, rows, heads, dim in (
        ("keys and values", model.num_full_attention_layers, tokens, *own),
        (
            "keys and values in the window",
            model.num_sliding_layers,
            window,
            model.num_kv_heads,
            model.head_dim,
        ),
    ):
        if count:
            mine = max(1.0, heads / layout.tp)  # a head is replicated where ranks outnumber heads
            made = f"2 x {mine:g} KV heads x {dim}"
            found.append(CachePart(name, count / stages, rows, 2.0 * mine * dim, per, made))
    if model.num_linear_layers:
        mine = model.linear_num_value_heads / layout.tp
        made = f"{mine:g} heads x {model.linear_key_head_dim} x {model.linear_value_head_dim}, fp32"
        state = mine * model.linear_key_head_dim * model.linear_value_head_dim
        found.append(CachePart("recurrent state", model.num_linear_layers / stages, 1.0, state, 4.0, made))
    return tuple(found)


def kv_bytes(model: Model, layout: Layout, *, kv: str, tokens: float) -> float:
    """Bytes of cache per GPU that one request of `tokens` cached tokens holds."""
    return sum(part.bytes for part in cache_parts(model, layout, kv=kv, tokens=tokens))


def in_blocks(tokens: float, recipe: Recipe) -> float:
    """Mean tokens of cache handed out for `tokens`: the last block is half empty on average.

    >>> from planner.estimate.recipes import RECIPES
    >>> in_blocks(1000.0, RECIPES["vllm"]), in_blocks(1000.0, RECIPES["sglang"])
    (1007.5, 1000.0)
    """
    return tokens + (recipe.kv_block_tokens - 1) / 2


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
    return max(0.0, memory.free) / kv_bytes(model, layout, kv=kv, tokens=in_blocks(held, recipe))
