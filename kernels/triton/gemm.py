"""Matrix products: tiled, persistent, split along k, with fp8 operands and with 4-bit weights unpacked on the way.

`input_precision="ieee"` keeps fp32 products fp32; it has no effect on narrower operands.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import triton
import triton.language as tl

from planner.kernels.launch import ceil_div, compute_units, launch, power_of_two

Tensors = Mapping[str, Any]
GROUP_M = 8
"""Rows of tiles that are worked on together, so that their weights are still in L2."""


@triton.jit
def _tile(pid, m, n, BM: tl.constexpr, BN: tl.constexpr, GROUP: tl.constexpr):
    """Which tile a program works on: GROUP rows of tiles, column by column."""
    rows, cols = tl.cdiv(m, BM), tl.cdiv(n, BN)
    first = pid // (GROUP * cols) * GROUP
    here = tl.minimum(rows - first, GROUP)
    return first + pid % (GROUP * cols) % here, pid % (GROUP * cols) // here


@triton.jit
def _product(
    x, weight, row, col, m, n, k_from, k_to, x_row, x_col, w_row, w_col,
    BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr,
):  # fmt: skip
    """x[row tile, k_from:k_to] @ weight[col tile, k_from:k_to]^T in fp32."""
    rows = (row * BM + tl.arange(0, BM)).to(tl.int64)[:, None]
    cols = (col * BN + tl.arange(0, BN)).to(tl.int64)[None, :]
    acc = tl.zeros([BM, BN], tl.float32)
    for start in range(k_from, k_to, BK):
        ks = start + tl.arange(0, BK)
        a = tl.load(x + rows * x_row + ks[None, :] * x_col, mask=(rows < m) & (ks[None, :] < k_to), other=0.0)
        b = tl.load(
            weight + cols * w_row + ks[:, None] * w_col, mask=(cols < n) & (ks[:, None] < k_to), other=0.0
        )
        acc = tl.dot(a, b, acc, input_precision="ieee")
    return acc


@triton.jit
def _store(y, acc, row, col, m, n, y_row, y_col, BM: tl.constexpr, BN: tl.constexpr):
    rows = (row * BM + tl.arange(0, BM)).to(tl.int64)[:, None]
    cols = (col * BN + tl.arange(0, BN))[None, :]
    tl.store(y + rows * y_row + cols * y_col, acc.to(y.dtype.element_ty), mask=(rows < m) & (cols < n))


@triton.jit
def _gemm(
    x, weight, y, m, n, k, x_row, x_col, w_row, w_col, y_row, y_col,
    BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, GROUP: tl.constexpr,
):  # fmt: skip
    row, col = _tile(tl.program_id(0), m, n, BM, BN, GROUP)
    acc = _product(x, weight, row, col, m, n, 0, k, x_row, x_col, w_row, w_col, BM, BN, BK)
    _store(y, acc, row, col, m, n, y_row, y_col, BM, BN)


@triton.jit
def _gemm_persistent(
    x, weight, y, m, n, k, x_row, x_col, w_row, w_col, y_row, y_col, programs,
    BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, GROUP: tl.constexpr,
):  # fmt: skip
    tiles = tl.cdiv(m, BM) * tl.cdiv(n, BN)
    for pid in range(tl.program_id(0), tiles, programs):
        row, col = _tile(pid, m, n, BM, BN, GROUP)
        acc = _product(x, weight, row, col, m, n, 0, k, x_row, x_col, w_row, w_col, BM, BN, BK)
        _store(y, acc, row, col, m, n, y_row, y_col, BM, BN)


@triton.jit
def _gemm_split(
    x, weight, part, m, n, k, share, x_row, x_col, w_row, w_col, p_split, p_row,
    BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, GROUP: tl.constexpr,
):  # fmt: skip
    row, col = _tile(tl.program_id(0), m, n, BM, BN, GROUP)
    split = tl.program_id(1)
    end = tl.minimum((split + 1) * share, k)
    acc = _product(x, weight, row, col, m, n, split * share, end, x_row, x_col, w_row, w_col, BM, BN, BK)
    _store(part + split.to(tl.int64) * p_split, acc, row, col, m, n, p_row, 1, BM, BN)


@triton.jit
def _add_splits(part, y, n, p_split, p_row, y_row, y_col, SPLITS: tl.constexpr, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    cols = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    total = tl.zeros([BLOCK], tl.float32)
    for split in range(SPLITS):
        total += tl.load(part + split * p_split + row * p_row + cols, mask=cols < n, other=0.0)
    tl.store(y + row * y_row + cols * y_col, total.to(y.dtype.element_ty), mask=cols < n)


@triton.jit
def _gemm_fp8(
    x, weight, x_scale, w_scale, y, m, n, k, x_row, x_col, w_row, w_col, y_row, y_col,
    BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, GROUP: tl.constexpr,
):  # fmt: skip
    row, col = _tile(tl.program_id(0), m, n, BM, BN, GROUP)
    acc = _product(x, weight, row, col, m, n, 0, k, x_row, x_col, w_row, w_col, BM, BN, BK)
    rows, cols = row * BM + tl.arange(0, BM), col * BN + tl.arange(0, BN)
    acc *= tl.load(x_scale + rows, mask=rows < m, other=0.0)[:, None]
    acc *= tl.load(w_scale + cols, mask=cols < n, other=0.0)[None, :]
    _store(y, acc, row, col, m, n, y_row, y_col, BM, BN)


@triton.jit
def _w4a16_product(
    x, codes, scale, row, col, m, n, k_from, k_to, group, x_row, x_col, c_row, c_col, s_row, s_col,
    BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr,
):  # fmt: skip
    """As `_product`; a piece along k lies within one group, so its sum is scaled once, in fp32."""
    rows = (row * BM + tl.arange(0, BM)).to(tl.int64)[:, None]
    cols = (col * BN + tl.arange(0, BN)).to(tl.int64)[:, None]
    half: tl.constexpr = BK // 2
    acc = tl.zeros([BM, BN], tl.float32)
    for start in range(k_from, k_to, BK):
        ks = start + tl.arange(0, BK)[None, :]
        a = tl.load(x + rows * x_row + ks * x_col, mask=rows < m, other=0.0)
        pairs = start // 2 + tl.arange(0, half)[None, :]
        both = tl.load(codes + cols * c_row + pairs * c_col, mask=cols < n, other=0)
        low, high = (both & 15).to(tl.int8) - 8, (both >> 4).to(tl.int8) - 8
        b = tl.reshape(tl.join(low, high), [BN, BK]).to(a.dtype)
        by = tl.load(scale + cols * s_row + start // group * s_col, mask=cols < n, other=0.0).to(tl.float32)
        acc += tl.dot(a, tl.trans(b), input_precision="ieee") * tl.trans(by)
    return acc


@triton.jit
def _gemm_w4a16(
    x, codes, scale, y, m, n, k, group, x_row, x_col, c_row, c_col, s_row, s_col, y_row, y_col,
    BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, GROUP: tl.constexpr,
):  # fmt: skip
    row, col = _tile(tl.program_id(0), m, n, BM, BN, GROUP)
    acc = _w4a16_product(
        x, codes, scale, row, col, m, n, 0, k, group, x_row, x_col, c_row, c_col, s_row, s_col, BM, BN, BK
    )  # fmt: skip
    _store(y, acc, row, col, m, n, y_row, y_col, BM, BN)


@triton.jit
def _gemm_w4a16_split(
    x, codes, scale, part, m, n, k, group, share, x_row, x_col, c_row, c_col, s_row, s_col, p_split, p_row,
    BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, GROUP: tl.constexpr,
):  # fmt: skip
    row, col = _tile(tl.program_id(0), m, n, BM, BN, GROUP)
    split = tl.program_id(1)
    end = tl.minimum((split + 1) * share, k)
    acc = _w4a16_product(
        x, codes, scale, row, col, m, n, split * share, end, group, x_row, x_col, c_row, c_col, s_row, s_col,
        BM, BN, BK,
    )  # fmt: skip
    _store(part + split.to(tl.int64) * p_split, acc, row, col, m, n, p_row, 1, BM, BN)


def _tiles(m: int, n: int, bm: int, bn: int) -> int:
    return ceil_div(m, bm) * ceil_div(n, bn)


def gemm(
    inputs: Tensors,
    out: Tensors,
    *,
    bm: int = 128,
    bn: int = 128,
    bk: int = 64,
    warps: int = 8,
    stages: int = 3,
) -> None:
    """One program per tile of `bm` x `bn`, `bk` along k at a time."""
    x, w, y = inputs["x"], inputs["weight"], out["y"]
    (m, k), n = x.shape, w.shape[0]
    launch(
        _gemm, (_tiles(m, n, bm, bn),), x, w, y, m, n, k, *x.stride(), *w.stride(), *y.stride(),
        warps=warps, stages=stages, BM=bm, BN=bn, BK=bk, GROUP=GROUP_M,
    )  # fmt: skip


def gemm_persistent(
    inputs: Tensors,
    out: Tensors,
    *,
    bm: int = 128,
    bn: int = 128,
    bk: int = 64,
    warps: int = 8,
    stages: int = 3,
) -> None:
    """One program per multiprocessor, which walks over the tiles."""
    x, w, y = inputs["x"], inputs["weight"], out["y"]
    (m, k), n = x.shape, w.shape[0]
    programs = min(compute_units(x), _tiles(m, n, bm, bn))
    launch(
        _gemm_persistent, (programs,), x, w, y, m, n, k, *x.stride(), *w.stride(), *y.stride(), programs,
        warps=warps, stages=stages, BM=bm, BN=bn, BK=bk, GROUP=GROUP_M,
    )  # fmt: skip


def _reduce(part: Any, y: Any, splits: int) -> None:
    """Add the partial products in a fixed order: the same bits every time."""
    m, n = y.shape
    block = min(1024, power_of_two(n))
    launch(
        _add_splits, (m, ceil_div(n, block)), part, y, n, part.stride(0), part.stride(1), *y.stride(),
        warps=4, SPLITS=splits, BLOCK=block,
    )  # fmt: skip


def _shares(k: int, splits: int, step: int) -> tuple[int, int]:
    """How much of k each split takes, in whole steps, and how many splits that leaves."""
    share = ceil_div(ceil_div(k, splits), step) * step
    return share, ceil_div(k, share)


def gemm_splitk(
    inputs: Tensors, out: Tensors, *, bm: int = 16, bn: int = 64, bk: int = 128, splits: int = 4, warps: int = 4,
    stages: int = 3,
) -> None:  # fmt: skip
    """For few rows: k is shared out over `splits` programs per tile, their sums are added afterwards."""
    x, w, y = inputs["x"], inputs["weight"], out["y"]
    (m, k), n = x.shape, w.shape[0]
    share, splits = _shares(k, splits, bk)
    part = x.new_empty((splits, m, n), dtype=torch.float32)
    launch(
        _gemm_split, (_tiles(m, n, bm, bn), splits), x, w, part, m, n, k, share, *x.stride(), *w.stride(),
        part.stride(0), part.stride(1),
        warps=warps, stages=stages, BM=bm, BN=bn, BK=bk, GROUP=GROUP_M,
    )  # fmt: skip
    _reduce(part, y, splits)


def gemm_fp8(
    inputs: Tensors,
    out: Tensors,
    *,
    bm: int = 128,
    bn: int = 128,
    bk: int = 128,
    warps: int = 8,
    stages: int = 3,
) -> None:
    """fp8 operands into fp32 sums; row and column scales at the end."""
    x, w, y = inputs["x"], inputs["weight"], out["y"]
    (m, k), n = x.shape, w.shape[0]
    launch(
        _gemm_fp8, (_tiles(m, n, bm, bn),), x, w, inputs["x_scale"], inputs["weight_scale"], y, m, n, k, *x.stride(),
        *w.stride(), *y.stride(), warps=warps, stages=stages, BM=bm, BN=bn, BK=bk, GROUP=GROUP_M,
    )  # fmt: skip


def _piece(bk: int, group: int) -> int:
    """The largest power of two up to `bk` that divides the group."""
    piece = min(bk, group & -group)
    if piece < 16:
        raise ValueError(f"group {group} has no factor of 16, which this kernel needs")
    return piece


def gemm_w4a16(
    inputs: Tensors,
    out: Tensors,
    *,
    bm: int = 64,
    bn: int = 128,
    bk: int = 64,
    warps: int = 8,
    stages: int = 3,
) -> None:
    """Codes are unpacked in registers; 4-bit weights are all that crosses memory."""
    x, c, s, y = inputs["x"], inputs["codes"], inputs["scale"], out["y"]
    (m, k), n = x.shape, c.shape[0]
    group = k // s.shape[1]
    launch(
        _gemm_w4a16, (_tiles(m, n, bm, bn),), x, c, s, y, m, n, k, group, *x.stride(), *c.stride(), *s.stride(),
        *y.stride(), warps=warps, stages=stages,
        BM=bm, BN=bn, BK=_piece(bk, group), GROUP=GROUP_M,
    )  # fmt: skip


def gemm_w4a16_splitk(
    inputs: Tensors, out: Tensors, *, bm: int = 16, bn: int = 64, bk: int = 128, splits: int = 4, warps: int = 4,
    stages: int = 3,
) -> None:  # fmt: skip
    """The same for few rows, k shared out."""
    x, c, s, y = inputs["x"], inputs["codes"], inputs["scale"], out["y"]
    (m, k), n = x.shape, c.shape[0]
    group = k // s.shape[1]
    bk = _piece(bk, group)
    share, splits = _shares(k, splits, bk)
    part = x.new_empty((splits, m, n), dtype=torch.float32)
    launch(
        _gemm_w4a16_split, (_tiles(m, n, bm, bn), splits), x, c, s, part, m, n, k, group, share, *x.stride(),
        *c.stride(), *s.stride(), part.stride(0), part.stride(1),
        warps=warps, stages=stages, BM=bm, BN=bn, BK=bk, GROUP=GROUP_M,
    )  # fmt: skip
    _reduce(part, y, splits)
