"""Attention as torch offers it: scaled_dot_product_attention with each backend forced, and gathered pages."""

from __future__ import annotations

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

from planner.kernels.plain.torch_rows import Tensors

BACKENDS = {
    "flash": [SDPBackend.FLASH_ATTENTION],
    "cudnn": [SDPBackend.CUDNN_ATTENTION],
    "efficient": [SDPBackend.EFFICIENT_ATTENTION],
    "math": [SDPBackend.MATH],
    "any": [
        SDPBackend.CUDNN_ATTENTION,
        SDPBackend.FLASH_ATTENTION,
        SDPBackend.EFFICIENT_ATTENTION,
        SDPBackend.MATH,
    ],
}
"""What `backend` may be; "any" leaves the choice to torch. A backend that refuses a shape raises."""


def _attend(inputs: Tensors, out: Tensors, *, causal: bool, backend: str) -> None:
    q, k, v = (inputs[name].transpose(1, 2) for name in ("q", "k", "v"))
    group = q.shape[1] // k.shape[1]
    if backend == "efficient" and group > 1:  # has no grouped heads of its own
        k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
    with sdpa_kernel(BACKENDS[backend]):
        o = scaled_dot_product_attention(q, k, v, is_causal=causal, enable_gqa=q.shape[1] != k.shape[1])
    out["o"].copy_(o.transpose(1, 2))


def attention_prefill(inputs: Tensors, out: Tensors, *, backend: str = "any") -> None:
    """Causal, grouped heads."""
    _attend(inputs, out, causal=True, backend=backend)


def attention_full(inputs: Tensors, out: Tensors, *, backend: str = "any") -> None:
    """Both ways, grouped heads."""
    _attend(inputs, out, causal=False, backend=backend)


def attention_decode(inputs: Tensors, out: Tensors) -> None:
    """Pages gathered into one block per sequence, what lies beyond its length masked."""
    table = inputs["page_table"].long()
    k, v = (inputs[name][table].flatten(1, 2).transpose(1, 2) for name in ("k_cache", "v_cache"))
    seen = torch.arange(k.shape[2], device=table.device)[None, :] < inputs["lengths"][:, None]
    o = scaled_dot_product_attention(
        inputs["q"][:, :, None, :], k, v, attn_mask=seen[:, None, None, :], enable_gqa=True
    )
    out["o"].copy_(o[:, :, 0, :])
