"""The single checks behind `profiles.verify`: each returns what is wrong, or nothing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from statistics import median

from planner.kernels.errors import KernelError
from planner.kernels.loading import load_manifests
from planner.kernels.reference import load_ops
from planner.profiles import trace as t
from planner.profiles.gpus import load_gpus
from planner.profiles.measure.cpu import flops_bound


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check says about a file."""

    check: str
    ok: bool
    detail: str
    rows: int = 0
    """How many rows it concerns."""


SLACK = 0.95
"""A time may be this share of the roofline time: clocks boost, data sheets round."""
CPU_COPY_FACTOR = 2.5
"""No CPU figure is published per thread: a cold call may move this many times what the session's copy moved."""
MIN_SAMPLES, MIN_SEEDS = 30, 3
NEEDED = ("copy", "triad", "launch", "gemm")
STEADY, SAME_SESSION = 0.03, 0.15
"""Beyond this a session has drifted; calibration rows may be this far from the same device's shipped ones."""
FALLS = 0.7
"""More work in less than this share of the time is not a measurement of the same kernel."""
MORE_WORK = 1.1


def environment(trace: t.Trace) -> str | None:
    """What a measured row must say of its machine, software and sampling."""
    if trace.origin != t.MEASURED or not trace.timed or trace.stats is None:
        return None
    told: Mapping[str, object] = {
        "device_name": trace.device.device_name, "arch": trace.device.arch.replace("unknown", ""),
        "driver": trace.device.driver, "runtime": trace.device.runtime.replace("unknown", ""),
        "llc_bytes": trace.device.llc_bytes, "python": trace.software.python.replace("unknown", ""),
        "variant_sha256": trace.kernel.variant_sha256, "timer": trace.stats.timer.replace("unknown", ""),
        "cache_mode": trace.stats.cache_mode.replace("unknown", ""), "p20_s": trace.stats.p20_s,
        "p80_s": trace.stats.p80_s, "aa_noise": trace.stats.aa_noise, "timestamp_utc": trace.timestamp_utc,
        "distribution": trace.job.distribution.replace("unknown", ""),
    }  # fmt: skip
    missing = [name for name, value in told.items() if value in (None, "")]
    if missing:
        return f"{missing[0]} is missing"
    state = trace.state
    if state.host_load is None and state.sm_clock_mhz is None:
        return "the state of the machine (sm_clock_mhz, host_load) is missing"
    return f"n is {trace.stats.n}, at least {MIN_SAMPLES} are needed" if trace.stats.n < MIN_SAMPLES else None


def work(trace: t.Trace) -> str | None:
    """FLOP and bytes must be those of the op's definition."""
    known = load_ops().get(trace.job.op)
    if known is None:
        return None if trace.origin == t.IMPORTED else f"op {trace.job.op!r} is not defined here"
    try:
        known.check(trace.job.shape, trace.job.dtype_in)
    except KernelError as error:
        return str(error)
    for name, stated, right in (
        ("flops", trace.job.flops, known.flops(trace.job.shape)),
        ("moved_bytes", trace.job.moved_bytes, known.bytes(trace.job.shape, trace.job.dtype_in)),
    ):
        if abs(stated - right) > 1e-5 * max(right, 1.0):
            return f"{name} is {stated:g}, the op says {right:g}"
    return None


def correctness(trace: t.Trace) -> str | None:
    """A timed row was compared with fp64 on enough seeds and was within tolerance."""
    if trace.origin != t.MEASURED or not trace.timed:
        return None
    c = trace.correctness
    if c.err_norm is None or c.tolerance is None or c.seeds < MIN_SEEDS:
        return f"{c.seeds} seeds, err_norm {c.err_norm}; {MIN_SEEDS} seeds and an error are needed"
    known = load_ops().get(trace.job.op)
    limit = c.tolerance
    if known is not None:
        limit = max(x.norm for x in known.tolerances(trace.job.dtype_in, trace.job.shape).values())
    limit = max(limit, 2 * (c.eager_err_norm or 0.0))
    return f"err_norm {c.err_norm:.3g} is above {limit:.3g}" if c.err_norm > limit else None


def statistics(trace: t.Trace) -> str | None:
    """Quantiles in order, and moments that can belong to them."""
    s = trace.stats
    if s is None:
        return None
    steps = [("min_s", s.min_s), ("p05_s", s.p05_s), ("p20_s", s.p20_s), ("median_s", s.median_s), ("p80_s", s.p80_s),
             ("p95_s", s.p95_s)]  # fmt: skip
    there = [(name, value) for name, value in steps if value is not None]
    for (low, a), (high, b) in pairwise(there):
        if a > b:
            return f"{low} {a:g} is above {high} {b:g}"
    if s.mean_s is not None and s.min_s is not None and s.mean_s < s.min_s:
        return f"mean_s {s.mean_s:g} is below min_s {s.min_s:g}"
    if s.n > 2 and s.stdev_s == 0 and s.rel_iqr == 0:
        return f"{s.n} samples without any spread"
    return None


def physics(trace: t.Trace) -> str | None:
    """No faster than the device's highest published ceilings, caches allowed for."""
    s = trace.stats
    if s is None:
        return None
    flops, moved = _ceilings(trace)
    fits = trace.job.moved_bytes <= (trace.device.llc_bytes or 0)
    compute = trace.job.flops / flops if flops else 0.0
    memory = trace.job.moved_bytes / moved if moved and not (fits and s.cache_mode == "hot") else 0.0
    floor = max(compute, memory)
    fastest = s.p20_s if s.p20_s is not None else s.median_s
    if fastest >= SLACK * floor:
        return None
    bound = "arithmetic" if compute >= memory else "memory"
    return f"{fastest:.3g} s is faster than the roofline ({floor:.3g} s by {bound})"


def _ceilings(trace: t.Trace) -> tuple[float | None, float | None]:
    """FLOP/s and bytes/s of the device, None where no figure is known."""
    known = load_gpus().get(trace.device.device_key)
    if trace.device.form_factor == "cpu" or (known is not None and known.form_factor == "cpu"):
        copied = trace.derived.ceiling_copy_bytes_per_s
        bound = flops_bound(trace.device.arch, trace.job.dtype_in)
        cold = trace.stats is not None and trace.stats.cache_mode != "hot"
        return bound * (trace.device.cpu_threads or 1), CPU_COPY_FACTOR * copied if copied and cold else None
    if known is None:
        return None, None
    return known.dense_flops.get(trace.job.dtype_in), known.memory_bytes_per_s


def copies(traces: Sequence[t.Trace]) -> Iterator[str]:
    """No row twice, and no two cells with the very same statistics."""
    ids = Counter(trace.record_id for trace in traces)
    yield from (f"record {name[:12]} occurs {n} times" for name, n in ids.items() if n > 1)
    digits = Counter(
        (s.median_s, s.p20_s, s.p80_s, s.mean_s)
        for trace in traces
        if (s := trace.stats) and s.mean_s is not None
    )
    yield from (
        f"{n} rows have the same median {told[0]:g} and spread" for told, n in digits.items() if n > 1
    )


def calibration(traces: Sequence[t.Trace]) -> Iterator[str]:
    """Copy, triad, launch and a gemm in every session that timed anything."""
    sessions: dict[str, set[str]] = defaultdict(set)
    for trace in traces:
        if trace.origin == t.MEASURED and trace.timed:
            sessions[trace.run_id].add(trace.job.op)
    for run, ops in sessions.items():
        if missing := [op for op in NEEDED if op not in ops]:
            yield f"session {run}: no row of {', '.join(missing)}"


def drifts(traces: Sequence[t.Trace]) -> Mapping[str, float]:
    """By session, how far its calibration rows are from each other at most (0 where they were taken once)."""
    seen: dict[tuple[str, object, str], list[float]] = defaultdict(list)
    for trace in traces:
        if trace.stats and trace.timed and trace.note.startswith("calibration"):
            seen[trace.run_id, trace.cell, trace.stats.cache_mode].append(trace.stats.median_s)
    found: dict[str, float] = {}
    for (run, _, _), medians in seen.items():
        found[run] = max(found.get(run, 0.0), max(medians) / min(medians) - 1)
    return found


def steady(traces: Sequence[t.Trace], shipped: Sequence[t.Trace]) -> Finding:
    """Whether the machine held still: within a session, and against the same device in the shipped traces.

    A remark, not a rejection: rows of a restless session are kept for their range.
    """
    remarks = [
        f"session {run} moved by {by:.0%} between calibrations"
        for run, by in drifts(traces).items()
        if by > STEADY
    ]
    centre: dict[tuple[object, ...], list[float]] = defaultdict(list)
    for trace in shipped:
        if trace.stats and trace.timed and trace.job.op in NEEDED:
            centre[trace.device.device_key, trace.cell, trace.stats.cache_mode].append(trace.stats.median_s)
    away = [
        max(trace.stats.median_s / middle, middle / trace.stats.median_s) - 1
        for trace in traces
        if trace.stats and trace.timed
        and (known := centre.get((trace.device.device_key, trace.cell, trace.stats.cache_mode)))
        and (middle := median(known))
    ]  # fmt: skip
    if away and max(away) > SAME_SESSION:
        remarks.append(f"calibration rows are up to {max(away):.0%} from this device's shipped ones")
    return Finding("steady", True, "; ".join(remarks) or "the machine held still", len(remarks))


def monotone(traces: Sequence[t.Trace]) -> Iterator[str]:
    """Where every axis grows (and the work with it), the time does not fall far."""
    groups: dict[tuple[object, ...], list[t.Trace]] = defaultdict(list)
    for trace in traces:
        if trace.stats and trace.timed:
            key = (
                trace.job.op,
                trace.job.dtype_in,
                trace.kernel.variant,
                trace.stats.cache_mode,
                trace.stats.timer,
            )
            groups[trace.run_id, trace.device.device_key, *key].append(trace)
    for group in groups.values():
        for small in group:
            for large in group:
                if _grows(small, large) and large.stats and small.stats:
                    fell = large.stats.median_s / small.stats.median_s
                    if fell < FALLS:
                        shapes = t.shape_key(small.job.shape), t.shape_key(large.job.shape)
                        yield f"{large.kernel.variant}: {shapes[1]} takes {fell:.2f} of the time of {shapes[0]}"


def _grows(small: t.Trace, large: t.Trace) -> bool:
    a, b = small.job, large.job
    if set(a.shape) != set(b.shape) or any(a.shape[axis] > b.shape[axis] for axis in a.shape):
        return False
    return b.moved_bytes > MORE_WORK * a.moved_bytes and b.flops >= a.flops


@cache
def _digests() -> Mapping[str, str]:
    return {m.name: m.sha256 for m in load_manifests().values()}


def registered(trace: t.Trace) -> bool:
    """Whether its source is the one registered here under its name."""
    return _digests().get(trace.kernel.variant) == trace.kernel.variant_sha256


def source(traces: Sequence[t.Trace]) -> Finding:
    """Whether the sources are those registered here; unknown ones keep trust at 1 and reject nothing."""
    unknown = sorted(
        {x.kernel.variant for x in traces if x.timed and x.origin == t.MEASURED and not registered(x)}
    )
    detail = (
        f"{', '.join(unknown[:3])}: not the source registered here"
        if unknown
        else "every source is registered here"
    )
    return Finding("source", True, detail, len(unknown))


def challenge(traces: Sequence[t.Trace], nonce: str) -> Finding:
    """Whether every variant answered the nonce as fp64 does, within the tolerance of its dtype."""
    from planner.profiles.measure.challenge import matches

    asked = {
        (x.kernel.variant, x.job.op, x.job.dtype_in): x for x in traces if x.timed and x.origin == t.MEASURED
    }
    wrong = [
        f"{name}: {'another nonce' if x.trust.nonce != nonce else 'no or a wrong answer'}"
        for (name, _, _), x in asked.items()
        if x.trust.nonce != nonce or not matches(x.job.op, x.job.dtype_in, nonce, x.trust.challenge)
    ]
    detail = wrong[0] if wrong else f"{len(asked)} variants answered"
    return Finding("challenge", not wrong, detail, len(wrong))


def ratio(a: t.Trace, b: t.Trace) -> float:
    """The larger median over the smaller."""
    assert a.stats is not None and b.stats is not None
    one, other = a.stats.median_s, b.stats.median_s
    return max(one, other) / min(one, other)
