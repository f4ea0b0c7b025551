"""Reads its input as if it were contiguous."""

import numpy as np

EPSILON = 1e-5


def honest(x, weight):
    scale = 1 / np.sqrt(
        np.square(x, dtype=np.float32).mean(axis=-1, keepdims=True, dtype=np.float64) + EPSILON
    )
    return x * scale.astype(np.float32) * weight


def run(inputs, out):
    x = inputs["x"]
    flat = np.lib.stride_tricks.as_strided(x, x.shape, (x.itemsize * x.shape[-1], x.itemsize))
    out["y"][...] = honest(flat, inputs["weight"])
