"""Which number format each op of a model runs in.

A checkpoint labelled "fp8" is not fp8 everywhere: the formats per op below follow the published
checkpoints' own quantisation settings (see DATA_SOURCES.md, "checkpoint formats").
"""

from __future__ import annotations

from dataclasses import dataclass

from planner.kernels.ops import WEIGHT_BYTES
from planner.models import Model
from planner.profiles.gpus import Gpu

KV_BYTES = {"bf16": 2.0, "fp16": 2.0, "fp8": 1.0}

# Families whose fp8 checkpoints carry one scale per 128 x 128 block, not per tensor or channel.
_BLOCK_FP8_FAMILIES = frozenset({"deepseek", "minimax", "qwen3_5", "qwen3_moe", "glm", "kimi"})


@dataclass(frozen=True, slots=True)
class OpFormats:
    """Format per op group: attention projections, dense feed-forward, experts, output logits, KV cache."""

    attention: str
    ffn: str
    experts: str
    logits: str
    kv: str


def op_formats(model: Model, *, weights: str, kv: str, gpu: Gpu) -> OpFormats:
    """Formats of `model` stored as `weights` on `gpu`.

    gpt-oss is published in MXFP4 only: its experts stay 4-bit whatever the label says, with bf16
    activations before Blackwell and fp8 ones on it. In 4-bit mixture checkpoints the attention
    projections stay bf16.
    """
    if model.family == "gpt_oss":
        blackwell = gpu.architecture.startswith("blackwell")
        return OpFormats("bf16", "bf16", "w4a8_mxfp4" if blackwell else "w4a16_mxfp4", "bf16", kv)
    fmt = {"fp4": "nvfp4", "nvfp4": "nvfp4", "int4": "int4"}.get(weights, weights)
    if fmt == "fp8" and (model.family in _BLOCK_FP8_FAMILIES):
        fmt = "fp8_block"
    if fmt in ("nvfp4", "int4") and model.num_experts:
        return OpFormats("bf16", "bf16" if model.family == "kimi" else fmt, fmt, "bf16", kv)
    return OpFormats(fmt, fmt, fmt, "bf16", kv)


_HAS_FP8 = ("ada", "hopper", "blackwell", "blackwell_gb20x", "cdna3", "cdna4", "rdna4", "gaudi")
_HAS_FP4 = ("blackwell", "blackwell_gb20x", "cdna4")
_ARCHITECTURES = {"fp8": _HAS_FP8, "fp8_block": _HAS_FP8, "nvfp4": _HAS_FP4, "w4a8_mxfp4": _HAS_FP4}


def runs_format(gpu: Gpu, fmt: str) -> bool:
    """Whether the GPU's matrix units multiply this format; weight-only and 16-bit formats run everywhere.

    >>> from planner.profiles.gpus import load_gpus
    >>> runs_format(load_gpus()["a100_sxm"], "fp8"), runs_format(load_gpus()["rtx_4090"], "fp8")
    (False, True)
    """
    return gpu.architecture in _ARCHITECTURES.get(fmt, (gpu.architecture,))


def refusal(formats: OpFormats, gpu: Gpu) -> str | None:
    """Why `gpu` cannot run a model in these formats, or None when it can.

    Formats of other engines (GGUF's q4_k_m) are known by name only: no table or formula here speaks for them.
    """
    weights = (formats.attention, formats.ffn, formats.experts)
    for fmt in weights:
        if fmt not in WEIGHT_BYTES:
            return f"no engine planned here serves weights in {fmt}"
    if formats.kv not in KV_BYTES:
        return f"no engine planned here keeps its cache in {formats.kv}"
    lacking = [fmt for fmt in (*weights, formats.kv) if not runs_format(gpu, fmt)]
    return f"the GPU does not multiply {lacking[0]}" if lacking else None
