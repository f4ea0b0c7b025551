"""FlashInfer: CUDA kernels for serving."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import flashinfer
import torch

from planner.kernels.reference.rows import EPSILON

Tensors = Mapping[str, torch.Tensor]
WORKSPACE_BYTES = 128 << 20
"""What its examples reserve for plans and split sums."""


def ready() -> None:
    """Refuse without a CUDA device: it compiles for the one it finds."""
    if not torch.cuda.is_available():
        raise ImportError("FlashInfer needs a CUDA device")


def rmsnorm(inputs: Tensors, out: Tensors) -> None:
    """Into the buffer."""
    flashinfer.norm.rmsnorm(inputs["x"], inputs["weight"], EPSILON, out=out["y"])


def add_rmsnorm(inputs: Tensors, out: Tensors) -> None:
    """Works in place: on the outputs, filled from the inputs first."""
    y, total = out["y"].copy_(inputs["x"]), out["total"].copy_(inputs["residual"])
    flashinfer.norm.fused_add_rmsnorm(y, total, inputs["weight"], EPSILON)


def swiglu(inputs: Tensors, out: Tensors) -> None:
    """Takes gate and up side by side: joining them is in its time."""
    flashinfer.activation.silu_and_mul(torch.cat([inputs["gate"], inputs["up"]], dim=-1), out=out["y"])


def attention_prefill(inputs: Tensors, out: Tensors) -> None:
    """Sequence by sequence."""
    for q, k, v, o in zip(inputs["q"], inputs["k"], inputs["v"], out["o"], strict=True):
        o.copy_(flashinfer.prefill.single_prefill_with_kv_cache(q, k, v, causal=True))


@cache
def _wrapper(device: str) -> Any:
    room = torch.empty(WORKSPACE_BYTES, dtype=torch.uint8, device=device)
    return flashinfer.decode.BatchDecodeWithPagedKVCacheWrapper(room, "NHD", use_tensor_cores=True)


def attention_decode(inputs: Tensors, out: Tensors) -> None:
    """Planned and run; engines plan once per step for all layers, here the plan is in the time."""
    q, k, v, table, lengths = (inputs[n] for n in ("q", "k_cache", "v_cache", "page_table", "lengths"))
    page = k.shape[1]
    pages = (lengths + page - 1) // page
    starts = torch.nn.functional.pad(torch.cumsum(pages, 0), (1, 0)).int()
    used = torch.arange(table.shape[1], device=table.device)[None, :] < pages[:, None]
    wrapper = _wrapper(str(q.device))
    wrapper.plan(
        starts, table[used].int(), ((lengths - 1) % page + 1).int(), q.shape[1], k.shape[2], q.shape[2], page,
        q_data_type=q.dtype, kv_data_type=k.dtype,
    )  # fmt: skip
    wrapper.run(q, (k, v), out=out["o"])
