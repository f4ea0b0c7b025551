"""Liger-Kernel: Triton kernels for training, called without autograd."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from liger_kernel.ops.cross_entropy import LigerCrossEntropyFunction
from liger_kernel.ops.layer_norm import LigerLayerNormFunction
from liger_kernel.ops.rms_norm import LigerRMSNormFunction
from liger_kernel.ops.rope import LigerRopeFunction
from liger_kernel.ops.swiglu import LigerSiLUMulFunction

from planner.kernels.reference.rows import EPSILON

Tensors = Mapping[str, torch.Tensor]


def ready() -> None:
    """Refuse without a GPU: the kernels pass numbers where Triton's interpreter wants tensors."""
    if not (torch.cuda.is_available() or torch.xpu.is_available()):
        raise ImportError("Liger's Triton kernels need a GPU")


def rmsnorm(inputs: Tensors, out: Tensors) -> None:
    """Llama's way of casting: the normed row is rounded before the weight."""
    with torch.no_grad():
        out["y"].copy_(
            LigerRMSNormFunction.apply(inputs["x"], inputs["weight"], EPSILON, 0.0, "llama", False)
        )


def layernorm(inputs: Tensors, out: Tensors) -> None:
    """Weight and bias."""
    with torch.no_grad():
        out["y"].copy_(LigerLayerNormFunction.apply(inputs["x"], inputs["weight"], inputs["bias"], EPSILON))


def swiglu(inputs: Tensors, out: Tensors) -> None:
    """SiLU of the gate times up."""
    with torch.no_grad():
        out["y"].copy_(LigerSiLUMulFunction.apply(inputs["gate"], inputs["up"]))


def rope(inputs: Tensors, out: Tensors) -> None:
    """Works in place: on copies, which its time includes."""
    cos, sin = (torch.cat([inputs[n], inputs[n]], dim=-1)[None].to(inputs["q"].dtype) for n in ("cos", "sin"))
    q, k = (inputs[n].transpose(0, 1)[None].clone() for n in ("q", "k"))
    with torch.no_grad():
        q, k = LigerRopeFunction.apply(q, k, cos, sin)
    out["q_rotated"].copy_(q[0].transpose(0, 1))
    out["k_rotated"].copy_(k[0].transpose(0, 1))


def cross_entropy(inputs: Tensors, out: Tensors) -> None:
    """The forward pass; it writes gradients over its input where asked for them, so none are."""
    with torch.no_grad():
        loss = LigerCrossEntropyFunction.apply(
            inputs["logits"], inputs["target"], None, -100, 0.0, 0.0, "none", None, False
        )
    out["loss"].copy_(loss[0] if isinstance(loss, tuple) else loss)
