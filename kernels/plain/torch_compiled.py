"""The eager variants through torch.compile; `mode` is one of its modes. The first call compiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module

import torch
from torch import _dynamo as dynamo

from planner.kernels.reference import load_ops

Tensors = Mapping[str, torch.Tensor]
dynamo.config.recompile_limit = 1024
"""One graph per shape; past the limit torch would run eagerly and say nothing."""
HOMES = ("torch_rows", "torch_products", "torch_attention", "torch_traffic")


@cache
def _compiled(op: str, mode: str) -> Callable[[Tensors, Tensors], None]:
    (eager,) = (
        getattr(module, op)
        for module in (import_module(f"planner.kernels.plain.{home}") for home in HOMES)
        if hasattr(module, op)
    )
    compiled: Callable[[Tensors, Tensors], None] = torch.compile(
        eager, mode=mode, dynamic=False, fullgraph=True
    )
    return compiled


def __getattr__(op: str) -> Callable[..., None]:
    if op not in load_ops():
        raise AttributeError(op)

    def run(inputs: Tensors, out: Tensors, *, mode: str = "default") -> None:
        _compiled(op, mode)(inputs, out)

    return run
