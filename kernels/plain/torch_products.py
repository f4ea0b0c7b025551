"""Matrix products as torch offers them."""

from __future__ import annotations

import torch
from torch.nn import functional

from planner.kernels.plain.torch_rows import Tensors
from planner.kernels.reference.products import ZERO


def gemm(inputs: Tensors, out: Tensors) -> None:
    """The vendor's library."""
    torch.mm(inputs["x"], inputs["weight"].t(), out=out["y"])


def _weights(inputs: Tensors) -> torch.Tensor:
    codes, scale = inputs["codes"], inputs["scale"]
    both = torch.stack([codes & 15, codes >> 4], dim=-1).view(*scale.shape, -1)
    return ((both.to(scale.dtype) - ZERO) * scale[..., None]).view(codes.shape[0], -1)


def gemm_w4a16(inputs: Tensors, out: Tensors) -> None:
    """Weights unpacked into 16 bits, then the vendor's library."""
    torch.mm(inputs["x"], _weights(inputs).t(), out=out["y"])


def dequantize_int4(inputs: Tensors, out: Tensors) -> None:
    """Composed."""
    out["weight"].copy_(_weights(inputs))


def gemm_fp8(inputs: Tensors, out: Tensors) -> None:
    """Without fp8 hardware: operands upcast to fp32, multiplied, scaled."""
    y = inputs["x"].float() @ inputs["weight"].float().t()
    out["y"].copy_(y * inputs["x_scale"][:, None] * inputs["weight_scale"][None, :])


def scaled_mm(inputs: Tensors, out: Tensors) -> None:
    """The vendor's fp8 library; wants n and k in multiples of 16."""
    y = torch._scaled_mm(
        inputs["x"],
        inputs["weight"].t(),
        scale_a=inputs["x_scale"][:, None],
        scale_b=inputs["weight_scale"][None, :],
        out_dtype=out["y"].dtype,
    )
    out["y"].copy_(y)


def moe(inputs: Tensors, out: Tensors) -> None:
    """Expert by expert; asks the device which experts were chosen, as eager model code does."""
    x = inputs["x"]
    total = torch.zeros(x.shape, dtype=torch.float32, device=x.device)
    for expert in range(inputs["gate_up"].shape[0]):
        token, slot = torch.where(inputs["expert"] == expert)
        if not token.numel():
            continue
        gate, up = (x[token] @ inputs["gate_up"][expert].t()).chunk(2, dim=-1)
        routed = (functional.silu(gate) * up) @ inputs["down"][expert].t()
        total.index_add_(0, token, inputs["share"][token, slot][:, None] * routed)
    out["y"].copy_(total)
