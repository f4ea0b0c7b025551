"""Pages about traces: a run's outcome, a verdict, the rows themselves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from planner.render.listing import Listing, Shown
from planner.render.words import plural

if TYPE_CHECKING:
    from planner.leaderboard import Earner, Ranked
    from planner.profiles.trace import Trace
    from planner.profiles.verify import Verification
    from planner.records import Quantity

MOST_ON_A_PAGE = 60
UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns"))


def seconds(value: float | None) -> str:
    """A short time, three digits.

    >>> seconds(0.00123), seconds(None)
    ('1.23 ms', '')
    """
    if value is None:
        return ""
    scale, unit = next(((s, u) for s, u in UNITS if value >= s), UNITS[-1])
    return f"{value / scale:.3g} {unit}"


def _work(trace: Trace) -> str:
    shape = " ".join(f"{axis}={value}" for axis, value in trace.job.shape.items())
    return f"{trace.job.op} {trace.job.dtype_in} {shape}"


def _spread(trace: Trace) -> str:
    s = trace.stats
    return f"{(s.p80_s - s.p20_s) / 2 / s.median_s:.0%}" if s and s.p20_s and s.p80_s else ""


def _rate(trace: Trace) -> str:
    d = trace.derived
    if d.bound == "C" and d.flops_per_s:
        return f"{d.flops_per_s / 1e9:.4g} GFLOP/s"
    return f"{d.bytes_per_s / 1e9:.3g} GB/s" if d.bytes_per_s else ""


def _share(trace: Trace) -> str:
    share = trace.derived.roofline_fraction_measured
    return "" if share is None else f"{share:.0%}"


def _said(trace: Trace) -> str:
    if trace.status not in ("OK", "UNSTABLE"):
        return "; ".join((trace.status, *trace.correctness.findings[:1])) or trace.status
    said = (() if trace.basis == "measured" else (trace.origin,)) + trace.correctness.findings
    return "; ".join(f.partition(":")[0] for f in said)


def trace_rows(found: Iterable[Trace]) -> Listing:
    """Traces, in the order they were taken."""
    rows = tuple(found)
    columns = (
        Shown("Work", _work),
        Shown("Variant", lambda x: x.kernel.variant, whole=True),
        Shown("Cache", lambda x: x.stats.cache_mode.partition("-")[0] if x.stats else ""),
        Shown("Median", lambda x: seconds(x.stats.median_s) if x.stats else "", right=True, whole=True),
        Shown("±", _spread, right=True, whole=True),
        Shown("Rate", _rate, right=True, whole=True),
        Shown("Of best", _share, right=True, whole=True),
        Shown("Trust", lambda x: str(x.trust.trust_level), right=True),
        Shown("Remarks", _said),
    )
    devices = sorted({x.device.device_key for x in rows})
    title = f"{plural(len(rows), 'trace')} of {', '.join(devices) or 'no device'}"
    notes: tuple[str, ...] = () if rows else ("no trace matches",)
    if rows:
        notes = ("± is half of p20 to p80; of best: against the session's own copy and gemm", *notes)
    shaky = sum(x.status == "UNSTABLE" for x in rows)
    if shaky:
        notes = (*notes, f"{shaky} of them were taken while the machine moved by more than 3 %")
    return Listing(title, rows, columns, notes, MOST_ON_A_PAGE)


def leaders(found: Iterable[Ranked]) -> Listing:
    """Variants by time."""
    rows = tuple(found)
    columns = (
        Shown("Device", lambda r: r.device),
        Shown("Op", lambda r: f"{r.op} {r.dtype}"),
        Shown("Variant", lambda r: r.variant, whole=True),
        Shown("Time", lambda r: f"{r.time_ratio:.2f}x", right=True, whole=True),
        Shown(
            "p20 to p80",
            lambda r: f"{r.time_ratio_low:.2f} to {r.time_ratio_high:.2f}",
            right=True,
            whole=True,
        ),
        Shown(
            "Of best",
            lambda r: "" if r.roofline_fraction is None else f"{r.roofline_fraction:.0%}",
            right=True,
        ),
        Shown("Verdicts", _verdicts),
        Shown("Trust", lambda r: str(r.trust_level), right=True),
    )
    notes = ("time over that of torch eager (else NumPy) on the same cells, cold caches; below 1 is faster",)
    return Listing(
        plural(len(rows), "standing"), rows, columns, notes if rows else ("no trace matches",), MOST_ON_A_PAGE
    )


def _verdicts(r: Ranked) -> str:
    if r.variant == r.against:
        return "baseline"
    counts = (("fast", r.faster), ("same", r.same), ("slow", r.slower), ("ambiguous", r.ambiguous))
    return ", ".join(f"{n} {word}" for word, n in counts if n)


def earning(found: Iterable[Earner]) -> Listing:
    """Variants by dollars a month on a fleet."""
    rows = tuple(found)
    columns = (
        Shown("$/month", lambda e: _usd(e.usd_per_month), right=True, whole=True),
        Shown("Variant", lambda e: e.variant, whole=True),
        Shown("Instead of", lambda e: e.against or ""),
        Shown("Ops", lambda e: ", ".join(e.ops)),
        Shown("Workload", lambda e: e.workload),
        Shown("Evidence", lambda e: e.evidence),
        Shown("Note", lambda e: e.note),
    )
    notes = ("saved by running the variant instead of today's; a negative figure is what it would cost",)
    said = notes if rows else ("nothing measured could stand in for a kernel of the plan",)
    return Listing(plural(len(rows), "kernel choice"), rows, columns, said, MOST_ON_A_PAGE)


def _usd(q: Quantity | None) -> str:
    return "no plan" if q is None else f"{q.value:,.0f} ({q.low:,.0f} to {q.high:,.0f})"


def verdict(v: Verification) -> Listing:
    """What verification says, check by check."""
    columns = (
        Shown("Check", lambda f: f.check, whole=True),
        Shown(
            "Verdict", lambda f: ("remark" if f.rows and f.check in REMARKS else "ok") if f.ok else "REJECTED"
        ),
        Shown("Found", lambda f: f.detail),
        Shown("Rows", lambda f: f"{f.rows:,}" if f.rows else "", right=True),
    )
    word = f"accepted, trust {v.trust_level} ({v.trust})" if v.accepted else "REJECTED"
    return Listing(f"{v.path}: {word}; {v.timed} of {plural(v.rows, 'row')} timed", v.findings, columns)


REMARKS = ("source", "steady")
"""Checks that lower trust instead of rejecting."""
