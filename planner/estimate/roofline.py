"""The physical floor of each call on a GPU: the longer of computing and moving.

FLOP and bytes per op come from `planner.kernels.ops`, peaks from the GPU's specification row. The
floors extrapolate beyond measured points (utilisation is held) and carry utilisation to another GPU.
Every method returns a function of the key axes its op's table has, in table order, so it can be handed
to `planner.profiles.lookup` as it is.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from planner.errors import DataError
from planner.estimate.calls import Elementwise, LatentAttention, LinearAttention, SparseAttention
from planner.estimate.precision import KV_BYTES
from planner.kernels.ops import (
    MATH_DTYPE,
    WEIGHT_BYTES,
    Work,
    attention_decode,
    attention_prefill,
    collective_bytes,
    gemm,
    moe,
)
from planner.profiles.gpus import Gpu

Array = NDArray[np.float64]
Floor = Callable[..., Array]

ELEMENTWISE_BANDWIDTH_SHARE = 0.8  # achieved share of memory bandwidth; aiconfigurator's system files
_B60_BANDWIDTH_SHARE = 0.5  # same source
PCIE4_BYTES_PER_S = 32e9  # where the table names no link
_NEXT_RATE = {"fp4": ("fp8", "bf16"), "fp8": ("bf16",), "int8": ("fp8", "bf16"), "bf16": ("fp16",)}


def peak_flops(gpu: Gpu, fmt: str, *, like: Gpu | None = None) -> float:
    """Dense FLOP/s at which `gpu` multiplies weights stored as `fmt`.

    Where its data sheet states no rate for the format (GeForce fp8), the rate is in the same proportion to
    the 16-bit one as on `like`; failing that, the next wider format's rate.
    Raises `DataError` for a GPU without any sourced matrix rate.
    """
    rate = MATH_DTYPE[fmt]
    if rate in gpu.dense_flops:
        return gpu.dense_flops[rate]
    if like is not None and rate in like.dense_flops and gpu.flops_16bit and like.flops_16bit:
        return gpu.flops_16bit * like.dense_flops[rate] / like.flops_16bit
    for name in (*_NEXT_RATE.get(rate, ()), "fp16"):
        if name in gpu.dense_flops:
            return gpu.dense_flops[name]
    raise DataError(
        f"gpu {gpu.key}: no dense matrix rate is known", hint="choose a GPU with full specifications"
    )


class Roofline:
    """Floors of calls on one GPU, in seconds; `like` fills rates its data sheet leaves out."""

    def __init__(self, gpu: Gpu, *, like: Gpu | None = None) -> None:
        if gpu.memory_bytes_per_s is None:
            raise DataError(
                f"gpu {gpu.key}: no memory bandwidth is known", hint="choose a GPU with full specifications"
            )
        self.gpu = gpu
        self.bandwidth = gpu.memory_bytes_per_s
        self.link = gpu.link_bytes_per_s or PCIE4_BYTES_PER_S
        self.elementwise_share = _B60_BANDWIDTH_SHARE if gpu.key == "b60" else ELEMENTWISE_BANDWIDTH_SHARE
        self._like = like

    def _of(self, work: Work, fmt: str) -> Array:
        floor = work.roofline_s(
            flops_per_s=peak_flops(self.gpu, fmt, like=self._like), bytes_per_s=self.bandwidth
        )
        return np.asarray(floor, dtype=np.float64)

    def gemm(self, dtype: str) -> Floor:
        """(n, k, m)."""
        return lambda n, k, m: self._of(gemm(m=m, n=n, k=k, dtype=dtype), dtype)

    def experts(self, dtype: str) -> Floor:
        """(hidden, inter, experts, topk, tp, ep, tokens)."""

        def floor(*key: float | Array) -> Array:
            hidden, inter, experts, topk, tp, ep, tokens = key
            work = moe(
                tokens=tokens,
                hidden=hidden,
                inter=inter,
                experts=experts,
                topk=topk,
                tp=tp,
                ep=ep,
                dtype=dtype,
            )
            return self._of(work, dtype)

        return floor

    def prefill(self, kv: str) -> Floor:
        """(heads, kv_heads, head_dim, window, batch, new tokens)."""

        def floor(*key: float | Array) -> Array:
            heads, kv_heads, dim, window, batch, length = key
            return self._of(
                attention_prefill(heads=heads, kv_heads=kv_heads, head_dim=dim, batch=batch, length=length,
                                  window=window, kv_bytes=KV_BYTES[kv]), "bf16")  # fmt: skip

        return floor

    def decode(self, kv: str) -> Floor:
        """(heads, kv_heads, head_dim, window, batch, cached tokens)."""

        def floor(*key: float | Array) -> Array:
            heads, kv_heads, dim, window, batch, length = key
            return self._of(
                attention_decode(heads=heads, kv_heads=kv_heads, head_dim=dim, batch=batch, kv_len=length,
                                 window=window, kv_bytes=KV_BYTES[kv]), "bf16")  # fmt: skip

        return floor

    def latent(self, call: LatentAttention | SparseAttention, *, prefill: bool) -> Floor:
        """(heads, batch, length) of the whole block: projections, then attention in the latent space.

        A sparse block attends to at most `topk` positions.
        """
        rank = call.kv_rank + call.rope
        reach = call.topk if isinstance(call, SparseAttention) else np.inf

        def floor(heads: float | Array, batch: float | Array, length: float | Array) -> Array:
            weights = call.hidden * (call.q_rank + rank) + np.multiply(heads, call.weights_per_head)
            rows = np.multiply(batch, length) if prefill else np.asarray(batch, np.float64)
            span = np.minimum(np.divide(length, 2.0) if prefill else length, reach)
            flops = 2.0 * rows * weights + 4.0 * rows * heads * span * rank
            moved = weights * WEIGHT_BYTES[call.gemm] + np.multiply(batch, span) * rank * KV_BYTES[call.kv]
            return self._of(Work(flops, moved + 4.0 * rows * call.hidden), call.gemm)

        return floor

    def linear(self, call: LinearAttention, *, convolution: bool) -> Floor:
        """(batch, new tokens): the convolution streams its channels; the recurrence also reads and writes
        every sequence's state once per step."""
        width = 2 * call.k_heads * call.k_dim + 2 * call.v_heads * call.v_dim
        state = 0.0 if convolution else float(call.v_heads * call.k_dim * call.v_dim)

        def floor(batch: float | Array, length: float | Array) -> Array:
            rows = np.multiply(batch, length)
            return self._of(
                Work(8.0 * rows * state, 8.0 * np.multiply(batch, state) + 4.0 * rows * width), "bf16"
            )

        return floor

    def elementwise(self, call: Elementwise, tokens: Array) -> Array:
        """Memory-bound work at the share of bandwidth such kernels reach."""
        return call.bytes_per_token * tokens / (self.elementwise_share * self.bandwidth)

    def exchange(self, op: str) -> Floor:
        """(gpus, elements of 2 bytes)."""
        return lambda gpus, elements: np.asarray(
            collective_bytes(op, elements=elements, num_gpus=gpus) / self.link, dtype=np.float64
        )
