"""Row ops as torch offers them: its own operator where it has one, else composed."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch.nn import functional

from planner.kernels.reference.rows import EPSILON

Tensors = Mapping[str, torch.Tensor]


def rmsnorm(inputs: Tensors, out: Tensors) -> None:
    """The library's operator."""
    x = inputs["x"]
    out["y"].copy_(functional.rms_norm(x, x.shape[-1:], inputs["weight"], EPSILON))


def add_rmsnorm(inputs: Tensors, out: Tensors) -> None:
    """Two operators; the sum is rounded before it is normed, as eager models do."""
    total = torch.add(inputs["x"], inputs["residual"], out=out["total"])
    out["y"].copy_(functional.rms_norm(total, total.shape[-1:], inputs["weight"], EPSILON))


def layernorm(inputs: Tensors, out: Tensors) -> None:
    """The library's operator."""
    x = inputs["x"]
    out["y"].copy_(functional.layer_norm(x, x.shape[-1:], inputs["weight"], inputs["bias"], EPSILON))


def swiglu(inputs: Tensors, out: Tensors) -> None:
    """Two operators."""
    torch.mul(functional.silu(inputs["gate"]), inputs["up"], out=out["y"])


def softmax(inputs: Tensors, out: Tensors) -> None:
    """The library's operator."""
    torch.softmax(inputs["x"], -1, out=out["y"])


def cross_entropy(inputs: Tensors, out: Tensors) -> None:
    """The library's operator on fp32 logits, as training code calls it."""
    loss = functional.cross_entropy(inputs["logits"].float(), inputs["target"], reduction="none")
    out["loss"].copy_(loss)


def cross_entropy_train(inputs: Tensors, out: Tensors) -> None:
    """The forward pass and what autograd makes of it."""
    with torch.enable_grad():
        logits = inputs["logits"].detach().requires_grad_()
        loss = functional.cross_entropy(logits.float(), inputs["target"], reduction="none")
        (gradient,) = torch.autograd.grad(loss.sum(), logits)
    out["loss"].copy_(loss.detach())
    out["gradient"].copy_(gradient)


def rope(inputs: Tensors, out: Tensors) -> None:
    """Composed as model code does, in fp32."""
    cos, sin = inputs["cos"][:, None, :], inputs["sin"][:, None, :]
    for name in ("q", "k"):
        first, second = inputs[name].float().chunk(2, dim=-1)
        rotated = torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)
        out[f"{name}_rotated"].copy_(rotated)
