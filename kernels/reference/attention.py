"""Attention: causal prefill and its two-way sibling with grouped heads, and decode from a paged cache."""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np

from planner.kernels.arrays import BYTES, Draw
from planner.kernels.definition import Arrays, Op, Shape, Tensor
from planner.kernels.reference.rows import FLOATS

ATTENTION = {"fp32": 5e-6, "fp16": 2e-3, "bf16": 8e-3}
PREFILL = tuple(
    {"batch": b, "length": s, "heads": h, "kv_heads": k, "head_dim": d}
    for b, s, h, k, d in (
        (1, 1, 1, 1, 16), (1, 2, 2, 1, 16), (2, 17, 2, 2, 32), (1, 64, 4, 1, 16), (1, 65, 2, 1, 64), (2, 31, 3, 3, 24),
        (1, 100, 2, 2, 40), (3, 16, 4, 2, 64), (1, 129, 1, 1, 32), (1, 33, 8, 2, 80), (2, 48, 2, 1, 128),
        (1, 127, 2, 1, 16),
    )
)  # fmt: skip
DECODE = tuple(
    {"batch": b, "kv_len": n, "kv_len_min": low, "heads": h, "kv_heads": k, "head_dim": d, "page": p}
    for b, n, low, h, k, d, p in (
        (1, 1, 1, 1, 1, 16, 1), (1, 16, 16, 4, 1, 16, 16), (2, 17, 1, 4, 2, 32, 16), (3, 33, 5, 3, 3, 64, 8),
        (1, 100, 100, 8, 2, 64, 16), (2, 64, 63, 2, 1, 24, 32), (4, 7, 1, 5, 1, 40, 4), (1, 255, 255, 2, 2, 16, 16),
        (2, 129, 3, 8, 1, 128, 16), (1, 31, 31, 7, 7, 16, 2), (3, 80, 40, 6, 2, 80, 16), (2, 300, 1, 4, 4, 32, 64),
    )
)  # fmt: skip


def _head_rule(shape: Shape) -> str | None:
    if shape["heads"] % shape["kv_heads"]:
        return f"heads {shape['heads']} is no multiple of kv_heads {shape['kv_heads']}; choose one that is"
    if shape.get("kv_len_min", 0) > shape.get("kv_len", 0):
        return f"kv_len_min {shape['kv_len_min']} is above kv_len {shape['kv_len']}; lower it"
    return None


def _heads(name: str, axis: str, shape: Shape) -> Tensor:
    return Tensor(name, (shape["batch"], shape["length"], shape[axis], shape["head_dim"]))


def _weighted(xp: Any, scores: Any, values: Any) -> Any:
    e = xp.exp(scores - xp.amax(scores, axis=-1, keepdims=True))
    return (e / e.sum(axis=-1, keepdims=True)) @ values


def _attend(xp: Any, given: Arrays, shape: Shape, causal: bool) -> Arrays:
    group, length = shape["heads"] // shape["kv_heads"], shape["length"]
    out = given["q"] * 0
    seen = xp.ones((length, length)).cumsum(axis=1) <= xp.arange(1, length + 1)[:, None]
    if out.__class__.__module__ == "torch":
        seen = seen.to(out.device)
    for head in range(shape["heads"]):  # head by head: the square of all heads at once would not fit
        q, k, v = (given[n][:, :, head if n == "q" else head // group, :] for n in ("q", "k", "v"))
        scores = q @ k.swapaxes(1, 2) * shape["head_dim"] ** -0.5
        scores = xp.where(seen[None], scores, scores * 0 - np.inf) if causal else scores
        out[:, :, head, :] = _weighted(xp, scores, v)
    return {"o": out}


def lengths(shape: Shape) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Cached tokens of each sequence: evenly from `kv_len_min` to `kv_len`, the longest first."""
    spread = np.linspace(shape["kv_len"], shape["kv_len_min"], shape["batch"])
    return np.rint(spread).astype(np.int64)


def _pages(shape: Shape) -> int:
    return ceil(shape["kv_len"] / shape["page"])


def _decode_inputs(shape: Shape) -> tuple[Tensor, ...]:
    batch, kv_heads, dim = shape["batch"], shape["kv_heads"], shape["head_dim"]
    cache = (batch * _pages(shape), shape["page"], kv_heads, dim)
    return (
        Tensor("q", (batch, shape["heads"], dim)),
        Tensor("k_cache", cache),
        Tensor("v_cache", cache),
        Tensor("page_table", (batch, _pages(shape)), "int32"),
        Tensor("lengths", (batch,), "int32"),
    )


def _table(draw: Draw, shape: Shape, dtype: str) -> Arrays:
    pages = (shape["batch"], _pages(shape))
    return {
        "page_table": draw.permutation(pages[0] * pages[1], pages),
        "lengths": draw.cast(lengths(shape), "int32"),
    }


def _decode(xp: Any, given: Arrays, shape: Shape) -> Arrays:
    group = shape["heads"] // shape["kv_heads"]
    out = given["q"] * 0
    for row, length in enumerate(lengths(shape).tolist()):
        pages = given["page_table"][row]
        k, v = (given[n][pages].reshape(-1, *given[n].shape[2:])[:length] for n in ("k_cache", "v_cache"))
        for head in range(shape["heads"]):
            scores = given["q"][row, head][None] @ k[:, head // group].T * shape["head_dim"] ** -0.5
            out[row, head] = _weighted(xp, scores, v[:, head // group])[0]
    return {"o": out}


def _decode_bytes(shape: Shape, dtype: str) -> float:
    """Keys and values of the cached tokens once, queries, outputs, page table and lengths."""
    tokens = float(lengths(shape).sum())
    cache = 2 * BYTES[dtype] * tokens * shape["kv_heads"] * shape["head_dim"]
    heads = 2 * BYTES[dtype] * shape["batch"] * shape["heads"] * shape["head_dim"]
    return cache + heads + 4 * shape["batch"] * (_pages(shape) + 1)


def _square(name: str, family: str, summary: str, causal: bool) -> Op:
    def flops(s: Shape) -> float:
        pairs = s["length"] * (s["length"] + 1) / 2 if causal else s["length"] ** 2
        return 4.0 * s["batch"] * s["heads"] * s["head_dim"] * pairs

    return Op(
        name=name,
        family=family,
        summary=summary,
        axes=("batch", "length", "heads", "kv_heads", "head_dim"),
        dtypes=FLOATS,
        inputs=lambda s: (_heads("q", "heads", s), _heads("k", "kv_heads", s), _heads("v", "kv_heads", s)),
        outputs=lambda s: (_heads("o", "heads", s),),
        flops_of=flops,
        compute=lambda xp, given, s: _attend(xp, given, s, causal),
        norm=ATTENTION,
        ill_conditioned={"large": 20.0},
        reduction=lambda s: s["length"],
        typical={"batch": 4, "length": 2048, "heads": 32, "kv_heads": 8, "head_dim": 128},
        check_shapes=PREFILL,
        rules=_head_rule,
    )


ATTENTION_PREFILL = _square(
    "attention_prefill",
    "attention_prefill",
    "causal attention of a prompt, grouped key and value heads",
    True,
)
ATTENTION_FULL = _square(
    "attention_full", "encoder_attention", "attention both ways, as encoders and image models do", False
)
ATTENTION_DECODE = Op(
    name="attention_decode",
    family="attention_decode",
    summary="one new token per sequence against its cached ones, found through a page table",
    axes=("batch", "kv_len", "kv_len_min", "heads", "kv_heads", "head_dim", "page"),
    dtypes=FLOATS,
    inputs=_decode_inputs,
    outputs=lambda s: (Tensor("o", (s["batch"], s["heads"], s["head_dim"])),),
    flops_of=lambda s: 4.0 * s["heads"] * s["head_dim"] * float(lengths(s).sum()),
    compute=_decode,
    norm=ATTENTION,
    ill_conditioned={"large": 20.0},
    reduction=lambda s: s["kv_len"],
    typical={
        "batch": 16,
        "kv_len": 4096,
        "kv_len_min": 4096,
        "heads": 32,
        "kv_heads": 8,
        "head_dim": 128,
        "page": 16,
    },
    check_shapes=DECODE,
    draw=_table,
    rules=_head_rule,
    bytes_of=_decode_bytes,
)

OPS = (ATTENTION_PREFILL, ATTENTION_DECODE, ATTENTION_FULL)
