"""Attention with an online softmax: prompts tile by tile, decoding split along the cached tokens."""

from __future__ import annotations

from collections.abc import Mapping
from math import log2
from typing import Any

import torch
import triton
import triton.language as tl

from planner.kernels.launch import ceil_div, launch, power_of_two

Tensors = Mapping[str, Any]
LOG2_E = log2(2.718281828459045)
"""Scores are kept in powers of two, because exp2 is one instruction."""


@triton.jit
def _prefill(
    q, k, v, o, length, group, scale, q_b, q_t, q_h, k_b, k_t, k_h, v_b, v_t, v_h, o_b, o_t, o_h, heads, dim,
    CAUSAL: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr, DIM: tl.constexpr,
):  # fmt: skip
    tile = tl.num_programs(0) - 1 - tl.program_id(0)  # the longest rows first
    batch, head = (tl.program_id(1) // heads).to(tl.int64), (tl.program_id(1) % heads).to(tl.int64)
    rows = tile * BM + tl.arange(0, BM)
    dims = tl.arange(0, DIM)
    wanted = (rows < length)[:, None] & (dims < dim)[None, :]
    query = tl.load(
        q + batch * q_b + head * q_h + rows[:, None] * q_t + dims[None, :], mask=wanted, other=0.0
    )
    keys, values = k + batch * k_b + head // group * k_h, v + batch * v_b + head // group * v_h
    top = tl.full([BM], -float("inf"), tl.float32)
    total = tl.zeros([BM], tl.float32)
    acc = tl.zeros([BM, DIM], tl.float32)
    end = tl.minimum((tile + 1) * BM, length) if CAUSAL else length
    for start in range(0, end, BN):
        cols = start + tl.arange(0, BN)
        there = (cols < length)[:, None] & (dims < dim)[None, :]
        key = tl.load(keys + cols[:, None] * k_t + dims[None, :], mask=there, other=0.0)
        score = tl.dot(query, tl.trans(key), input_precision="ieee") * scale
        seen = (cols < length)[None, :]
        if CAUSAL:
            seen = seen & (cols[None, :] <= rows[:, None])
        score = tl.where(seen, score, -float("inf"))
        higher = tl.maximum(top, tl.max(score, axis=1))  # finite: column 0 is seen by every row
        p = tl.exp2(score - higher[:, None])
        shrink = tl.exp2(top - higher)
        total = total * shrink + tl.sum(p, axis=1)
        value = tl.load(values + cols[:, None] * v_t + dims[None, :], mask=there, other=0.0)
        acc = tl.dot(p.to(value.dtype), value, acc * shrink[:, None], input_precision="ieee")
        top = higher
    result = (acc / total[:, None]).to(o.dtype.element_ty)
    tl.store(o + batch * o_b + head * o_h + rows[:, None] * o_t + dims[None, :], result, mask=wanted)


@triton.jit
def _decode(
    q, k, v, table, lengths, o, part, stats, group, scale, share, page, q_b, q_h, k_p, k_t, k_h, v_p, v_t, v_h,
    t_b, o_b, o_h, heads, dim,
    SPLITS: tl.constexpr, GROUP: tl.constexpr, BN: tl.constexpr, DIM: tl.constexpr,
):  # fmt: skip
    batch, kv_head, split = tl.program_id(0).to(tl.int64), tl.program_id(1).to(tl.int64), tl.program_id(2)
    member = tl.arange(0, GROUP)
    head = kv_head * group + member
    dims = tl.arange(0, DIM)
    wanted = (member < group)[:, None] & (dims < dim)[None, :]
    query = tl.load(q + batch * q_b + head[:, None] * q_h + dims[None, :], mask=wanted, other=0.0)
    length = tl.load(lengths + batch)
    top = tl.full([GROUP], -float("inf"), tl.float32)
    total = tl.zeros([GROUP], tl.float32)
    acc = tl.zeros([GROUP, DIM], tl.float32)
    for start in range(split * share, tl.minimum((split + 1) * share, length), BN):
        tokens = start + tl.arange(0, BN)
        there = tokens < length
        pages = tl.load(table + batch * t_b + tokens // page, mask=there, other=0).to(tl.int64)
        slots = tokens % page
        mask = there[:, None] & (dims < dim)[None, :]
        key = tl.load(
            k + (pages * k_p + slots * k_t + kv_head * k_h)[:, None] + dims[None, :], mask=mask, other=0.0
        )
        score = tl.dot(query, tl.trans(key), input_precision="ieee") * scale
        score = tl.where(there[None, :], score, -float("inf"))
        higher = tl.maximum(top, tl.max(score, axis=1))
        p = tl.exp2(score - higher[:, None])
        shrink = tl.exp2(top - higher)
        total = total * shrink + tl.sum(p, axis=1)
        value = tl.load(
            v + (pages * v_p + slots * v_t + kv_head * v_h)[:, None] + dims[None, :], mask=mask, other=0.0
        )
        acc = tl.dot(p.to(value.dtype), value, acc * shrink[:, None], input_precision="ieee")
        top = higher
    if SPLITS == 1:
        result = (acc / total[:, None]).to(o.dtype.element_ty)
        tl.store(o + batch * o_b + head[:, None] * o_h + dims[None, :], result, mask=wanted)
    else:
        place = (batch * heads + head) * SPLITS + split
        tl.store(part + place[:, None] * dim + dims[None, :], acc, mask=wanted)
        tl.store(stats + place * 2, top, mask=member < group)
        tl.store(stats + place * 2 + 1, total, mask=member < group)


@triton.jit
def _combine(part, stats, o, o_b, o_h, heads, dim, SPLITS: tl.constexpr, DIM: tl.constexpr):
    batch, head = tl.program_id(0).to(tl.int64), tl.program_id(1)
    splits = (batch * heads + head) * SPLITS + tl.arange(0, SPLITS)
    dims = tl.arange(0, DIM)
    top = tl.load(stats + splits * 2)
    weight = tl.exp2(top - tl.max(top, axis=0))  # a split beyond the sequence has -inf, hence no weight
    total = tl.sum(weight * tl.load(stats + splits * 2 + 1), axis=0)
    acc = tl.load(part + splits[:, None] * dim + dims[None, :], mask=(dims < dim)[None, :], other=0.0)
    result = (tl.sum(acc * weight[:, None], axis=0) / total).to(o.dtype.element_ty)
    tl.store(o + batch * o_b + head * o_h + dims, result, mask=dims < dim)


def _square(inputs: Tensors, out: Tensors, causal: bool, bm: int, bn: int, warps: int, stages: int) -> None:
    q, k, v, o = inputs["q"], inputs["k"], inputs["v"], out["o"]
    batch, length, heads, dim = q.shape
    strides = (s for t in (q, k, v, o) for s in t.stride()[:3])
    launch(
        _prefill, (ceil_div(length, bm), batch * heads), q, k, v, o, length, heads // k.shape[2],
        dim**-0.5 * LOG2_E, *strides, heads, dim, warps=warps, stages=stages,
        CAUSAL=causal, BM=bm, BN=bn, DIM=power_of_two(dim, 16),
    )  # fmt: skip


def attention_prefill(
    inputs: Tensors, out: Tensors, *, bm: int = 128, bn: int = 64, warps: int = 8, stages: int = 3
) -> None:
    """A tile of queries against all keys it may see; the square of scores is never written."""
    _square(inputs, out, True, bm, bn, warps, stages)


def attention_full(
    inputs: Tensors, out: Tensors, *, bm: int = 128, bn: int = 64, warps: int = 8, stages: int = 3
) -> None:
    """The same, every key seen."""
    _square(inputs, out, False, bm, bn, warps, stages)


def attention_decode(
    inputs: Tensors, out: Tensors, *, splits: int = 8, bn: int = 64, warps: int = 4, stages: int = 2
) -> None:
    """The query heads that share a key head, against `splits` stretches of the cache; then the stretches are joined."""
    q, k, v, table, o = (*(inputs[n] for n in ("q", "k_cache", "v_cache", "page_table")), out["o"])
    batch, heads, dim = q.shape
    page, kv_heads = k.shape[1], k.shape[2]
    share = ceil_div(ceil_div(table.shape[1] * page, splits), bn) * bn
    part = q.new_empty((batch, heads, splits, dim), dtype=torch.float32)
    stats = q.new_empty((batch, heads, splits, 2), dtype=torch.float32)
    launch(
        _decode, (batch, kv_heads, splits), q, k, v, table, inputs["lengths"], o, part, stats, heads // kv_heads,
        dim**-0.5 * LOG2_E, share, page, *q.stride()[:2], *k.stride()[:3], *v.stride()[:3], table.stride(0),
        *o.stride()[:2], heads, dim, warps=warps, stages=stages, SPLITS=splits,
        GROUP=power_of_two(heads // kv_heads, 16), BN=bn, DIM=power_of_two(dim, 16),
    )  # fmt: skip
    if splits > 1:
        launch(
            _combine, (batch, heads), part, stats, o, *o.stride()[:2], heads, dim,
            warps=4, SPLITS=splits, DIM=power_of_two(dim, 16),
        )  # fmt: skip
