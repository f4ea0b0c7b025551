"""Moving memory (copy, triad, launch) and changing its format (fp8, 4-bit)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import triton
import triton.language as tl

from planner.kernels.launch import ceil_div, launch, power_of_two, warps_for
from planner.kernels.reference.traffic import E4M3_MAX, SMALLEST_SCALE, TRIAD

Tensors = Mapping[str, Any]


@triton.jit
def _copy(x, y, n, BLOCK: tl.constexpr):
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    tl.store(y + at, tl.load(x + at, mask=at < n), mask=at < n)


@triton.jit
def _triad(a, b, y, factor, n, BLOCK: tl.constexpr):
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    first = tl.load(a + at, mask=at < n).to(tl.float32)
    second = tl.load(b + at, mask=at < n).to(tl.float32)
    tl.store(y + at, (first + factor * second).to(y.dtype.element_ty), mask=at < n)


@triton.jit
def _add_one(x, y, n, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    tl.store(y + at, tl.load(x + at, mask=at < n) + 1.0, mask=at < n)


@triton.jit
def _quantize(x, codes, scale, width, x_stride, c_stride, most, smallest, BLOCK: tl.constexpr):
    """fp8 e4m3 by integer arithmetic, so that hardware without the type computes the same bits."""
    row = tl.program_id(0).to(tl.int64)
    cols = tl.arange(0, BLOCK)
    inside = cols < width
    v = tl.load(x + row * x_stride + cols, mask=inside, other=0.0).to(tl.float32)
    by = tl.div_rn(tl.maximum(tl.max(tl.abs(v), axis=0), smallest), most)
    tl.store(scale + row, by)
    v = tl.div_rn(v, tl.zeros_like(v) + by)
    size = tl.minimum(tl.abs(v), most)
    bits = size.to(tl.int32, bitcast=True)
    # Normal numbers keep three bits after the point, ties to even; the exponent's bias goes from 127 to 7.
    normal = (bits + 0x7FFFF + ((bits >> 20) & 1) - (120 << 23)) >> 20
    # Below 2^-6 the step is 2^-9: added to 2^14, whose last bit that is, the sum's low bits are the code.
    tiny = (size + 16384.0).to(tl.int32, bitcast=True) & 15
    code = tl.where(size < 0.015625, tiny, normal) | tl.where(v < 0, 128, 0)
    tl.store(codes + row * c_stride + cols, code.to(tl.uint8), mask=inside)


@triton.jit
def _dequantize(
    codes, scale, weight, k, group, c_row, c_col, s_row, s_col, w_row, w_col, BLOCK: tl.constexpr
):
    row = tl.program_id(0).to(tl.int64)
    cols = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = cols < k
    pair = tl.load(codes + row * c_row + cols // 2 * c_col, mask=inside, other=0).to(tl.int32)
    by = tl.load(scale + row * s_row + cols // group * s_col, mask=inside, other=0.0).to(tl.float32)
    code = (pair >> (cols % 2 * 4)) & 15
    tl.store(
        weight + row * w_row + cols * w_col,
        ((code - 8).to(tl.float32) * by).to(weight.dtype.element_ty),
        mask=inside,
    )


def copy(inputs: Tensors, out: Tensors, *, block: int = 4096) -> None:
    """One stream in, one out."""
    x, y = inputs["x"], out["y"]
    launch(_copy, (ceil_div(x.numel(), block),), x, y, x.numel(), warps=8, BLOCK=block)


def triad(inputs: Tensors, out: Tensors, *, block: int = 4096) -> None:
    """Two streams in, one out."""
    a, b, y = inputs["a"], inputs["b"], out["y"]
    launch(_triad, (ceil_div(a.numel(), block),), a, b, y, TRIAD, a.numel(), warps=8, BLOCK=block)


def one_addition_per_launch(inputs: Tensors, out: Tensors) -> None:
    """As many launches as there are elements, each adding one to all of them."""
    x, y = inputs["x"], out["y"]
    n, block = x.numel(), power_of_two(x.numel())
    for source in (x, *[y] * (n - 1)):
        launch(_add_one, (1,), source, y, n, warps=1, BLOCK=block)


def quantize_fp8(inputs: Tensors, out: Tensors) -> None:
    """The row's scale and its codes in one pass; rows that fit the registers."""
    x, codes = inputs["x"], out["codes"]
    tokens, width = x.shape
    block = power_of_two(width)
    launch(
        _quantize, (tokens,), x, codes.view(torch.uint8), out["scale"], width, x.stride(0), codes.stride(0),
        E4M3_MAX, SMALLEST_SCALE, warps=warps_for(block), BLOCK=block,
    )  # fmt: skip


def dequantize_int4(inputs: Tensors, out: Tensors, *, block: int = 2048) -> None:
    """Unpack and scale, one rounding."""
    codes, scale, weight = inputs["codes"], inputs["scale"], out["weight"]
    n, k = weight.shape
    block = min(block, power_of_two(k))
    launch(
        _dequantize, (n, ceil_div(k, block)), codes, scale, weight, k, k // scale.shape[1], *codes.stride(),
        *scale.stride(), *weight.stride(), warps=warps_for(block), BLOCK=block,
    )  # fmt: skip
