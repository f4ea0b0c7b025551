"""Kernels from the Hugging Face hub, fetched by name and version through its client.

The client downloads and runs compiled code, so nothing here is loaded unless it is asked for by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import torch

import kernels as hub

Tensors = Mapping[str, torch.Tensor]


@cache
def _package(repository: str, version: int) -> Any:
    return hub.get_kernel(repository, version=version)


def ready(*, repository: str, version: int) -> None:
    """Fetch the package; refuse with the client's reason."""
    try:
        _package(repository, version)
    except Exception as error:  # network, no build for this machine, no trust: the client's own classes
        raise ImportError(f"{repository}: {error}") from error


def swiglu(inputs: Tensors, out: Tensors, *, repository: str, version: int) -> None:
    """Takes gate and up side by side: joining them is in its time."""
    both = torch.cat([inputs["gate"], inputs["up"]], dim=-1)
    _package(repository, version).silu_and_mul(out["y"], both)


def attention_prefill(inputs: Tensors, out: Tensors, *, repository: str, version: int) -> None:
    """The forward pass of FlashAttention's own binding."""
    o = _package(repository, version).flash_attn_func(inputs["q"], inputs["k"], inputs["v"], causal=True)
    out["o"].copy_(o[0] if isinstance(o, tuple) else o)
