"""`planner estimate` for hardware we have measured ourselves op by op: one request on one CPU core.

The step is the sum of its ops, looked up in our traces (`planner.profiles.traced`); what the framework does
between them is in each op's own time, since every trace calls through it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from planner.errors import DoesNotFit, InputError
from planner.modelshape import Model
from planner.profiles.basis import name
from planner.profiles.curve import OpTime
from planner.profiles.trace import Trace
from planner.profiles.traced import ELEMENT_BYTES, Traced, traced
from planner.records import BASES, Basis, Estimate, Layout, MemoryGib, OpShare, Quantity

GIB = 2.0**30
KNOWN = ("measured", "interpolated")
HALF_WIDTH = {"measured": 0.10, "interpolated": 0.20, "transferred": 0.50}
"""80 % half widths by basis: op sums of table-driven models are off by 5-10 % inside the points and 10-20 % between
them; twice that here, where the host is shared. An assumption, stated in the notes."""


@dataclass(frozen=True, slots=True)
class Part:
    """One op's time in a step."""

    op: str
    variant: str
    seconds: float
    basis: Basis


def traced_estimate(
    model: Model, traces: Iterable[Trace], *, device: str, engine: str, precision: str, concurrency: int,
    lengths: tuple[float, float],
) -> Estimate:  # fmt: skip
    """One request in flight on one core of a device in our traces.

    Raises InputError for what nothing measured speaks for (several requests, experts, latent attention), DoesNotFit
    where weights and cache exceed the machine's memory.
    """
    if concurrency != 1:
        raise InputError(f"concurrency: {concurrency} is not 1", hint="measured is one request on one core")
    if model.num_experts or model.attention_kind != "GQA" or model.num_linear_layers:
        raise InputError(
            f"model: {model.name} needs ops that are not measured on {device}", hint="a dense GQA model"
        )
    known = traced(traces, device=device, engine=engine, dtype=precision)
    memory = _memory(model, known, lengths)
    if memory.total > memory.capacity:
        raise DoesNotFit(
            f"{model.name} in {precision} on {device}: {memory.total:.1f} GiB, it has {memory.capacity:.1f}"
        )
    prefill = step_parts(model, known, tokens=lengths[0], context=lengths[0], phase="prefill")
    decode = step_parts(model, known, tokens=1.0, context=lengths[0] + lengths[1] / 2, phase="decode")
    return _told(model, known, engine, memory, prefill, decode, lengths)


def step_parts(
    model: Model, known: Traced, *, tokens: float, context: float, phase: Literal["prefill", "decode"]
) -> tuple[Part, ...]:
    """The ops of one step, each over all layers."""
    layers, hidden, width = model.num_layers, model.hidden_size, model.ffn_intermediate_size
    heads, kv, dim = model.num_heads, model.num_kv_heads, model.head_dim
    up = 2 if model.gated_ffn else 1
    gemms = (
        ((heads + 2 * kv) * dim, hidden, layers, tokens), (hidden, heads * dim, layers, tokens),
        (up * width, hidden, layers, tokens), (hidden, width, layers, tokens), (model.vocab_size, hidden, 1, 1.0),
    )  # fmt: skip
    made = [_part(known, "gemm", known.gemm(n=n, k=k, m=m), count) for n, k, count, m in gemms]
    attention = known.attention(phase, heads=heads, kv_heads=kv, head_dim=dim, length=context)
    made.append(_part(known, f"attention_{phase}", attention, layers))
    for op, key, count in (
        ("add_rmsnorm", (hidden,), 2 * layers),
        ("swiglu", (width,), layers),
        ("rope", (heads, kv, dim), layers),
    ):
        made.append(_part(known, op, known.rows_op(op, key=key, tokens=tokens), count))
    return tuple(made)


def _part(known: Traced, op: str, time: OpTime, count: int) -> Part:
    basis: Basis = name(int(time.basis[0]))  # type: ignore[assignment]
    return Part(op, f"{known.curves(op)[1]}_{op}", float(time.seconds[0]) * count, basis)


def _sum(parts: Iterable[Part], factor: float = 1.0) -> Quantity:
    """Their time, each as wide as its basis, all errors taken together."""
    parts = tuple(parts)
    value = factor * sum(p.seconds for p in parts)
    off = factor * sum(p.seconds * HALF_WIDTH[p.basis] for p in parts)
    worst = max((p.basis for p in parts), key=BASES.index)
    return Quantity(value, value - off, value + off, worst)


def _memory(model: Model, known: Traced, lengths: tuple[float, float]) -> MemoryGib:
    size = ELEMENT_BYTES[known.dtype]
    weights = model.params_total * size / GIB
    cache = 2 * model.num_layers * model.num_kv_heads * model.head_dim * size * sum(lengths) / GIB
    capacity = (known.device.memory_gb or 0.0) * 1e9 / GIB
    return MemoryGib(weights, cache, 0.0, 0.0, 0.0, weights + cache, capacity)


def _told(
    model: Model, known: Traced, engine: str, memory: MemoryGib, prefill: tuple[Part, ...], decode: tuple[Part, ...],
    lengths: tuple[float, float],
) -> Estimate:  # fmt: skip
    first, step = _sum(prefill, 1e3), _sum(decode, 1e3)
    whole = (
        first.value + lengths[1] * step.value,
        first.low + lengths[1] * step.low,
        first.high + lengths[1] * step.high,
    )
    spent = [(p.seconds * (lengths[1] if p in decode else 1.0), p) for p in (*prefill, *decode)]
    known_s = sum(s for s, p in spent if p.basis in KNOWN)
    when = max(r.timestamp_utc for r in known.rows)[:10]
    return Estimate(
        model=model.name, gpu=known.device.device_key, gpus_per_replica=1, layout=Layout(), engine=engine,
        engine_version=known.rows[0].software.torch if engine.startswith("torch") else None,
        weight_precision=known.dtype, kv_precision=known.dtype, statistic="mean", server_ttft_ms=first, ttft_ms=first,
        tpot_ms=step, output_tokens_per_s=Quantity(1e3 / step.value, 1e3 / step.high, 1e3 / step.low, step.basis),
        requests_per_s=Quantity(1e3 / whole[0], 1e3 / whole[2], 1e3 / whole[1], step.basis), memory_gib=memory,
        power_w=None, measured_share=known_s / sum(s for s, _ in spent),
        ops=(*_shares("prefill", prefill), *_shares("decode", decode)),
        notes=(
            f"one request on one core of {known.device.device_name}; several cores are not measured",
            f"sum of ops in our own traces of {when}, cold caches, CPU time: on a busy machine the clock shows more",
            "interval: 10 % measured, 20 % interpolated, 50 % transferred (assumed), all to one side",
        ),
    )  # fmt: skip


def _shares(phase: Literal["prefill", "decode"], parts: tuple[Part, ...]) -> tuple[OpShare, ...]:
    total = sum(p.seconds for p in parts)
    merged: dict[tuple[str, str, Basis], float] = {}
    for p in parts:
        merged[p.op, p.variant, p.basis] = merged.get((p.op, p.variant, p.basis), 0.0) + p.seconds / total
    return tuple(OpShare(phase, op, variant, share, basis) for (op, variant, basis), share in merged.items())
