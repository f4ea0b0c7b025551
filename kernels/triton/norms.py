"""Norms: a row per program, several short rows per program, or a long row in pieces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import triton
import triton.language as tl

from planner.kernels.launch import ceil_div, launch, power_of_two, warps_for
from planner.kernels.reference.rows import EPSILON

Tensors = Mapping[str, Any]


@triton.jit
def _rmsnorm(x, weight, y, width, x_stride, y_stride, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    cols = tl.arange(0, BLOCK)
    inside = cols < width
    v = tl.load(x + row * x_stride + cols, mask=inside, other=0.0).to(tl.float32)
    w = tl.load(weight + cols, mask=inside, other=0.0).to(tl.float32)
    scale = 1.0 / tl.sqrt(tl.sum(v * v, axis=0) / width + eps)
    tl.store(y + row * y_stride + cols, (v * scale * w).to(y.dtype.element_ty), mask=inside)


@triton.jit
def _rmsnorm_rows(
    x, weight, y, tokens, width, x_stride, y_stride, eps, ROWS: tl.constexpr, BLOCK: tl.constexpr
):
    rows = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)[:, None]
    cols = tl.arange(0, BLOCK)[None, :]
    inside = (rows < tokens) & (cols < width)
    v = tl.load(x + rows * x_stride + cols, mask=inside, other=0.0).to(tl.float32)
    w = tl.load(weight + cols, mask=cols < width, other=0.0).to(tl.float32)
    scale = 1.0 / tl.sqrt(tl.sum(v * v, axis=1) / width + eps)
    tl.store(y + rows * y_stride + cols, (v * scale[:, None] * w).to(y.dtype.element_ty), mask=inside)


@triton.jit
def _rmsnorm_loop(x, weight, y, width, x_stride, y_stride, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    square = tl.zeros([BLOCK], tl.float32)
    for start in range(0, width, BLOCK):
        cols = start + tl.arange(0, BLOCK)
        v = tl.load(x + row * x_stride + cols, mask=cols < width, other=0.0).to(tl.float32)
        square += v * v
    scale = 1.0 / tl.sqrt(tl.sum(square, axis=0) / width + eps)
    for start in range(0, width, BLOCK):
        cols = start + tl.arange(0, BLOCK)
        inside = cols < width
        v = tl.load(x + row * x_stride + cols, mask=inside, other=0.0).to(tl.float32)
        w = tl.load(weight + cols, mask=inside, other=0.0).to(tl.float32)
        tl.store(y + row * y_stride + cols, (v * scale * w).to(y.dtype.element_ty), mask=inside)


@triton.jit
def _add_rmsnorm(
    x, residual, weight, y, total, width, x_stride, r_stride, y_stride, t_stride, eps, BLOCK: tl.constexpr
):
    row = tl.program_id(0).to(tl.int64)
    cols = tl.arange(0, BLOCK)
    inside = cols < width
    v = tl.load(x + row * x_stride + cols, mask=inside, other=0.0).to(tl.float32)
    v += tl.load(residual + row * r_stride + cols, mask=inside, other=0.0).to(tl.float32)
    tl.store(total + row * t_stride + cols, v.to(total.dtype.element_ty), mask=inside)
    w = tl.load(weight + cols, mask=inside, other=0.0).to(tl.float32)
    scale = 1.0 / tl.sqrt(tl.sum(v * v, axis=0) / width + eps)
    tl.store(y + row * y_stride + cols, (v * scale * w).to(y.dtype.element_ty), mask=inside)


@triton.jit
def _layernorm(x, weight, bias, y, width, x_stride, y_stride, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    cols = tl.arange(0, BLOCK)
    inside = cols < width
    v = tl.load(x + row * x_stride + cols, mask=inside, other=0.0).to(tl.float32)
    centred = tl.where(inside, v - tl.sum(v, axis=0) / width, 0.0)
    # Once more: the mean's rounding error would be divided by sqrt(eps) where a row hardly varies.
    centred = tl.where(inside, centred - tl.sum(centred, axis=0) / width, 0.0)
    scale = 1.0 / tl.sqrt(tl.sum(centred * centred, axis=0) / width + eps)
    w = tl.load(weight + cols, mask=inside, other=0.0).to(tl.float32)
    b = tl.load(bias + cols, mask=inside, other=0.0).to(tl.float32)
    tl.store(y + row * y_stride + cols, (centred * scale * w + b).to(y.dtype.element_ty), mask=inside)


def rmsnorm(inputs: Tensors, out: Tensors) -> None:
    """One row per program, read once."""
    x, y = inputs["x"], out["y"]
    tokens, width = x.shape
    block = power_of_two(width)
    launch(
        _rmsnorm, (tokens,), x, inputs["weight"], y, width, x.stride(0), y.stride(0), EPSILON,
        warps=warps_for(block), BLOCK=block,
    )  # fmt: skip


def rmsnorm_rows(inputs: Tensors, out: Tensors, *, elements: int = 4096) -> None:
    """As many short rows per program as make `elements`."""
    x, y = inputs["x"], out["y"]
    tokens, width = x.shape
    block = power_of_two(width)
    rows = max(1, elements // block)
    launch(
        _rmsnorm_rows, (ceil_div(tokens, rows),), x, inputs["weight"], y, tokens, width, x.stride(0), y.stride(0),
        EPSILON, warps=warps_for(block * rows), ROWS=rows, BLOCK=block,
    )  # fmt: skip


def rmsnorm_loop(inputs: Tensors, out: Tensors, *, block: int = 2048) -> None:
    """A long row in pieces, read twice; the second time from cache."""
    x, y = inputs["x"], out["y"]
    tokens, width = x.shape
    block = min(block, power_of_two(width))
    launch(
        _rmsnorm_loop, (tokens,), x, inputs["weight"], y, width, x.stride(0), y.stride(0), EPSILON,
        warps=warps_for(block), BLOCK=block,
    )  # fmt: skip


def add_rmsnorm(inputs: Tensors, out: Tensors) -> None:
    """The residual is added, kept and normed in one pass."""
    x, r, y, total = inputs["x"], inputs["residual"], out["y"], out["total"]
    tokens, width = x.shape
    block = power_of_two(width)
    launch(
        _add_rmsnorm, (tokens,), x, r, inputs["weight"], y, total, width, x.stride(0), r.stride(0), y.stride(0),
        total.stride(0), EPSILON, warps=warps_for(block), BLOCK=block,
    )  # fmt: skip


def layernorm(inputs: Tensors, out: Tensors) -> None:
    """One row per program; the variance of the centred values, so that it cannot cancel."""
    x, y = inputs["x"], out["y"]
    tokens, width = x.shape
    block = power_of_two(width)
    launch(
        _layernorm, (tokens,), x, inputs["weight"], inputs["bias"], y, width, x.stride(0), y.stride(0), EPSILON,
        warps=warps_for(block), BLOCK=block,
    )  # fmt: skip
