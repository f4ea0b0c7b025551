"""Ops on rows: norms."""

from __future__ import annotations

from typing import Any

from planner.kernels.definition import Arrays, Op, Shape, Tensor

FLOATS = ("bf16", "fp16", "fp32")
EPSILON = 1e-5
"""Added to the mean square, as Llama 3 does."""
NORM = {"fp32": 1e-6, "fp16": 1e-3, "bf16": 5e-3}
"""Norm-wise tolerance of one rounding plus fp32 arithmetic inside."""

CHECK_SHAPES = tuple(
    {"tokens": tokens, "width": width}
    for tokens, width in (
        (1, 1), (1, 16), (2, 17), (3, 64), (5, 100), (1, 127), (7, 128), (4, 129),
        (2, 255), (3, 333), (1, 512), (2, 1000),
    )
)  # fmt: skip
"""Powers of two, one off them, and widths that fill no block."""


def _matrix(name: str, shape: Shape) -> Tensor:
    return Tensor(name, (shape["tokens"], shape["width"]))


def _normed(xp: Any, x: Any, weight: Any) -> Any:
    return x / xp.sqrt((x * x).mean(axis=-1, keepdims=True) + EPSILON) * weight


def _rmsnorm(xp: Any, given: Arrays, shape: Shape) -> Arrays:
    return {"y": _normed(xp, given["x"], given["weight"])}


RMSNORM = Op(
    name="rmsnorm",
    family="rmsnorm",
    summary="y = x / sqrt(mean(x^2) + 1e-5) * weight, per token",
    axes=("tokens", "width"),
    dtypes=FLOATS,
    inputs=lambda s: (_matrix("x", s), Tensor("weight", (s["width"],))),
    outputs=lambda s: (_matrix("y", s),),
    flops_of=lambda s: 4 * s["tokens"] * s["width"],
    compute=_rmsnorm,
    norm=NORM,
    reduction=lambda s: s["width"],
    check_shapes=CHECK_SHAPES,
)

OPS = (RMSNORM,)
