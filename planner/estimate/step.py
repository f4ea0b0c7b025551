"""One engine step: the plain sum of its calls, plus the host time the op tables do not hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from planner.estimate.calls import Gemm, OpList
from planner.estimate.optimes import OpTimes
from planner.estimate.recipes import Setup
from planner.estimate.serving import Steps
from planner.profiles.basis import INTERPOLATED

Array = NDArray[np.float64]
T = TypeVar("T", float, Array)
NO_GRAPH_S_PER_LAYER = (
    190e-6  # without CUDA graphs: 175 to 200 us per layer at any batch (Qwen3-235B, vLLM 0.12)
)


@dataclass(frozen=True, slots=True)
class Part:
    """One call's seconds in a step, all layers together, and the worst basis behind them."""

    phase: str  # decode | prefill
    op: str
    name: str
    variant: str
    calls: int  # times per step
    seconds: Array  # decode: per batch size; prefill: one value
    basis: NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class StepModel:
    """Steps of one replica for every batch size asked about, and what they are made of."""

    parts: tuple[Part, ...]
    host_s: Array
    steps: Steps

    def measured_share(self, i: int, *, prefill_weight: float) -> float:
        """Share of a request's step time at batch index `i` whose basis is measured or interpolated.

        `prefill_weight` counts prefills per decode step; host time counts as not measured.
        """
        known = total = 0.0
        for part in self.parts:
            j, weight = (i, 1.0) if part.phase == "decode" else (0, prefill_weight)
            total += weight * float(part.seconds[j])
            known += weight * float(part.seconds[j]) * bool(part.basis[j] <= INTERPOLATED)
        return known / (total + float(self.host_s[i]) * (1.0 + prefill_weight))


def step_model(
    ops: OpList,
    times: OpTimes,
    setup: Setup,
    *,
    batch: Array,
    new_tokens: float,
    cached_tokens: float,
    prefix_tokens: float = 0.0,
) -> StepModel:
    """Time the steps of `ops`.

    `batch`: running requests per attention rank, rising. `new_tokens`: prefill tokens of one request
    after its `prefix_tokens` found in cache. `cached_tokens`: KV length of a decoding request, I + O/2
    (one midpoint stands for all positions).
    """
    n = len(batch)
    at_tokens = np.concatenate([batch, batch + new_tokens, [new_tokens]])
    at_sequences = np.concatenate([batch, batch + 1.0, [1.0]])
    parts, joined = [], np.zeros(n)
    for call in ops.tokens:
        per_sequence = isinstance(call, Gemm) and call.per_sequence
        t = times.token(call, at_sequences if per_sequence else at_tokens)
        s = t.seconds * call.count
        parts.append(Part("decode", call.op, call.name, t.variant, call.count, s[:n], t.basis[:n]))
        parts.append(Part("prefill", call.op, call.name, t.variant, call.count, s[2 * n :], t.basis[2 * n :]))
        joined += s[n : 2 * n]
    for attention in ops.attention:
        d, p = (
            times.decode(attention, batch, cached_tokens),
            times.prefill(attention, new_tokens, prefix_tokens),
        )
        n_calls = attention.count
        parts.append(Part("decode", d.op, attention.op, d.variant, n_calls, d.seconds * n_calls, d.basis))
        parts.append(Part("prefill", p.op, attention.op, p.variant, n_calls, p.seconds * n_calls, p.basis))
        joined += d.seconds * attention.count + float(p.seconds[0]) * attention.count
    host = _host(ops, setup, batch)
    decode = sum((p.seconds for p in parts if p.phase == "decode"), np.zeros(n))
    alone = sum(float(p.seconds[0]) for p in parts if p.phase == "prefill")
    steps = Steps(batch, decode + host, joined + host, alone + float(_host(ops, setup, np.ones(1))[0]))
    return StepModel(tuple(parts), host, steps)


def _host(ops: OpList, setup: Setup, batch: Array) -> Array:
    return np.asarray(sum((seconds for _, _, seconds in host_parts(ops, setup, batch)), np.zeros_like(batch)))


def host_parts(ops: OpList, setup: Setup, batch: T) -> Iterator[tuple[str, float | T, float | T]]:
    """Host time of one step: (name, times, seconds in all)."""
    per_layer = setup.recipe.host_s_per_layer if setup.cuda_graphs else NO_GRAPH_S_PER_LAYER
    yield "host, per layer", ops.layers, per_layer * ops.layers
    yield "host, per running request", batch, setup.recipe.host_s_per_sequence * batch
