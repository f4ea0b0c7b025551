"""Matrix products in NumPy, in fp32 whatever the inputs are."""

from __future__ import annotations

import numpy as np

from planner.kernels.plain.numpy_rows import Array, Arrays, wide
from planner.kernels.reference.products import ZERO


def gemm(inputs: Arrays, out: Arrays) -> None:
    """The BLAS that NumPy was built with."""
    out["y"][...] = wide(inputs["x"]) @ wide(inputs["weight"]).T


def _weights(codes: Array, scale: Array) -> Array:
    both = np.stack([codes & 15, codes >> 4], axis=-1).reshape(*scale.shape, -1)
    unpacked = (both.astype(np.float32) - ZERO) * wide(scale)[..., None]
    return unpacked.reshape(len(codes), -1)


def gemm_w4a16(inputs: Arrays, out: Arrays) -> None:
    """All weights unpacked first."""
    out["y"][...] = wide(inputs["x"]) @ _weights(inputs["codes"], inputs["scale"]).T


def dequantize_int4(inputs: Arrays, out: Arrays) -> None:
    """Unpack and scale."""
    out["weight"][...] = _weights(inputs["codes"], inputs["scale"])


def moe(inputs: Arrays, out: Arrays) -> None:
    """Expert by expert, over the tokens that chose it."""
    total = np.zeros(inputs["x"].shape, np.float32)
    for expert in np.unique(inputs["expert"]):
        token, slot = np.nonzero(inputs["expert"] == expert)
        gate, up = np.split(wide(inputs["x"][token]) @ wide(inputs["gate_up"][expert]).T, 2, axis=1)
        with np.errstate(over="ignore"):  # exp of a large gate: the sigmoid is then 0
            inner = gate / (1 + np.exp(-gate)) * up
        total[token] += inputs["share"][token, slot][:, None] * (inner @ wide(inputs["down"][expert]).T)
    out["y"][...] = total
