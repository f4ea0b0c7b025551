"""FLOP and bytes of every op the tables hold, for floats and numpy arrays alike.

Shapes are per rank (after tensor parallel division) unless a parameter says otherwise. The byte counts are
what must cross DRAM at least once; caches and re-reads are what the measured tables are for. Formulas: the
usual counts (two FLOP per multiply-add; causal attention does half of the square).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Amount = npt.NDArray[np.float64] | float

WEIGHT_BYTES: dict[str, float] = {
    "bf16": 2.0, "fp16": 2.0, "fp8": 1.0, "fp8_block": 1.0, "int8": 1.0, "int8_wo": 1.0,
    # 4-bit formats carry scales: 1 byte per 16 (nvfp4) or 32 (mxfp4) values, 2 bytes per 128 (int4 groups).
    "int4": 0.5 + 2 / 128, "nvfp4": 0.5 + 1 / 16, "w4a16_mxfp4": 0.5 + 1 / 32, "w4a8_mxfp4": 0.5 + 1 / 32,
    "w4a4_mxfp4": 0.5 + 1 / 32,
}  # fmt: skip
"""Bytes per weight, scales included."""

ACTIVATION_BYTES: dict[str, float] = {
    "bf16": 2.0, "fp16": 2.0, "fp8": 1.0, "fp8_block": 1.0, "int8": 1.0, "int8_wo": 2.0,
    "int4": 2.0, "nvfp4": 0.5 + 1 / 16, "w4a16_mxfp4": 2.0, "w4a8_mxfp4": 1.0, "w4a4_mxfp4": 0.5 + 1 / 32,
}  # fmt: skip
"""Bytes per activation as the tensor cores read it."""

MATH_DTYPE: dict[str, str] = {
    "bf16": "bf16", "fp16": "fp16", "fp8": "fp8", "fp8_block": "fp8", "int8": "int8", "int8_wo": "bf16",
    "int4": "bf16", "nvfp4": "fp4", "w4a16_mxfp4": "bf16", "w4a8_mxfp4": "fp8", "w4a4_mxfp4": "fp4",
}  # fmt: skip
"""The dense peak (key of `Gpu.dense_flops`) that bounds each weight format."""


@dataclass(frozen=True, slots=True)
class Work:
    """What one call must do at least: `flops` operations and `bytes` through DRAM (or over the link)."""

    flops: Amount
    bytes: Amount

    def roofline_s(self, *, flops_per_s: float, bytes_per_s: float) -> Amount:
        """The longer of computing and moving, in seconds.

        >>> float(Work(flops=4e12, bytes=1e9).roofline_s(flops_per_s=1e15, bytes_per_s=4e12))
        0.004
        """
        return np.maximum(np.divide(self.flops, flops_per_s), np.divide(self.bytes, bytes_per_s))


def gemm(*, m: Amount, n: Amount, k: Amount, dtype: str = "bf16") -> Work:
    """One linear layer: m tokens, k inputs, n outputs written in 16 bits.

    >>> gemm(m=1, n=4096, k=4096).flops
    33554432
    """
    moved = WEIGHT_BYTES[dtype] * n * k + ACTIVATION_BYTES[dtype] * m * k + 2.0 * m * n
    return Work(flops=2 * m * n * k, bytes=moved)


def attention_prefill(
    *, heads: Amount, kv_heads: Amount, head_dim: Amount, batch: Amount, length: Amount, window: Amount = 0,
    prefix: Amount = 0, dtype_bytes: float = 2.0, kv_bytes: float = 2.0,
) -> Work:  # fmt: skip
    """Causal attention of `length` new tokens per sequence after `prefix` cached ones; `window` 0 means full.

    >>> float(attention_prefill(heads=1, kv_heads=1, head_dim=1, batch=1, length=4).flops)
    32.0
    """
    total = np.add(length, prefix)
    full = 2.0 * (total**2 - np.square(np.asarray(prefix, float)))
    banded = 4.0 * length * np.minimum(total, window)
    pairs = np.where(np.asarray(window) > 0, np.minimum(full, banded), full)
    reach = np.where(np.asarray(window) > 0, np.minimum(total, np.add(length, window)), total)
    moved = (
        2 * dtype_bytes * batch * length * heads * head_dim
        + 2 * kv_bytes * batch * reach * kv_heads * head_dim
    )
    return Work(flops=batch * pairs * heads * head_dim, bytes=moved)


def attention_decode(
    *, heads: Amount, kv_heads: Amount, head_dim: Amount, batch: Amount, kv_len: Amount, window: Amount = 0,
    kv_bytes: float = 2.0,
) -> Work:  # fmt: skip
    """One new token per sequence against `kv_len` cached ones (at most `window` of them when it is above 0).

    >>> float(attention_decode(heads=8, kv_heads=1, head_dim=128, batch=2, kv_len=1000).flops)
    8192000.0
    """
    seen = np.where(np.asarray(window) > 0, np.minimum(kv_len, window), kv_len)
    moved = batch * (4.0 * heads * head_dim + 2.0 * kv_heads * head_dim * seen * kv_bytes)
    return Work(flops=4.0 * batch * heads * head_dim * seen, bytes=moved)


def moe(
    *, tokens: Amount, hidden: Amount, inter: Amount, experts: Amount, topk: Amount,
    tp: Amount = 1, ep: Amount = 1, dtype: str = "bf16", gated: bool = True,
) -> Work:  # fmt: skip
    """Routed experts of one layer on one rank; `tokens` enter the layer over the whole expert group.

    At most one expert's weights are read per routed token, and no more than the rank holds.

    >>> float(moe(tokens=1, hidden=2, inter=4, experts=8, topk=2).flops)
    96.0
    """
    matrices = 3.0 if gated else 2.0
    routed = np.multiply(tokens, topk)
    touched = np.minimum(np.divide(experts, ep), np.divide(routed, ep))
    weights = WEIGHT_BYTES[dtype] * hidden * inter * matrices / tp * touched
    activations = ACTIVATION_BYTES[dtype] * (
        2.0 * hidden * routed / ep + matrices * inter * routed / (ep * tp)
    )
    flops = 2.0 * routed * hidden * inter * matrices / (ep * tp)
    return Work(flops=flops, bytes=weights + activations)


def mla_decode(
    *,
    heads: Amount,
    batch: Amount,
    kv_len: Amount,
    latent: Amount = 512,
    rope: Amount = 64,
    kv_bytes: float = 2.0,
) -> Work:
    """Absorbed latent attention: every head reads the one compressed row of `latent + rope` values per
    token."""
    width = np.add(latent, rope)
    flops = 2.0 * batch * heads * kv_len * (width + latent)
    return Work(flops=flops, bytes=batch * (kv_len * width * kv_bytes + 2.0 * heads * (width + latent)))


def mla_prefill(
    *,
    heads: Amount,
    batch: Amount,
    length: Amount,
    qk_dim: Amount = 192,
    v_dim: Amount = 128,
    kv_bytes: float = 2.0,
) -> Work:
    """Latent attention expanded to full heads, causal, no cached prefix."""
    flops = 1.0 * batch * heads * np.square(np.asarray(length, float)) * np.add(qk_dim, v_dim)
    return Work(flops=flops, bytes=batch * length * heads * np.add(qk_dim, v_dim) * (2.0 + kv_bytes))


def collective_bytes(op: str, *, elements: Amount, num_gpus: Amount, element_bytes: float = 2.0) -> Amount:
    """Bytes one GPU must send over its link for a ring or all-to-all over `num_gpus` GPUs.

    >>> collective_bytes("all_reduce", elements=1000, num_gpus=4)
    3000.0
    >>> collective_bytes("all_gather", elements=1000, num_gpus=4)
    1500.0
    """
    share = elements * element_bytes * (num_gpus - 1) / num_gpus
    return 2 * share if op == "all_reduce" else share


def memory_op(
    *, tokens: Amount, width: Amount, reads: int = 1, writes: int = 1, element_bytes: float = 2.0
) -> Work:
    """Norm, activation, rope or residual add: bound by the bytes it touches."""
    return Work(flops=0.0, bytes=element_bytes * (reads + writes) * tokens * width)
