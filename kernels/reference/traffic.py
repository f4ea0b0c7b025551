"""Ops that only move memory: calibration (copy, triad, launch) and quantisation to fp8."""

from __future__ import annotations

from typing import Any

from planner.kernels.definition import Arrays, Op, Shape, Tensor
from planner.kernels.reference.rows import FLOATS, ROWS

E4M3_MAX = 448.0
E4M3_STEP = 2.0**-9
"""Spacing of the smallest e4m3 numbers; between powers of two there are eight steps."""
SMALLEST_SCALE = 1e-12
"""Keeps a row of zeros from dividing by zero."""
TRIAD = 0.5
"""The constant of the triad: y = a + 0.5 x b."""

ELEMENTS = tuple({"elements": n} for n in (1, 2, 3, 16, 17, 64, 100, 127, 128, 129, 1000, 1025, 4096, 9000))
LAUNCHES = tuple({"launches": n} for n in range(1, 14))


def _vector(name: str, shape: Shape) -> Tensor:
    return Tensor(name, (shape["elements"],))


def _rounded_to_e4m3(xp: Any, x: Any) -> Any:
    """fp64 values rounded to the nearest e4m3 number, ties to even."""
    mantissa, _ = xp.frexp(x)
    power = xp.where(mantissa == 0, mantissa + 1, x / xp.where(mantissa == 0, mantissa + 1, mantissa))
    step = power / 16
    step = xp.where(step < E4M3_STEP, step * 0 + E4M3_STEP, step)
    return xp.clip(xp.round(x / step) * step, -E4M3_MAX, E4M3_MAX)


def _quantize(xp: Any, given: Arrays, shape: Shape) -> Arrays:
    top = xp.amax(abs(given["x"]), axis=-1)
    scale = xp.clip(top, SMALLEST_SCALE, None) / E4M3_MAX
    return {"codes": _rounded_to_e4m3(xp, given["x"] / scale[:, None]), "scale": scale}


EXACT = {"fp32": 0.0, "fp16": 0.0, "bf16": 0.0}

COPY = Op(
    name="copy",
    family="copy",
    summary="y = x: what the memory sustains",
    axes=("elements",),
    dtypes=FLOATS,
    inputs=lambda s: (_vector("x", s),),
    outputs=lambda s: (_vector("y", s),),
    flops_of=lambda s: 0,
    compute=lambda xp, given, s: {"y": given["x"]},
    norm=EXACT,
    reduction=lambda s: 1,
    typical={"elements": 1 << 28},
    check_shapes=ELEMENTS,
)
TRIAD_OP = Op(
    name="triad",
    family="triad",
    summary="y = a + 0.5 b: two streams in, one out",
    axes=("elements",),
    dtypes=FLOATS,
    inputs=lambda s: (_vector("a", s), _vector("b", s)),
    outputs=lambda s: (_vector("y", s),),
    flops_of=lambda s: 2 * s["elements"],
    compute=lambda xp, given, s: {"y": given["a"] + TRIAD * given["b"]},
    norm={"fp32": 1e-7, "fp16": 5e-4, "bf16": 4e-3},
    reduction=lambda s: 1,
    typical={"elements": 1 << 28},
    check_shapes=ELEMENTS,
)
LAUNCH = Op(
    name="launch",
    family="launch",
    summary="y = x + launches over as many elements, one addition per launch: what starting a kernel costs",
    axes=("launches",),
    dtypes=("fp32",),
    inputs=lambda s: (Tensor("x", (s["launches"],)),),
    outputs=lambda s: (Tensor("y", (s["launches"],)),),
    flops_of=lambda s: s["launches"] ** 2,
    compute=lambda xp, given, s: {"y": given["x"] + s["launches"]},
    norm={"fp32": 1e-5},
    reduction=lambda s: s["launches"],
    typical={"launches": 16},
    check_shapes=LAUNCHES,
)
QUANTIZE_FP8 = Op(
    name="quantize_fp8",
    family="quantize",
    summary="fp8 e4m3 codes and one scale per token: scale = max|x| / 448, codes = x / scale",
    axes=("tokens", "width"),
    dtypes=FLOATS,
    inputs=lambda s: (Tensor("x", (s["tokens"], s["width"])),),
    outputs=lambda s: (
        Tensor("codes", (s["tokens"], s["width"]), "fp8"),
        Tensor("scale", (s["tokens"],), "fp32"),
    ),
    flops_of=lambda s: 4 * s["tokens"] * s["width"],
    compute=_quantize,
    norm={"fp32": 5e-3, "fp16": 5e-3, "bf16": 5e-3},
    reduction=lambda s: 1,
    typical={"tokens": 8192, "width": 4096},
    check_shapes=ROWS,
    output_norm={"scale": 1e-6},
)

OPS = (QUANTIZE_FP8, COPY, TRIAD_OP, LAUNCH)
