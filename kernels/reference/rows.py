"""Ops on rows: norms, softmax, the gated activation, rotary positions, cross-entropy."""

from __future__ import annotations

from typing import Any

import numpy as np

from planner.kernels.arrays import Draw
from planner.kernels.definition import Arrays, Op, Shape, Tensor

FLOATS = ("bf16", "fp16", "fp32")
EPSILON = 1e-5
"""Added to the mean square, as Llama 3 does."""
ROPE_BASE = 500_000.0
"""Llama 3's."""
POSITIONS = 8192
ONE_ROUNDING = {"fp32": 1e-6, "fp16": 1e-3, "bf16": 5e-3}
"""Norm-wise tolerance of one rounding after fp32 arithmetic."""
LONGER_SUMS = {"fp32": 2e-6, "fp16": 1e-3, "bf16": 5e-3}

WIDTHS = (
    (1, 1), (1, 16), (2, 17), (3, 64), (5, 100), (1, 127), (7, 128), (4, 129), (2, 255), (3, 333), (1, 512),
    (2, 1000), (70, 65), (8, 9000),
)  # fmt: skip
"""Powers of two, one off them, widths that fill no block or several, and more rows than a program takes."""
ROWS = tuple({"tokens": tokens, "width": width} for tokens, width in WIDTHS)
VOCABULARIES = tuple({"tokens": tokens, "vocab": max(width, 2)} for tokens, width in WIDTHS)
HEADS = tuple(
    {"tokens": t, "heads": h, "kv_heads": k, "head_dim": d}
    for t, h, k, d in (
        (1, 1, 1, 2), (1, 4, 1, 16), (3, 2, 2, 8), (5, 3, 1, 64), (2, 8, 2, 32), (7, 1, 1, 128), (4, 5, 5, 10),
        (2, 3, 3, 6), (1, 7, 1, 80), (6, 4, 2, 48), (9, 2, 1, 4), (3, 6, 2, 64),
    )
)  # fmt: skip


def _matrix(name: str, shape: Shape) -> Tensor:
    return Tensor(name, (shape["tokens"], shape["width"]))


def _row(name: str, shape: Shape) -> Tensor:
    return Tensor(name, (shape["width"],))


def _normed(xp: Any, x: Any, weight: Any) -> Any:
    return x / xp.sqrt((x * x).mean(axis=-1, keepdims=True) + EPSILON) * weight


def _rmsnorm(xp: Any, given: Arrays, shape: Shape) -> Arrays:
    return {"y": _normed(xp, given["x"], given["weight"])}


def _add_rmsnorm(xp: Any, given: Arrays, shape: Shape) -> Arrays:
    total = given["x"] + given["residual"]
    return {"y": _normed(xp, total, given["weight"]), "total": total}


def _layernorm(xp: Any, given: Arrays, shape: Shape) -> Arrays:
    centred = given["x"] - given["x"].mean(axis=-1, keepdims=True)
    return {"y": _normed(xp, centred, given["weight"]) + given["bias"]}


def silu(xp: Any, x: Any) -> Any:
    """x times its sigmoid, without overflow on either side."""
    small = xp.exp(-abs(x))
    return x * xp.where(x >= 0, 1 / (1 + small), small / (1 + small))


def _swiglu(xp: Any, given: Arrays, shape: Shape) -> Arrays:
    return {"y": silu(xp, given["gate"]) * given["up"]}


def _exponentials(xp: Any, x: Any) -> Any:
    return xp.exp(x - xp.amax(x, axis=-1, keepdims=True))


def _softmax(xp: Any, given: Arrays, shape: Shape) -> Arrays:
    e = _exponentials(xp, given["x"])
    return {"y": e / e.sum(axis=-1, keepdims=True)}


def _cross_entropy(xp: Any, given: Arrays, shape: Shape) -> Arrays:
    x, target = given["logits"], given["target"]
    top = xp.amax(x, axis=-1, keepdims=True)
    total = xp.log(xp.exp(x - top).sum(axis=-1)) + top[:, 0]
    return {"loss": total - x[xp.arange(len(x)), target]}


def _cross_entropy_train(xp: Any, given: Arrays, shape: Shape) -> Arrays:
    x, target = given["logits"], given["target"]
    e = _exponentials(xp, x)
    gradient = e / e.sum(axis=-1, keepdims=True)
    gradient[xp.arange(len(x)), target] -= 1
    return {**_cross_entropy(xp, given, shape), "gradient": gradient}


def _targets(draw: Draw, shape: Shape, dtype: str) -> Arrays:
    return {"target": draw.integers(0, shape["vocab"], (shape["tokens"],), "int64")}


def _logits(shape: Shape) -> tuple[Tensor, ...]:
    rows = shape["tokens"]
    return (Tensor("logits", (rows, shape["vocab"])), Tensor("target", (rows,), "int64"))


def _rotated(xp: Any, x: Any, cos: Any, sin: Any) -> Any:
    half = x.shape[-1] // 2
    first, second = x[..., :half], x[..., half:]
    cos, sin = cos[:, None, :], sin[:, None, :]
    return xp.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)


def _rope(xp: Any, given: Arrays, shape: Shape) -> Arrays:
    cos, sin = given["cos"], given["sin"]
    return {f"{n}_rotated": _rotated(xp, given[n], cos, sin) for n in ("q", "k")}


def _angles(draw: Draw, shape: Shape, dtype: str) -> Arrays:
    half = shape["head_dim"] // 2
    positions = (np.arange(shape["tokens"]) * 37) % POSITIONS
    angle = positions[:, None] * ROPE_BASE ** (-np.arange(half) / half)[None, :]
    return {"cos": draw.cast(np.cos(angle), "fp32"), "sin": draw.cast(np.sin(angle), "fp32")}


def _rope_tensors(shape: Shape, suffix: str = "") -> tuple[Tensor, ...]:
    tokens, dim = shape["tokens"], shape["head_dim"]
    return tuple(
        Tensor(f"{name}{suffix}", (tokens, shape[axis], dim))
        for name, axis in (("q", "heads"), ("k", "kv_heads"))
    )


RMSNORM = Op(
    name="rmsnorm",
    family="rmsnorm",
    summary="y = x / sqrt(mean(x^2) + 1e-5) * weight, per token",
    axes=("tokens", "width"),
    dtypes=FLOATS,
    inputs=lambda s: (_matrix("x", s), _row("weight", s)),
    outputs=lambda s: (_matrix("y", s),),
    flops_of=lambda s: 4 * s["tokens"] * s["width"],
    compute=_rmsnorm,
    norm=ONE_ROUNDING,
    reduction=lambda s: s["width"],
    typical={"tokens": 8192, "width": 4096},
    check_shapes=ROWS,
)
ADD_RMSNORM = Op(
    name="add_rmsnorm",
    family="rmsnorm",
    summary="total = x + residual; y = total / sqrt(mean(total^2) + 1e-5) * weight, per token",
    axes=("tokens", "width"),
    dtypes=FLOATS,
    inputs=lambda s: (_matrix("x", s), _matrix("residual", s), _row("weight", s)),
    outputs=lambda s: (_matrix("y", s), _matrix("total", s)),
    flops_of=lambda s: 5 * s["tokens"] * s["width"],
    compute=_add_rmsnorm,
    norm=ONE_ROUNDING,
    reduction=lambda s: s["width"],
    typical={"tokens": 8192, "width": 4096},
    check_shapes=ROWS,
)
LAYERNORM = Op(
    name="layernorm",
    family="layernorm",
    summary="y = (x - mean) / sqrt(variance + 1e-5) * weight + bias, per token",
    axes=("tokens", "width"),
    dtypes=FLOATS,
    inputs=lambda s: (_matrix("x", s), _row("weight", s), _row("bias", s)),
    outputs=lambda s: (_matrix("y", s),),
    flops_of=lambda s: 8 * s["tokens"] * s["width"],
    compute=_layernorm,
    norm=LONGER_SUMS,
    ill_conditioned={"constant_rows": 20.0},
    reduction=lambda s: s["width"],
    typical={"tokens": 8192, "width": 4096},
    check_shapes=ROWS,
)
SWIGLU = Op(
    name="swiglu",
    family="swiglu",
    summary="y = gate * sigmoid(gate) * up",
    axes=("tokens", "width"),
    dtypes=FLOATS,
    inputs=lambda s: (_matrix("gate", s), _matrix("up", s)),
    outputs=lambda s: (_matrix("y", s),),
    flops_of=lambda s: 5 * s["tokens"] * s["width"],
    compute=_swiglu,
    norm=ONE_ROUNDING,
    reduction=lambda s: 1,
    typical={"tokens": 8192, "width": 14336},
    check_shapes=ROWS,
)
SOFTMAX = Op(
    name="softmax",
    family="softmax",
    summary="y = exp(x - max) / sum, per token",
    axes=("tokens", "width"),
    dtypes=FLOATS,
    inputs=lambda s: (_matrix("x", s),),
    outputs=lambda s: (_matrix("y", s),),
    flops_of=lambda s: 5 * s["tokens"] * s["width"],
    compute=_softmax,
    norm=ONE_ROUNDING,
    reduction=lambda s: s["width"],
    typical={"tokens": 4096, "width": 32000},
    check_shapes=ROWS,
)
ROPE = Op(
    name="rope",
    family="rope",
    summary="rotary positions of queries and keys, halves rotated against each other",
    axes=("tokens", "heads", "kv_heads", "head_dim"),
    dtypes=FLOATS,
    inputs=lambda s: (
        *_rope_tensors(s),
        Tensor("cos", (s["tokens"], s["head_dim"] // 2), "fp32"),
        Tensor("sin", (s["tokens"], s["head_dim"] // 2), "fp32"),
    ),
    outputs=lambda s: _rope_tensors(s, "_rotated"),
    flops_of=lambda s: 3 * s["tokens"] * (s["heads"] + s["kv_heads"]) * s["head_dim"],
    compute=_rope,
    norm=ONE_ROUNDING,
    reduction=lambda s: 2,
    typical={"tokens": 8192, "heads": 32, "kv_heads": 8, "head_dim": 128},
    check_shapes=HEADS,
    draw=_angles,
    rules=lambda s: "head_dim is odd; give an even one" if s["head_dim"] % 2 else None,
)
CROSS_ENTROPY = Op(
    name="cross_entropy",
    family="cross_entropy",
    summary="loss = log(sum(exp(logits))) - logits[target], per token, in fp32",
    axes=("tokens", "vocab"),
    dtypes=FLOATS,
    inputs=_logits,
    outputs=lambda s: (Tensor("loss", (s["tokens"],), "fp32"),),
    flops_of=lambda s: 5 * s["tokens"] * s["vocab"],
    compute=_cross_entropy,
    norm=LONGER_SUMS,
    reduction=lambda s: s["vocab"],
    typical={"tokens": 4096, "vocab": 128256},
    check_shapes=VOCABULARIES,
    draw=_targets,
)
CROSS_ENTROPY_TRAIN = Op(
    name="cross_entropy_train",
    family="cross_entropy",
    summary="the loss and its gradient, softmax(logits) - one_hot(target), per token",
    axes=("tokens", "vocab"),
    dtypes=FLOATS,
    inputs=_logits,
    outputs=lambda s: (
        Tensor("loss", (s["tokens"],), "fp32"),
        Tensor("gradient", (s["tokens"], s["vocab"])),
    ),
    flops_of=lambda s: 8 * s["tokens"] * s["vocab"],
    compute=_cross_entropy_train,
    norm=LONGER_SUMS,
    reduction=lambda s: s["vocab"],
    typical={"tokens": 4096, "vocab": 128256},
    check_shapes=VOCABULARIES,
    draw=_targets,
)

OPS = (RMSNORM, ADD_RMSNORM, LAYERNORM, SWIGLU, ROPE, SOFTMAX, CROSS_ENTROPY, CROSS_ENTROPY_TRAIN)
