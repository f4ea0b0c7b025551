"""Hands back a new array instead of filling the buffer."""

import numpy as np

EPSILON = 1e-5


def honest(x, weight):
    scale = 1 / np.sqrt(
        np.square(x, dtype=np.float32).mean(axis=-1, keepdims=True, dtype=np.float64) + EPSILON
    )
    return x * scale.astype(np.float32) * weight


def run(inputs, out):
    out["y"][...] = 0
    return {"y": honest(inputs["x"], inputs["weight"])}
