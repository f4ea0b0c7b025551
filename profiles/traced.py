"""Times of ops from our own traces on one device: the rows of one engine's variants as curves to look up.

Cold rows count: weights and caches of a model do not fit any cache. Between points and beside them the look-ups
of the op tables are used, so a time says how it is known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from planner.kernels import ops
from planner.profiles import trace as t
from planner.profiles.block import Curves
from planner.profiles.curve import OpTime, curve_time
from planner.profiles.errors import ProfileError
from planner.profiles.gemm import gemm_time
from planner.profiles.standings import COLD, WEIGHTS
from planner.profiles.surface import attention_time

ENGINES: Mapping[str, str] = {
    "torch": "torch_eager", "torch.compile": "torch_compile", "onnxruntime": "onnxruntime_cpu", "openvino": "openvino",
    "numpy": "numpy",
}  # fmt: skip
"""Engine to the family of variants that stands for it."""
FALLBACK = "torch_eager"
"""Runs an op that an engine's own variants lack."""
HEADROOM = 2.0
"""The physical limit is set this far above the session's own copy and gemm: reading is faster than copying."""
AXES: Mapping[str, tuple[tuple[str, ...], str]] = {
    "gemm": (("n", "k"), "m"),
    "attention_prefill": (("heads", "kv_heads", "head_dim", "batch"), "length"),
    "attention_decode": (("heads", "kv_heads", "head_dim", "batch"), "kv_len"),
    "add_rmsnorm": (("width",), "tokens"),
    "rmsnorm": (("width",), "tokens"),
    "swiglu": (("width",), "tokens"),
    "rope": (("heads", "kv_heads", "head_dim"), "tokens"),
}  # fmt: skip
"""Axes that name a curve, and the one it runs along."""
ELEMENT_BYTES = {"fp32": 4.0, "bf16": 2.0, "fp16": 2.0}


@dataclass(frozen=True)
class Traced:
    """What was measured of one engine's variants in one dtype on one device."""

    device: t.Device
    dtype: str
    family: str
    rows: tuple[t.Trace, ...]
    _curves: dict[str, tuple[Curves, str]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def limits(self) -> tuple[float, float]:
        """FLOP/s and bytes/s that nothing here exceeds."""
        flops = max((r.derived.ceiling_gemm_flops_per_s or 0.0 for r in self.rows), default=0.0)
        moved = max((r.derived.ceiling_copy_bytes_per_s or 0.0 for r in self.rows), default=0.0)
        if not (flops and moved):
            raise ProfileError(f"{self.device.device_key}: no calibration rows; measure copy and gemm")
        return HEADROOM * flops, HEADROOM * moved

    def curves(self, op: str) -> tuple[Curves, str]:
        """Points of an op and the family they are of: the engine's own, else the fallback's."""
        if op not in self._curves:
            for family in (self.family, FALLBACK):
                points = _points(self.rows, op, self.dtype, family)
                if points:
                    self._curves[op] = _as_curves(points, attention=op.startswith("attention")), family
                    break
            else:
                raise ProfileError(
                    f"{self.device.device_key}: {op} in {self.dtype} is not measured by {self.family}"
                )
        return self._curves[op]

    def gemm(self, *, n: int, k: int, m: float) -> OpTime:
        """One linear layer of m tokens."""
        flops_per_s, bytes_per_s = self.limits
        size = ELEMENT_BYTES[self.dtype]

        def roofline_s(n: ops.Amount, k: ops.Amount, m: ops.Amount) -> ops.Amount:
            work = ops.Work(2.0 * m * n * k, size * (n * k + m * k + m * n))
            return work.roofline_s(flops_per_s=flops_per_s, bytes_per_s=bytes_per_s)

        return gemm_time(self.curves("gemm")[0], n=n, k=k, m=m, roofline_s=roofline_s)

    def attention(self, phase: str, *, heads: int, kv_heads: int, head_dim: int, length: float) -> OpTime:
        """One layer's attention of one sequence; `phase` prefill or decode."""
        flops_per_s, bytes_per_s = self.limits
        size = ELEMENT_BYTES[self.dtype]

        def roofline_s(
            h: ops.Amount, kv: ops.Amount, d: ops.Amount, w: ops.Amount, b: ops.Amount, x: ops.Amount
        ) -> ops.Amount:
            about = {"heads": h, "kv_heads": kv, "head_dim": d, "batch": b, "kv_bytes": size}
            if phase == "prefill":
                work = ops.attention_prefill(**about, length=x, dtype_bytes=size)  # type: ignore[arg-type]
            else:
                work = ops.attention_decode(**about, kv_len=x)  # type: ignore[arg-type]
            return work.roofline_s(flops_per_s=flops_per_s, bytes_per_s=bytes_per_s)

        curves = self.curves(f"attention_{phase}")[0]
        return attention_time(
            curves, heads=heads, kv_heads=kv_heads, head_dim=head_dim, window=0, batch=1.0, length=length,
            roofline_s=roofline_s,
        )  # fmt: skip

    def rows_op(self, op: str, *, key: tuple[int, ...], tokens: float) -> OpTime:
        """A norm, activation or rotary embedding: bound by what it moves."""
        return curve_time(
            self.curves(op)[0], key=key, x=tokens,
            roofline_s=lambda *axes: np.prod(np.broadcast_arrays(*(np.asarray(a, np.float64) for a in axes)), axis=0),
        )  # fmt: skip


def traced(traces: Iterable[t.Trace], *, device: str, engine: str, dtype: str) -> Traced:
    """The traces that speak for an engine on a device; raises `ProfileError` naming what there is instead."""
    found = tuple(
        x
        for x in traces
        if x.device.device_key == device and x.timed and x.stats and x.stats.cache_mode in COLD
        and x.origin == t.MEASURED and WEIGHTS[x.trust.trust_level] > 0
    )  # fmt: skip
    if not found:
        raise ProfileError(f"{device}: nothing is measured here; planner profile run --device cpu does it")
    if engine not in ENGINES:
        raise ProfileError(f"engine {engine!r} is not measured on {device}; one of {', '.join(ENGINES)}")
    dtypes = sorted({x.job.dtype_in for x in found})
    if dtype not in dtypes:
        raise ProfileError(f"precision {dtype!r} is not measured on {device}; it has {', '.join(dtypes)}")
    return Traced(found[0].device, dtype, ENGINES[engine], found)


def _points(
    rows: Iterable[t.Trace], op: str, dtype: str, family: str
) -> dict[tuple[int, ...], dict[int, float]]:
    """Median seconds by curve and size; several rows of one point become their geometric mean, weighted by trust."""
    axes, along = AXES[op]
    seen: dict[tuple[tuple[int, ...], int], list[tuple[float, float]]] = defaultdict(list)
    for x in rows:
        if (
            x.job.op == op
            and x.job.dtype_in == dtype
            and x.kernel.variant.startswith(f"{family}_")
            and x.stats
        ):
            key = tuple(x.job.shape[axis] for axis in axes)
            seen[key, x.job.shape[along]].append((np.log(x.stats.median_s), WEIGHTS[x.trust.trust_level]))
    table: dict[tuple[int, ...], dict[int, float]] = defaultdict(dict)
    for (key, size), logs in seen.items():
        values, weights = np.array(logs).T
        table[key][size] = float(np.exp(np.average(values, weights=weights)))
    return table


def _as_curves(points: Mapping[tuple[int, ...], Mapping[int, float]], *, attention: bool) -> Curves:
    rows = sorted(((*key[:-1], 0, key[-1]) if attention else key, curve) for key, curve in points.items())
    sizes = [sorted(curve) for _, curve in rows]
    return Curves(
        np.array([key for key, _ in rows], np.int32),
        np.concatenate([[0], np.cumsum([len(s) for s in sizes])]).astype(np.int64),
        np.array([x for s in sizes for x in s], np.float64),
        np.array([curve[x] for (_, curve), s in zip(rows, sizes, strict=True) for x in s], np.float64),
    )
