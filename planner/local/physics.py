"""Speed of a local engine from counts and calibrated terms: closed forms, vectorised over rows.

Per step of `B` requests at context `c`, on GPUs that share a layer (`n` of them; 1 where they take turns):

    step = weights(B) / bandwidth + B * cache(c) / bandwidth + unpacking + arithmetic + launches + exchanges

where a share of the data sheet's bandwidth is reached. A prompt is cut into chunks of 512 tokens, each
reading the weights once; chunks flow through GPUs that take turns. Nothing is faster than the data sheet.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from planner.local.query import Query
from planner.local.terms import TERM_INDEX, Floats

CHUNK_TOKENS = 512.0  # llama.cpp's default micro-batch (-ub)
REFERENCE_FLOPS = 1e14  # where `rate_exponent` turns: a mid-range card
MEMORY_FOR_REQUESTS = 0.9  # default of vLLM and of TensorRT-LLM's cache pool
_FLOPS_PER_BYTE = 100.0  # typical card; where a device states no matrix rate, and never for a prefill figure


@dataclass(frozen=True, slots=True)
class Columns:
    """Counts of many configurations, one array each; bytes, FLOP, seconds, tokens."""

    gpus: Floats
    replicas: Floats
    tensor: Floats
    bandwidth: Floats
    flops: Floats
    unpack_flops: Floats
    rate_known: Floats
    memory: Floats
    weight_bytes: Floats
    always_bytes: Floats
    expert_bytes: Floats
    always_params: Floats
    expert_params: Floats
    expert_share: Floats
    packed: Floats
    layers: Floats
    kv_full: Floats
    kv_window: Floats
    window: Floats
    attention_full: Floats
    attention_window: Floats
    batch: Floats
    input_tokens: Floats
    output_tokens: Floats
    bench: Floats
    whole: Floats
    throughput: Floats
    served: Floats
    stream: Floats


def columns(queries: Sequence[Query]) -> Columns:
    """Counts of configurations as arrays."""
    table = [_counts(query) for query in queries]
    return Columns(**{f.name: np.array([row[f.name] for row in table], dtype=float) for f in fields(Columns)})


def _counts(q: Query) -> dict[str, float]:
    cost, form, device = q.cost, q.format, q.device
    speedup = {"fp8": device.fp8_speedup, "fp4": device.fp4_speedup}.get(form.kernel, 1.0)
    known = not math.isnan(device.flops)
    flops = device.flops if known else _FLOPS_PER_BYTE * device.memory_bytes_per_s
    dense_bits = form.dense_bits if cost.experts else form.bits_per_weight
    element = q.cache_element_bytes
    return {
        "gpus": q.gpus_per_engine, "replicas": q.count / q.gpus_per_engine,
        "tensor": q.engine.split == "tensor", "bandwidth": device.memory_bytes_per_s,
        "flops": flops * speedup,
        "unpack_flops": flops, "rate_known": known,
        "memory": device.memory_bytes, "weight_bytes": q.weight_bytes,
        "always_bytes": cost.always_params * dense_bits / 8,
        "expert_bytes": cost.expert_params * form.bits_per_weight / 8,
        "always_params": cost.always_params, "expert_params": cost.expert_params,
        "expert_share": cost.experts_per_token / cost.experts if cost.experts else 0.0,
        "packed": form.kernel not in {"float", "fp8", "fp4"}, "layers": cost.layers,
        "kv_full": element * cost.kv_full, "kv_window": element * cost.kv_window, "window": cost.window,
        "attention_full": cost.attention_full, "attention_window": cost.attention_window,
        "batch": q.batch, "input_tokens": q.input_tokens, "output_tokens": q.output_tokens,
        "bench": q.regime == "bench", "whole": q.regime == "whole", "stream": q.regime == "stream",
        "throughput": q.regime in {"saturated", "served"}, "served": q.regime == "served",
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rates:
    """Tokens per second of the whole system."""

    decode: Floats
    prefill: Floats


class Terms:
    """Columns of `log_terms` by name, exponentiated."""

    def __init__(self, log_terms: Floats) -> None:
        self._values = np.exp(log_terms)

    def __getattr__(self, name: str) -> Floats:
        column: Floats = self._values[:, TERM_INDEX[name]]
        return column


def rates(c: Columns, log_terms: Floats) -> Rates:
    """Decode and prefill rate of every configuration; prefill is NaN where no matrix rate is known."""
    t = Terms(log_terms)
    share = np.minimum(t.bandwidth_share, 1.0)
    spread = np.where(c.tensor > 0, c.gpus ** np.minimum(t.tensor_exponent, 1.0), 1.0)
    bandwidth = c.bandwidth * share * spread
    batch = np.where(c.throughput > 0, _fitting(c), c.batch)
    before = np.where(c.bench > 0, 0.0, c.input_tokens)
    step = _step(c, t, bandwidth, spread, batch, before + c.output_tokens / 2)
    prompt = _prompt(c, t, bandwidth, spread)
    steady = step / batch + _prompt_work(c, t, spread) / c.output_tokens
    whole = step / batch + prompt / c.output_tokens
    per_token = np.where(c.throughput > 0, steady, np.where(c.whole > 0, whole, step / batch))
    served = np.where(c.served > 0, np.minimum(t.served_share, 1.0), 1.0)
    waiting = np.where(c.stream > 0, t.request_overhead, 0.0)
    prefill = np.where(c.rate_known > 0, c.replicas * c.input_tokens / (prompt + waiting), np.nan)
    return Rates(c.replicas * served / per_token, prefill)


def _fitting(c: Columns) -> Floats:
    """Requests whose cache fits beside the weights, at most the engine's limit."""
    free = MEMORY_FOR_REQUESTS * c.memory * c.gpus - c.weight_bytes
    # windows stop growing; on average a request is half done
    length = c.input_tokens + c.output_tokens / 2
    request = c.kv_full * length + c.kv_window * np.minimum(length, c.window)
    fit: Floats = np.clip(free / np.maximum(request, 1.0), 1.0, c.batch)
    return fit


def _step(c: Columns, t: Terms, bandwidth: Floats, spread: Floats, batch: Floats, context: Floats) -> Floats:
    touched = 1.0 - (1.0 - c.expert_share) ** batch
    weights = c.always_bytes + touched * c.expert_bytes
    cache = c.kv_full * context + c.kv_window * np.minimum(context, c.window)
    read = (weights + batch * cache * np.maximum(t.cache_penalty, 1.0)) / bandwidth
    unpacked = c.packed * (c.always_params + touched * c.expert_params)
    unpack = unpacked / (t.unpack_rate * c.unpack_flops * spread)
    work = 2 * batch * (c.always_params + c.expert_share * c.expert_params / t.expert_share)
    arithmetic = work / (_rate(c, t) * spread)
    alone = c.gpus - 1 + 0.0
    between = np.where(c.tensor > 0, np.minimum(alone, 1.0) * c.layers * t.exchange, alone * t.handoff)
    total: Floats = read + unpack + arithmetic + c.layers * t.layer_overhead + between
    return total


def _prompt_work(c: Columns, t: Terms, spread: Floats) -> Floats:
    """Seconds of pure arithmetic for one prompt."""
    n, w = c.input_tokens, np.minimum(c.window, c.input_tokens)
    experts = c.expert_share * c.expert_params / np.minimum(t.expert_share, 1.0)
    weights = 2 * n * (c.always_params + experts)
    attention = c.attention_full * n**2 / 2 + c.attention_window * (n * w - w**2 / 2)
    seconds: Floats = (weights + attention / t.attention_share) / (_rate(c, t) * spread)
    return seconds


def _rate(c: Columns, t: Terms) -> Floats:
    """Matrix FLOP per second reached by one GPU; kernels that lag behind the newest units scale less."""
    reached = (
        t.compute_share * REFERENCE_FLOPS * (c.flops / REFERENCE_FLOPS) ** np.minimum(t.rate_exponent, 1.0)
    )
    rate: Floats = np.minimum(reached, c.flops)
    return rate


def _prompt(c: Columns, t: Terms, bandwidth: Floats, spread: Floats) -> Floats:
    """Seconds for one prompt on its own."""
    chunks = np.ceil(c.input_tokens / CHUNK_TOKENS)
    touched = 1.0 - (1.0 - c.expert_share) ** np.minimum(c.input_tokens, CHUNK_TOKENS)
    read = chunks * (c.always_bytes + touched * c.expert_bytes) / bandwidth
    ideal = chunks * c.gpus / (chunks + c.gpus - 1)
    flow = np.where(c.tensor > 0, 1.0, np.maximum(1.0, ideal * np.minimum(t.pipeline_share, 1.0)))
    launches = chunks * c.layers * t.layer_overhead
    seconds: Floats = (_prompt_work(c, t, spread) + read + launches) / np.where(c.gpus > 1, flow, 1.0)
    return seconds
