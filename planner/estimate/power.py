"""Board power while serving: measured watts of each op, weighted by the time it takes.

Tables of mean board power exist for H200, B200 and GB200. Their near relatives take the same share of their
own power limit; for other GPUs nothing is known. Host time between kernels counts as drawing the average of
the ops, which is on the high side.

The tables agree poorly: at equal shape and format the two engines differ by 1.2 to 1.3 in the median (0.6 to
2.9 from the 10th to the 90th percentile), formats by 1.15 to 1.9. The interval is a factor of `FACTOR` each way.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from planner.estimate.calls import Attention, Experts, Gemm, op_list
from planner.estimate.evaluate import Evaluation
from planner.estimate.optimes import SKEW
from planner.profiles.block import Block
from planner.profiles.lookup import attention_time, gemm_time, moe_time
from planner.profiles.store import Profiles
from planner.records import Quantity

Array = NDArray[np.float64]
FACTOR = 1.5
LEAST_COVERAGE = 0.6  # of step time that the tables must speak for
_RELATIVES = {
    "h200_sxm": "h200_sxm", "h100_sxm": "h200_sxm", "h100_pcie": "h200_sxm", "h200_nvl": "h200_sxm",
    "b200_sxm": "b200_sxm", "b300_sxm": "b200_sxm", "gb200": "gb200", "gb300": "gb200",
}  # fmt: skip


def board_power(e: Evaluation, i: int, profiles: Profiles) -> Quantity | None:
    """Watts of all boards of a replica at batch index `i`, None where nothing measured speaks for the GPU."""
    source = _RELATIVES.get(e.gpu.key)
    if source is None or e.gpu.tdp_w is None:
        return None
    scale = e.gpu.tdp_w / _limit(source, profiles)
    seconds = {p.name: float(p.seconds[i]) for p in e.step.parts if p.phase == "decode"}
    watts = dict(_watts(e, i, source, profiles))
    known = sum(seconds[name] for name in watts)
    if known < LEAST_COVERAGE * sum(seconds.values()):
        return None
    mean = scale * sum(seconds[name] * w for name, w in watts.items()) / known * e.layout.gpus
    most = e.gpu.tdp_w * e.layout.gpus
    value = min(mean, most)
    return Quantity(value, value / FACTOR, min(value * FACTOR, most), "transferred")


def _limit(source: str, profiles: Profiles) -> float:
    return float(profiles.blocks(system=source, op="gemm", value="watts")[0].about("power_limit_w") or 0)


def _watts(e: Evaluation, i: int, source: str, profiles: Profiles) -> Iterator[tuple[str, float]]:
    """Mean watts of each op of a decode step that has a table: (name, W)."""
    batch = np.array([float(e.served.running[i])])
    ops = op_list(e.model, e.layout, e.formats)
    length = np.array([e.lengths.input_tokens + e.lengths.output_tokens / 2])
    for call in (*ops.tokens, *ops.attention):
        if isinstance(call, Gemm):
            blocks = _tables(profiles, source, "gemm", dtype=call.dtype)
            found = [
                gemm_time(profiles.curves(b), n=call.n, k=call.k, m=batch, roofline_s=_flat) for b in blocks
            ]
            name = call.name
        elif isinstance(call, Experts):
            blocks = _tables(profiles, source, "moe", dtype=call.dtype, distribution=SKEW)
            key = {k: getattr(call, k) for k in ("hidden", "inter", "experts", "topk", "tp", "ep")}
            found = [
                moe_time(profiles.curves(b), **key, tokens=batch * call.dp, roofline_s=_flat) for b in blocks
            ]
            name = call.name
        elif isinstance(call, Attention):
            blocks = _tables(profiles, source, "attention_decode", kv_dtype=call.kv)
            key = {k: getattr(call, k) for k in ("heads", "kv_heads", "head_dim", "window")}
            found = [attention_time(profiles.curves(b), **key, batch=batch, length=length, roofline_s=_flat)
                     for b in blocks]  # fmt: skip
            name = call.op
        else:
            continue
        if found:
            yield name, float(np.mean([f.seconds[0] for f in found]))


def _tables(profiles: Profiles, system: str, op: str, **keys: str) -> tuple[Block, ...]:
    """Power tables in the wanted format; in any format where there is none."""
    found = profiles.blocks(system=system, op=op, value="watts", **keys)
    return found or profiles.blocks(system=system, op=op, value="watts")


def _flat(*sizes: float | Array) -> Array:
    """No roofline for watts: unmeasured shapes take the mean of their neighbours."""
    return np.ones(np.broadcast_shapes(*(np.shape(s) for s in sizes)))
