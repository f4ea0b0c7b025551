"""Attention in NumPy, head by head, in fp32."""

from __future__ import annotations

import numpy as np

from planner.kernels.plain.numpy_rows import Array, Arrays, wide


def _attend(q: Array, k: Array, v: Array, hidden: Array | None) -> Array:
    scores = q.astype(np.float64) @ k.swapaxes(-1, -2) * q.shape[-1] ** -0.5
    if hidden is not None:
        scores = np.where(hidden, -np.inf, scores)
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray((e / e.sum(axis=-1, keepdims=True)).astype(np.float32) @ wide(v))


def _square(inputs: Arrays, out: Arrays, hidden: Array | None) -> None:
    q, k, v = (inputs[name] for name in ("q", "k", "v"))
    group = q.shape[2] // k.shape[2]
    for head in range(q.shape[2]):
        own = head // group
        out["o"][:, :, head] = _attend(q[:, :, head], k[:, :, own], v[:, :, own], hidden)


def attention_prefill(inputs: Arrays, out: Arrays) -> None:
    """A token sees itself and what came before."""
    length = inputs["q"].shape[1]
    _square(inputs, out, np.triu(np.ones((length, length), bool), 1))


def attention_full(inputs: Arrays, out: Arrays) -> None:
    """Every token sees every token."""
    _square(inputs, out, None)


def attention_decode(inputs: Arrays, out: Arrays) -> None:
    """Sequence by sequence, its pages gathered."""
    group = inputs["q"].shape[1] // inputs["k_cache"].shape[2]
    for row, length in enumerate(inputs["lengths"]):
        pages = inputs["page_table"][row]
        k, v = (inputs[n][pages].reshape(-1, *inputs[n].shape[2:])[:length] for n in ("k_cache", "v_cache"))
        for head in range(inputs["q"].shape[1]):
            own = head // group
            out["o"][row, head] = _attend(inputs["q"][row, head][None], k[:, own], v[:, own], None)[0]
