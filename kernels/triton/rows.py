"""Softmax, cross-entropy, the gated activation and rotary positions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import triton
import triton.language as tl

from planner.kernels.launch import ceil_div, launch, power_of_two, warps_for

Tensors = Mapping[str, Any]


@triton.jit
def _softmax(x, y, width, x_stride, y_stride, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    cols = tl.arange(0, BLOCK)
    inside = cols < width
    v = tl.load(x + row * x_stride + cols, mask=inside, other=-float("inf")).to(tl.float32)
    e = tl.exp(v - tl.max(v, axis=0))
    tl.store(y + row * y_stride + cols, (e / tl.sum(e, axis=0)).to(y.dtype.element_ty), mask=inside)


@triton.jit
def _running(x, row, width, x_stride, BLOCK: tl.constexpr):
    """The largest value of a row, and the sum of exp(value - largest), in one pass."""
    top = -float("inf")
    total = 0.0
    for start in range(0, width, BLOCK):
        cols = start + tl.arange(0, BLOCK)
        v = tl.load(x + row * x_stride + cols, mask=cols < width, other=-float("inf")).to(tl.float32)
        higher = tl.maximum(top, tl.max(v, axis=0))
        total = total * tl.exp(top - higher) + tl.sum(tl.exp(v - higher), axis=0)
        top = higher
    return top, total


@triton.jit
def _softmax_online(x, y, width, x_stride, y_stride, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    top, total = _running(x, row, width, x_stride, BLOCK)
    for start in range(0, width, BLOCK):
        cols = start + tl.arange(0, BLOCK)
        inside = cols < width
        v = tl.load(x + row * x_stride + cols, mask=inside, other=0.0).to(tl.float32)
        tl.store(y + row * y_stride + cols, (tl.exp(v - top) / total).to(y.dtype.element_ty), mask=inside)


@triton.jit
def _cross_entropy(
    x, target, loss, gradient, vocab, x_stride, g_stride, TRAIN: tl.constexpr, BLOCK: tl.constexpr
):
    row = tl.program_id(0).to(tl.int64)
    top, total = _running(x, row, vocab, x_stride, BLOCK)
    goal = tl.load(target + row)
    at_goal = tl.load(x + row * x_stride + goal).to(tl.float32)
    tl.store(loss + row, tl.log(total) + (top - at_goal))
    if TRAIN:
        for start in range(0, vocab, BLOCK):
            cols = start + tl.arange(0, BLOCK)
            inside = cols < vocab
            v = tl.load(x + row * x_stride + cols, mask=inside, other=0.0).to(tl.float32)
            share = tl.exp(v - top) / total - tl.where(cols == goal, 1.0, 0.0)
            tl.store(gradient + row * g_stride + cols, share.to(gradient.dtype.element_ty), mask=inside)


@triton.jit
def _swiglu(gate, up, y, width, g_stride, u_stride, y_stride, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    cols = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = cols < width
    g = tl.load(gate + row * g_stride + cols, mask=inside, other=0.0).to(tl.float32)
    u = tl.load(up + row * u_stride + cols, mask=inside, other=0.0).to(tl.float32)
    small = tl.exp(-tl.abs(g))  # exp of a negative number: no overflow on either side
    sigmoid = tl.where(g >= 0, 1.0, small) / (1.0 + small)
    tl.store(y + row * y_stride + cols, (g * sigmoid * u).to(y.dtype.element_ty), mask=inside)


@triton.jit
def _rotate(
    x, y, cos, sin, token, heads, half, x_token, x_head, y_token, y_head,
    HEADS: tl.constexpr, HALF: tl.constexpr,
):  # fmt: skip
    head = tl.arange(0, HEADS)[:, None]
    dim = tl.arange(0, HALF)[None, :]
    inside = (head < heads) & (dim < half)
    source = x + token * x_token + head * x_head + dim
    first = tl.load(source, mask=inside, other=0.0).to(tl.float32)
    second = tl.load(source + half, mask=inside, other=0.0).to(tl.float32)
    goal = y + token * y_token + head * y_head + dim
    tl.store(goal, (first * cos - second * sin).to(y.dtype.element_ty), mask=inside)
    tl.store(goal + half, (second * cos + first * sin).to(y.dtype.element_ty), mask=inside)


@triton.jit
def _rope(
    q, k, q_out, k_out, cos, sin, heads, kv_heads, half, q_token, q_head, k_token, k_head, qo_token, qo_head,
    ko_token, ko_head, cos_token, sin_token, HEADS: tl.constexpr, KV_HEADS: tl.constexpr, HALF: tl.constexpr,
):  # fmt: skip
    token = tl.program_id(0).to(tl.int64)
    dim = tl.arange(0, HALF)[None, :]
    c = tl.load(cos + token * cos_token + dim, mask=dim < half, other=0.0)
    s = tl.load(sin + token * sin_token + dim, mask=dim < half, other=0.0)
    _rotate(q, q_out, c, s, token, heads, half, q_token, q_head, qo_token, qo_head, HEADS, HALF)
    _rotate(k, k_out, c, s, token, kv_heads, half, k_token, k_head, ko_token, ko_head, KV_HEADS, HALF)


def softmax(inputs: Tensors, out: Tensors) -> None:
    """One row per program, read once; for rows that fit the registers."""
    x, y = inputs["x"], out["y"]
    tokens, width = x.shape
    block = power_of_two(width)
    launch(_softmax, (tokens,), x, y, width, x.stride(0), y.stride(0), warps=warps_for(block), BLOCK=block)


def softmax_online(inputs: Tensors, out: Tensors, *, block: int = 4096) -> None:
    """A long row in pieces: running maximum and sum, then the result."""
    x, y = inputs["x"], out["y"]
    tokens, width = x.shape
    block = min(block, power_of_two(width))
    launch(
        _softmax_online, (tokens,), x, y, width, x.stride(0), y.stride(0), warps=warps_for(block), BLOCK=block
    )


def _losses(inputs: Tensors, out: Tensors, block: int, train: bool) -> None:
    x = inputs["logits"]
    gradient = out["gradient"] if train else x  # never touched in the forward pass
    tokens, vocab = x.shape
    block = min(block, power_of_two(vocab))
    launch(
        _cross_entropy, (tokens,), x, inputs["target"], out["loss"], gradient, vocab, x.stride(0),
        gradient.stride(0), warps=warps_for(block), TRAIN=train, BLOCK=block,
    )  # fmt: skip


def cross_entropy(inputs: Tensors, out: Tensors, *, block: int = 4096) -> None:
    """The logits are read once, the probabilities never written."""
    _losses(inputs, out, block, train=False)


def cross_entropy_train(inputs: Tensors, out: Tensors, *, block: int = 4096) -> None:
    """Loss and gradient from one kernel: two reads and one write of the logits' size."""
    _losses(inputs, out, block, train=True)


def swiglu(inputs: Tensors, out: Tensors, *, block: int = 2048) -> None:
    """Activation and product in one pass."""
    gate, up, y = inputs["gate"], inputs["up"], out["y"]
    tokens, width = gate.shape
    block = min(block, power_of_two(width))
    launch(
        _swiglu, (tokens, ceil_div(width, block)), gate, up, y, width, gate.stride(0), up.stride(0), y.stride(0),
        warps=warps_for(block), BLOCK=block,
    )  # fmt: skip


def rope(inputs: Tensors, out: Tensors) -> None:
    """All heads of a token in one program; its cosines are read once."""
    q, k, cos, sin = (inputs[name] for name in ("q", "k", "cos", "sin"))
    q_out, k_out = out["q_rotated"], out["k_rotated"]
    tokens, heads, dim = q.shape
    kv_heads, half = k.shape[1], dim // 2
    strides = (s for t in (q, k, q_out, k_out) for s in (t.stride(0), t.stride(1)))
    tile = (power_of_two(heads), power_of_two(kv_heads), power_of_two(half))
    launch(
        _rope, (tokens,), q, k, q_out, k_out, cos, sin, heads, kv_heads, half, *strides, cos.stride(0),
        sin.stride(0), warps=warps_for(tile[0] * tile[2]), HEADS=tile[0], KV_HEADS=tile[1], HALF=tile[2],
    )  # fmt: skip
