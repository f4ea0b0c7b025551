"""Routed experts: tokens sorted by expert, two grouped products, one sum. Nothing is asked of the host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import triton
import triton.language as tl

from planner.kernels.launch import ceil_div, launch, power_of_two

Tensors = Mapping[str, Any]


@triton.jit
def _gate_up(
    x, weight, inner, order, block_expert, block_first, ends, topk, hidden, inter, x_row, w_expert, w_row,
    BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr,
):  # fmt: skip
    block = tl.program_id(0)
    expert = tl.load(block_expert + block).to(tl.int64)
    places = tl.load(block_first + block) + tl.arange(0, BM)
    inside = places < tl.load(ends + expert)
    tokens = (tl.load(order + places, mask=inside, other=0) // topk).to(tl.int64)
    cols = tl.program_id(1) * BN + tl.arange(0, BN)
    gate, up = tl.zeros([BM, BN], tl.float32), tl.zeros([BM, BN], tl.float32)
    for start in range(0, hidden, BK):
        ks = start + tl.arange(0, BK)
        a = tl.load(
            x + tokens[:, None] * x_row + ks[None, :],
            mask=inside[:, None] & (ks < hidden)[None, :],
            other=0.0,
        )
        there = (cols < inter)[None, :] & (ks < hidden)[:, None]
        first = weight + expert * w_expert + cols[None, :].to(tl.int64) * w_row + ks[:, None]
        gate = tl.dot(a, tl.load(first, mask=there, other=0.0), gate, input_precision="ieee")
        up = tl.dot(a, tl.load(first + inter * w_row, mask=there, other=0.0), up, input_precision="ieee")
    small = tl.exp(-tl.abs(gate))
    result = gate * (tl.where(gate >= 0, 1.0, small) / (1.0 + small)) * up
    goal = inner + places[:, None].to(tl.int64) * inter + cols[None, :]
    tl.store(goal, result.to(inner.dtype.element_ty), mask=inside[:, None] & (cols < inter)[None, :])


@triton.jit
def _down(
    inner, weight, routed, order, share, block_expert, block_first, ends, hidden, inter, w_expert, w_row,
    BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr,
):  # fmt: skip
    block = tl.program_id(0)
    expert = tl.load(block_expert + block).to(tl.int64)
    places = tl.load(block_first + block) + tl.arange(0, BM)
    inside = places < tl.load(ends + expert)
    slots = tl.load(order + places, mask=inside, other=0).to(tl.int64)
    cols = tl.program_id(1) * BN + tl.arange(0, BN)
    acc = tl.zeros([BM, BN], tl.float32)
    for start in range(0, inter, BK):
        ks = start + tl.arange(0, BK)
        a = tl.load(
            inner + places[:, None].to(tl.int64) * inter + ks[None, :],
            mask=inside[:, None] & (ks < inter)[None, :], other=0.0,
        )  # fmt: skip
        b = tl.load(
            weight + expert * w_expert + cols[None, :].to(tl.int64) * w_row + ks[:, None],
            mask=(cols < hidden)[None, :] & (ks < inter)[:, None], other=0.0,
        )  # fmt: skip
        acc = tl.dot(a, b, acc, input_precision="ieee")
    acc *= tl.load(share + slots, mask=inside, other=0.0)[:, None]
    goal = routed + slots[:, None] * hidden + cols[None, :]
    tl.store(goal, acc, mask=inside[:, None] & (cols < hidden)[None, :])


@triton.jit
def _sum_slots(routed, y, topk, hidden, y_row, BLOCK: tl.constexpr):
    token = tl.program_id(0).to(tl.int64)
    cols = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    total = tl.zeros([BLOCK], tl.float32)
    for slot in range(0, topk):
        total += tl.load(routed + (token * topk + slot) * hidden + cols, mask=cols < hidden, other=0.0)
    tl.store(y + token * y_row + cols, total.to(y.dtype.element_ty), mask=cols < hidden)


def _blocks(expert: Any, experts: int, bm: int) -> tuple[Any, Any, Any, Any]:
    """Routes sorted by expert, and for each block of `bm` routes its expert and first place.

    There are as many blocks as any routing could need; those left over point past the end of the last expert.
    """
    ordered, order = torch.sort(expert.flatten(), stable=True)
    numbers = torch.arange(experts, device=expert.device, dtype=ordered.dtype)
    starts, ends = torch.searchsorted(ordered, numbers), torch.searchsorted(ordered, numbers, right=True)
    last = torch.cumsum((ends - starts + bm - 1) // bm, 0)
    blocks = torch.arange(ceil_div(ordered.numel(), bm) + experts, device=expert.device)
    owner = torch.searchsorted(last, blocks, right=True).clamp(max=experts - 1)
    before = torch.where(owner > 0, last[owner - 1], torch.zeros_like(blocks))
    return order.int(), owner.int(), (starts[owner] + (blocks - before) * bm).int(), ends.int()


def moe(
    inputs: Tensors,
    out: Tensors,
    *,
    bm: int = 64,
    bn: int = 64,
    bk: int = 64,
    warps: int = 4,
    stages: int = 3,
) -> None:
    """Gate and up in one pass with the activation, down with the token's share, then the sum over its experts."""
    x, up, down, expert, y = (*(inputs[n] for n in ("x", "gate_up", "down", "expert")), out["y"])
    (tokens, hidden), topk, (experts, _, inter) = x.shape, expert.shape[1], down.shape
    order, owner, first, ends = _blocks(expert, experts, bm)
    inner = x.new_empty((tokens * topk, inter))
    routed = x.new_empty((tokens * topk, hidden), dtype=torch.float32)
    tile: dict[str, Any] = {"warps": warps, "stages": stages, "BM": bm, "BN": bn, "BK": bk}
    launch(
        _gate_up, (len(owner), ceil_div(inter, bn)), x, up, inner, order, owner, first, ends, topk, hidden, inter,
        x.stride(0), *up.stride()[:2], **tile,
    )  # fmt: skip
    launch(
        _down, (len(owner), ceil_div(hidden, bn)), inner, down, routed, order, inputs["share"], owner, first, ends,
        hidden, inter, *down.stride()[:2], **tile,
    )  # fmt: skip
    block = min(1024, power_of_two(hidden))
    launch(
        _sum_slots,
        (tokens, ceil_div(hidden, block)),
        routed,
        y,
        topk,
        hidden,
        y.stride(0),
        warps=4,
        BLOCK=block,
    )
