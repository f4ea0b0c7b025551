"""Calibration and quantisation as torch offers them."""

from __future__ import annotations

import torch

from planner.kernels.plain.torch_rows import Tensors
from planner.kernels.reference.traffic import E4M3_MAX, SMALLEST_SCALE, TRIAD


def copy(inputs: Tensors, out: Tensors) -> None:
    """One stream in, one out."""
    out["y"].copy_(inputs["x"])


def triad(inputs: Tensors, out: Tensors) -> None:
    """Two streams in, one out."""
    torch.add(inputs["a"], inputs["b"], alpha=TRIAD, out=out["y"])


def launch(inputs: Tensors, out: Tensors) -> None:
    """One addition per launch."""
    y = torch.add(inputs["x"], 1, out=out["y"])
    for _ in range(len(inputs["x"]) - 1):
        y.add_(1)


def quantize_fp8(inputs: Tensors, out: Tensors) -> None:
    """Composed: the largest of each row, then a division and a cast."""
    x = inputs["x"].float()
    scale = x.abs().amax(dim=-1).clamp(min=SMALLEST_SCALE) / E4M3_MAX
    out["scale"].copy_(scale)
    out["codes"].copy_((x / scale[:, None]).clamp(-E4M3_MAX, E4M3_MAX).to(torch.float8_e4m3fn))
