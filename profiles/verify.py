"""Is a file of traces what it says? Schema, hash, environment, physics, statistics, calibration, source, order.

Nothing a submission brings is run: sources are compared by hash with those registered here. A check that fails
rejects the file and names the row; what merely lowers trust is a remark.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from planner.profiles import trace as t
from planner.profiles import verify_rows as rows
from planner.profiles.errors import ProfileError
from planner.profiles.tracefile import parse_row, read_rows, record_id, shipped_traces
from planner.profiles.verify_rows import Finding

Check = Callable[[Sequence[t.Trace]], Finding]
REPRODUCED_WITHIN = 0.15
"""Two machines agree when the medians of a cell are within this of each other, for nine cells in ten."""
REPRODUCED_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Verification:
    """The verdict on a file."""

    path: str
    accepted: bool
    trust_level: int
    trust: str
    rows: int
    timed: int
    findings: tuple[Finding, ...]
    traces: tuple[t.Trace, ...]
    """The rows with the trust they have earned; empty where the file was rejected."""

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it was rejected."""
        return tuple(f"{f.check}: {f.detail}" for f in self.findings if not f.ok)


def verify_file(path: Path, *, nonce: str | None = None, against: Path | None = None) -> Verification:
    """Verdict on a JSON-lines file; raises `ProfileError` only where it cannot be read at all.

    `nonce` is the challenge the submitter was given, `against` an accepted file from another machine with the
    same device. Rows that are imported or predicted are checked for what they can carry, and never pass trust 1.
    """
    found: list[Finding] = []
    traces: list[t.Trace] = []
    hashes: list[str] = []
    for number, row in read_rows(path):
        try:
            trace = parse_row(row, where=f"line {number}")
        except ProfileError as error:
            found.append(Finding("schema", False, str(error), 1))
            break
        traces.append(trace)
        if row.get("record_id") != record_id(row):
            hashes.append(f"line {number}: record_id does not fit the row's content")
    if not traces and not found:
        found.append(Finding("schema", False, "no rows", 0))
    if not found:
        found.append(Finding("schema", True, f"{len(traces)} rows", len(traces)))
        found.append(_said("hash", hashes, "every record id fits its row"))
        found += [check(traces) for check in CHECKS.values()]
        found += [rows.source(traces), rows.steady(traces, shipped_traces())]
        if nonce is not None:
            found.append(rows.challenge(traces, nonce))
    accepted = all(f.ok for f in found)
    level = _level(traces, found) if accepted else 0
    if accepted and against is not None:
        agreement = _reproduced(traces, verify_file(against, nonce=None))
        found.append(agreement)
        level = 3 if agreement.ok and level >= 2 else level
        accepted = agreement.ok
    return Verification(
        str(path), accepted, level if accepted else 0, t.TRUST[level if accepted else 0], len(traces),
        sum(trace.timed for trace in traces), tuple(found),
        tuple(trace.trusted(_row_level(trace, level)) for trace in traces) if accepted else (),
    )  # fmt: skip


def _said(check: str, wrong: Sequence[str], right: str) -> Finding:
    return Finding(check, not wrong, wrong[0] if wrong else right, len(wrong))


def _each(
    check: str, look: Callable[[t.Trace], str | None], right: str
) -> Callable[[Sequence[t.Trace]], Finding]:
    """A check of single rows."""

    def run(traces: Sequence[t.Trace]) -> Finding:
        wrong = [f"{_where(trace)}: {why}" for trace in traces if (why := look(trace))]
        return _said(check, wrong, right)

    return run


def _all(
    check: str, look: Callable[[Sequence[t.Trace]], Iterable[str]], right: str
) -> Callable[[Sequence[t.Trace]], Finding]:
    """A check of the rows together."""
    return lambda traces: _said(check, list(look(traces)), right)


def _where(trace: t.Trace) -> str:
    return f"row {trace.session_seq} ({trace.kernel.variant} {trace.job.dtype_in} {t.shape_key(trace.job.shape)})"


CHECKS: Mapping[str, Check] = MappingProxyType({
    "environment": _each("environment", rows.environment, "machine, software, sampling and inputs are stated"),
    "work": _each("work", rows.work, "FLOP and bytes are those of the ops"),
    "correctness": _each("correctness", rows.correctness, "every timed row was right on three seeds or more"),
    "statistics": _each("statistics", rows.statistics, "quantiles are in order"),
    "physics": _each("physics", rows.physics, "nothing is faster than the hardware"),
    "copies": _all("copies", rows.copies, "no row and no time occurs twice"),
    "calibration": _all("calibration", rows.calibration, "every session has its calibration rows"),
    "monotone": _all("monotone", rows.monotone, "more work takes more time"),
})  # fmt: skip


def _level(traces: Sequence[t.Trace], found: Sequence[Finding]) -> int:
    """1 for what is plausible; 2 where every timed row's source is registered here. Suspicious rows stay at 1."""
    known = next((f for f in found if f.check == "source"), None)
    measured = [trace for trace in traces if trace.timed and trace.origin == t.MEASURED]
    return 2 if measured and known is not None and known.rows == 0 else 1


def _row_level(trace: t.Trace, level: int) -> int:
    """A row's own trust: of a file with some unknown sources, the rows of known ones still have 2."""
    known = trace.origin == t.MEASURED and rows.registered(trace)
    own = max(level, 2) if known and level else level
    return min(own, 1) if trace.correctness.findings or not known else own


def _reproduced(traces: Sequence[t.Trace], other: Verification) -> Finding:
    """Whether another machine's file says the same of the cells both have."""
    theirs = {(x.cell, x.stats.cache_mode): x for x in other.traces if x.stats and x.timed}
    ours = [x for x in traces if x.stats and x.timed]
    pairs = [
        (x, theirs[x.cell, x.stats.cache_mode])
        for x in ours
        if x.stats and (x.cell, x.stats.cache_mode) in theirs
    ]
    if not pairs:
        return Finding("reproduced", False, f"{other.path} has no timed cell in common with this file")
    same_machine = all(a.submitter == b.submitter and a.device == b.device for a, b in pairs)
    if same_machine or any(a.device.device_key != b.device.device_key for a, b in pairs):
        return Finding("reproduced", False, f"{other.path} is not from another machine with the same device")
    close = sum(rows.ratio(a, b) <= 1 + REPRODUCED_WITHIN for a, b in pairs)
    share = close / len(pairs)
    detail = f"{close} of {len(pairs)} cells are within {REPRODUCED_WITHIN:.0%} of {other.path}"
    return Finding("reproduced", share >= REPRODUCED_SHARE, detail, len(pairs))
