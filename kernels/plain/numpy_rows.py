"""Row ops in NumPy, in fp32 whatever the inputs are; sums in fp64, because NumPy adds strided rows one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.kernels.reference.rows import EPSILON

Array = npt.NDArray[Any]
Arrays = Mapping[str, Array]


def wide(array: Array) -> Array:
    """The array in fp32."""
    return array.astype(np.float32, copy=False)


def _normed(x: Array, weight: Array) -> Array:
    mean = np.square(x).mean(axis=-1, keepdims=True, dtype=np.float64)
    return np.asarray(x * (1 / np.sqrt(mean + EPSILON)).astype(np.float32) * wide(weight))


def rmsnorm(inputs: Arrays, out: Arrays) -> None:
    """One pass for the mean square, one for the result."""
    out["y"][...] = _normed(wide(inputs["x"]), inputs["weight"])


def add_rmsnorm(inputs: Arrays, out: Arrays) -> None:
    """The sum is kept and normed."""
    total = wide(inputs["x"]) + wide(inputs["residual"])
    out["total"][...] = total
    out["y"][...] = _normed(total, inputs["weight"])


def layernorm(inputs: Arrays, out: Arrays) -> None:
    """Centred first, so that the variance does not cancel."""
    x = inputs["x"].astype(np.float64)
    centred = (x - x.mean(axis=-1, keepdims=True)).astype(np.float32)
    out["y"][...] = _normed(centred, inputs["weight"]) + wide(inputs["bias"])


def swiglu(inputs: Arrays, out: Arrays) -> None:
    """The sigmoid by tanh, which cannot overflow."""
    gate = wide(inputs["gate"])
    with np.errstate(over="ignore"):  # a product beyond fp16 is infinite, as it should be
        out["y"][...] = gate * (0.5 + 0.5 * np.tanh(0.5 * gate)) * wide(inputs["up"])


def _exponentials(x: Array) -> tuple[Array, Array, Array]:
    """exp(x - max), the max and the sum of each row."""
    top = x.max(axis=-1, keepdims=True)
    e = np.exp(x - top)
    return e, top, e.sum(axis=-1, keepdims=True, dtype=np.float64)


def softmax(inputs: Arrays, out: Arrays) -> None:
    """Three passes: max, sum, result."""
    e, _, total = _exponentials(wide(inputs["x"]))
    out["y"][...] = e / total


def cross_entropy(inputs: Arrays, out: Arrays) -> None:
    """The logarithm of the sum, less the target's logit."""
    x = wide(inputs["logits"])
    _, top, total = _exponentials(x)
    out["loss"][...] = (np.log(total) + top)[:, 0] - x[np.arange(len(x)), inputs["target"]]


def cross_entropy_train(inputs: Arrays, out: Arrays) -> None:
    """The loss, then the gradient from the same exponentials."""
    cross_entropy(inputs, out)
    e, _, total = _exponentials(wide(inputs["logits"]))
    gradient = e / total
    gradient[np.arange(len(e)), inputs["target"]] -= 1
    out["gradient"][...] = gradient


def rope(inputs: Arrays, out: Arrays) -> None:
    """Both halves of each head, rotated against each other."""
    cos, sin = inputs["cos"][:, None, :], inputs["sin"][:, None, :]
    for name in ("q", "k"):
        first, second = np.split(wide(inputs[name]), 2, axis=-1)
        half = first.shape[-1]
        out[f"{name}_rotated"][..., :half] = first * cos - second * sin
        out[f"{name}_rotated"][..., half:] = second * cos + first * sin
