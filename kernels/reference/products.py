"""Matrix products: plain, with 4-bit weights, with fp8 operands, and the routed experts of a layer."""

from __future__ import annotations

from typing import Any

from planner.kernels.arrays import BYTES, Draw
from planner.kernels.definition import Arrays, Op, Shape, Tensor
from planner.kernels.reference.rows import FLOATS, LONGER_SUMS, silu

ZERO = 8
"""The 4-bit code that stands for 0; weights are (code - 8) x scale."""

TWO_PRODUCTS = {"fp32": 2e-6, "fp16": 2e-3, "bf16": 8e-3}
"""What lies between the two products of an expert is rounded too."""

PRODUCTS = tuple(
    {"m": m, "n": n, "k": k}
    for m, n, k in (
        (1, 1, 1), (1, 32, 16), (2, 17, 33), (16, 16, 16), (3, 100, 64), (33, 31, 65), (1, 257, 128), (64, 64, 64),
        (65, 96, 70), (5, 48, 200), (128, 33, 40), (17, 130, 129), (150, 40, 48),
        (3, 70, 600),
    )
)  # fmt: skip
"""Single elements, single rows, tiles filled exactly and one over."""
GROUPED = tuple(
    {"m": m, "n": n, "k": k, "group": g}
    for m, n, k, g in (
        (1, 8, 32, 32), (1, 17, 64, 32), (2, 33, 96, 32), (16, 16, 64, 64), (3, 100, 128, 64), (33, 31, 128, 32),
        (1, 130, 256, 128), (17, 64, 192, 64), (5, 48, 256, 128), (40, 33, 32, 32), (7, 65, 128, 128), (1, 5, 320, 64),
        (70, 20, 64, 32),
    )
)  # fmt: skip
EXPERTS = tuple(
    {"tokens": t, "hidden": h, "inter": f, "experts": e, "topk": k}
    for t, h, f, e, k in (
        (1, 16, 16, 1, 1), (1, 32, 16, 4, 2), (2, 17, 33, 4, 1), (5, 64, 32, 8, 2), (16, 32, 32, 2, 1),
        (3, 20, 12, 8, 4), (17, 33, 65, 4, 2), (33, 16, 48, 3, 3), (7, 40, 24, 16, 8), (4, 64, 64, 2, 2),
        (12, 31, 15, 5, 2), (20, 48, 32, 4, 4), (100, 24, 20, 2, 2),
    )
)  # fmt: skip


def _product(name: str, shape: Shape) -> Tensor:
    return Tensor(name, (shape["m"], shape["n"]))


def _gemm(xp: Any, given: Arrays, shape: Shape) -> Arrays:
    return {"y": given["x"] @ given["weight"].T}


def unpacked(xp: Any, codes: Any, scale: Any, group: int) -> Any:
    """Weights (n, k) from two 4-bit codes per byte, low half first, and a scale per `group` along k."""
    low, high = codes & 15, codes >> 4
    both = xp.stack([low, high], axis=-1).reshape(codes.shape[0], -1)
    wide = scale[:, :, None] * (both.reshape(*scale.shape, group) * 1.0 - ZERO)
    return wide.reshape(both.shape)


def _gemm_w4a16(xp: Any, given: Arrays, shape: Shape) -> Arrays:
    return {"y": given["x"] @ unpacked(xp, given["codes"], given["scale"], shape["group"]).T}


def _dequantize(xp: Any, given: Arrays, shape: Shape) -> Arrays:
    return {"weight": unpacked(xp, given["codes"], given["scale"], shape["group"])}


def _packed(shape: Shape) -> tuple[Tensor, Tensor]:
    n, k = shape["n"], shape["k"]
    return Tensor("codes", (n, k // 2), "uint8"), Tensor("scale", (n, k // shape["group"]))


def _codes(draw: Draw, shape: Shape, dtype: str) -> Arrays:
    return {"codes": draw.integers(0, 256, (shape["n"], shape["k"] // 2), "uint8")}


def _group_rule(shape: Shape) -> str | None:
    if shape["k"] % shape["group"] or shape["group"] % 2:
        return f"group {shape['group']} is odd or does not divide k {shape['k']}; choose another"
    return None


def _gemm_fp8(xp: Any, given: Arrays, shape: Shape) -> Arrays:
    plain = given["x"] @ given["weight"].T
    return {"y": plain * given["x_scale"][:, None] * given["weight_scale"][None, :]}


def _scales(draw: Draw, shape: Shape, dtype: str) -> Arrays:
    return {"x_scale": draw.uniform((shape["m"],)), "weight_scale": draw.uniform((shape["n"],))}


def _moe(xp: Any, given: Arrays, shape: Shape) -> Arrays:
    x, inter = given["x"], shape["inter"]
    y = x * 0
    for expert in range(shape["experts"]):
        token, slot = xp.where(given["expert"] == expert)
        if not len(token):
            continue
        both = x[token] @ given["gate_up"][expert].T
        gate, up = both[:, :inter], both[:, inter:]
        routed = (silu(xp, gate) * up) @ given["down"][expert].T
        y[token] = y[token] + routed * given["share"][token, slot][:, None]
    return {"y": y}


def _routes(draw: Draw, shape: Shape, dtype: str) -> Arrays:
    chosen = (shape["tokens"], shape["topk"])
    return {"expert": draw.distinct(shape["experts"], chosen), "share": draw.uniform(chosen)}


def _moe_inputs(shape: Shape) -> tuple[Tensor, ...]:
    tokens, hidden, inter, experts = (shape[a] for a in ("tokens", "hidden", "inter", "experts"))
    return (
        Tensor("x", (tokens, hidden)),
        Tensor("gate_up", (experts, 2 * inter, hidden), scale=hidden**-0.5),
        Tensor("down", (experts, hidden, inter), scale=inter**-0.5),
        Tensor("expert", (tokens, shape["topk"]), "int32"),
        Tensor("share", (tokens, shape["topk"]), "fp32"),
    )


def _moe_bytes(shape: Shape, dtype: str) -> float:
    """Weights of the experts that some token chose, as uniform routing has it, and x, y and the routes."""
    experts, share = shape["experts"], shape["topk"] / shape["experts"]
    touched = experts * (1 - (1 - share) ** shape["tokens"])
    weights = 3 * touched * shape["hidden"] * shape["inter"]
    return (
        BYTES[dtype] * (weights + 2 * shape["tokens"] * shape["hidden"]) + 8 * shape["tokens"] * shape["topk"]
    )


GEMM = Op(
    name="gemm",
    family="gemm",
    summary="y[m, n] = x[m, k] @ weight[n, k]^T",
    axes=("m", "n", "k"),
    dtypes=FLOATS,
    inputs=lambda s: (Tensor("x", (s["m"], s["k"])), Tensor("weight", (s["n"], s["k"]))),
    outputs=lambda s: (_product("y", s),),
    flops_of=lambda s: 2 * s["m"] * s["n"] * s["k"],
    compute=_gemm,
    norm=LONGER_SUMS,
    reduction=lambda s: s["k"],
    typical={"m": 2048, "n": 6144, "k": 4096},
    check_shapes=PRODUCTS,
)
GEMM_W4A16 = Op(
    name="gemm_w4a16",
    family="gemm",
    summary="y = x @ ((codes - 8) x scale)^T, 4-bit codes two to a byte, one scale per group along k",
    axes=("m", "n", "k", "group"),
    dtypes=FLOATS,
    inputs=lambda s: (Tensor("x", (s["m"], s["k"])), *_packed(s)),
    outputs=lambda s: (_product("y", s),),
    flops_of=lambda s: 2 * s["m"] * s["n"] * s["k"],
    compute=_gemm_w4a16,
    norm=LONGER_SUMS,
    reduction=lambda s: s["k"],
    typical={"m": 16, "n": 28672, "k": 4096, "group": 128},
    check_shapes=GROUPED,
    draw=_codes,
    rules=_group_rule,
)
GEMM_FP8 = Op(
    name="gemm_fp8",
    family="gemm",
    summary="y = (x @ weight^T) x x_scale[m] x weight_scale[n], fp8 e4m3 operands; dtype is that of y",
    axes=("m", "n", "k"),
    dtypes=FLOATS,
    inputs=lambda s: (
        Tensor("x", (s["m"], s["k"]), "fp8"),
        Tensor("weight", (s["n"], s["k"]), "fp8"),
        Tensor("x_scale", (s["m"],), "fp32"),
        Tensor("weight_scale", (s["n"],), "fp32"),
    ),
    outputs=lambda s: (_product("y", s),),
    flops_of=lambda s: 2 * s["m"] * s["n"] * s["k"],
    compute=_gemm_fp8,
    norm=LONGER_SUMS,
    reduction=lambda s: s["k"],
    typical={"m": 2048, "n": 6144, "k": 4096},
    check_shapes=PRODUCTS,
    draw=_scales,
)
MOE = Op(
    name="moe",
    family="moe",
    summary="routed experts: sum over a token's experts of share x (silu(x gate^T) x (x up^T)) down^T",
    axes=("tokens", "hidden", "inter", "experts", "topk"),
    dtypes=FLOATS,
    inputs=_moe_inputs,
    outputs=lambda s: (Tensor("y", (s["tokens"], s["hidden"])),),
    flops_of=lambda s: 6 * s["tokens"] * s["topk"] * s["hidden"] * s["inter"],
    compute=_moe,
    norm=TWO_PRODUCTS,
    reduction=lambda s: max(s["hidden"], s["inter"]),
    typical={"tokens": 4096, "hidden": 4096, "inter": 14336, "experts": 8, "topk": 2},
    check_shapes=EXPERTS,
    draw=_routes,
    rules=lambda s: "topk is above experts; lower it" if s["topk"] > s["experts"] else None,
    bytes_of=_moe_bytes,
)
DEQUANTIZE_INT4 = Op(
    name="dequantize_int4",
    family="dequantize",
    summary="weight = (codes - 8) x scale, 4-bit codes two to a byte, one scale per group along k",
    axes=("n", "k", "group"),
    dtypes=FLOATS,
    inputs=_packed,
    outputs=lambda s: (Tensor("weight", (s["n"], s["k"])),),
    flops_of=lambda s: 2 * s["n"] * s["k"],
    compute=_dequantize,
    norm={"fp32": 1e-7, "fp16": 5e-4, "bf16": 4e-3},
    reduction=lambda s: 1,
    typical={"n": 4096, "k": 28672, "group": 128},
    check_shapes=tuple({k: s[k] for k in ("n", "k", "group")} for s in GROUPED),
    draw=_codes,
    rules=_group_rule,
)

OPS = (GEMM, GEMM_W4A16, GEMM_FP8, MOE, DEQUANTIZE_INT4)
