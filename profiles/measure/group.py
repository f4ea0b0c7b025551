"""All variants of one op, dtype and shape, checked and timed against each other: a trace per variant and mode."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from planner.kernels.definition import Op
from planner.kernels.errors import KernelError
from planner.kernels.loading import Runner as Loaded
from planner.kernels.loading import Unavailable, load
from planner.kernels.manifests import Manifest
from planner.profiles import trace as t
from planner.profiles.measure import scan
from planner.profiles.measure.challenge import answer_challenge
from planner.profiles.measure.check import Refused, examine
from planner.profiles.measure.diagnosis import Case
from planner.profiles.measure.findings import Finding
from planner.profiles.measure.protocol import Backend, Ceilings, Timing, commitment
from planner.profiles.measure.statistics import describe
from planner.profiles.measure.timing import Contender, Stream, Timer, Witness, drift, noise

IMPLAUSIBLE_SHARE = 0.95
"""A median below this share of the roofline time is not a measurement."""
QUARANTINE_RATIO = 2.0
STEADY = 0.03
"""Drift of the vendor baseline beyond which a group is UNSTABLE."""
LAUNCH_BOUND_S = 5e-6
"""A floor below this measures launches."""
EAGER = "torch_eager"
"""The vendor variant everything is compared with, where it is there."""
BASELINES = ("vendor", "floor", "adapter", "ours", "plugin")
"""Roles in the order in which one is the baseline."""


@dataclass(frozen=True, slots=True)
class Run:
    """What all traces of a session share."""

    run_id: str
    secret: str
    submitter: str = "unknown"
    nonce: str | None = None


@dataclass(slots=True)
class Bench:
    """A device, the protocol's numbers, and what the session has learned so far."""

    backend: Backend
    timing: Timing
    witness: Witness
    run: Run
    announce: Callable[[str], None] = lambda name: None
    """Told the variant whose code is about to run, so that the parent knows whom a crash belongs to."""
    ceilings: Ceilings = field(default_factory=Ceilings)
    """Measured ones; grows while calibration ops are timed."""
    examined: set[tuple[str, str]] = field(default_factory=set)
    passed: dict[tuple[str, str], tuple[t.Trace, Loaded, float | None]] = field(default_factory=dict)
    """What was examined at which case and found right."""
    sequence: int = 0
    vendors: set[str] = field(default_factory=set)
    folders: tuple[Path, ...] = ()
    """Where manifests beside the installed ones are."""

    def measure(
        self, op: Op, shape: Mapping[str, int], dtype: str, manifests: Iterable[Manifest]
    ) -> Iterator[t.Trace]:
        """Traces of every variant: timed ones last, in the order of the variants.

        What this session has found right at this very case is timed again without a new examination.
        """
        case = Case(op, shape, dtype)
        state = self.backend.state()
        ready: list[tuple[Contender, t.Trace]] = []
        manifests = baseline_first(manifests)
        self.vendors = {
            m.name for m in manifests if m.role == manifests[0].role and m.role in ("vendor", "floor")
        }
        eager: float | None = None
        for manifest in manifests:
            self.announce(manifest.name)
            checked, loaded, first_s = self._checked(case, manifest, eager)
            if loaded is None:
                yield self._sealed(checked, state)
                continue
            if not ready:
                eager = checked.correctness.err_norm if manifest.role == "vendor" else None
            runner = Contender(manifest.name, loaded, manifest.arrays, not ready, eager, first_s)
            ready.append((runner, checked))
        if ready:
            yield from self._timed(case, ready, state)

    def _checked(
        self, case: Case, manifest: Manifest, eager: float | None
    ) -> tuple[t.Trace, Loaded | None, float | None]:
        """The trace so far; the loaded variant if it may be timed, and the seconds of its first call."""
        row = self._row(case, manifest)
        if (seen := self.passed.get((manifest.name, case.key))) is not None:
            return replace(row, kernel=seen[0].kernel, correctness=seen[0].correctness), *seen[1:]
        try:
            loaded = load(manifest, target=self.backend.device.arch, dtype=case.dtype)
            row = _with_config(row, loaded)
            everywhere = (manifest.name, case.dtype) not in self.examined
            found = examine(
                loaded, case, self.backend, secret=self.run.secret, eager=eager, everywhere=everywhere
            )
        except (Unavailable, Refused, KernelError) as error:
            return replace(row, status="UNSUPPORTED", note=_line(error)), None, None
        except MemoryError as error:
            return replace(row, status="OOM", note=_line(error)), None, None
        except Exception as error:  # foreign code may fail in any way while it is being loaded
            return (
                replace(row, status="RUNTIME_ERROR", note=f"{type(error).__name__}: {_line(error)}"),
                None,
                None,
            )
        self.examined.add((manifest.name, case.dtype))
        own_work = manifest.role in (
            "ours",
            "plugin",
        )  # the others, reviewed, are there to call somebody's kernel
        suspicions = scan.scan(_sources(manifest), language=manifest.language) if own_work else ()
        names = {f.name for f in found.findings}
        findings = (*found.findings, *(f for f in suspicions if f.name not in names))
        row = replace(row, correctness=replace(found.correctness, findings=tuple(map(str, findings))))
        if any(f.caught for f in findings):
            status = "RUNTIME_ERROR" if findings[0].name == "raised" else "INCORRECT"
            return replace(row, status=status, note=str(findings[0])), None, None
        self.passed[manifest.name, case.key] = row, loaded, found.first_s
        return row, loaded, found.first_s

    def _timed(self, case: Case, ready: list[tuple[Contender, t.Trace]], state: t.State) -> Iterator[t.Trace]:
        self.announce(ready[0][0].name)
        clock = Timer(case, self.backend, self.timing, self.witness, self.run.secret)
        streams = clock.streams([runner for runner, _ in ready], announce=self.announce)
        clock.run(streams, announce=self.announce)
        after = self.backend.state()
        rows = {runner.name: row for runner, row in ready}
        base = next(s for s in streams if s.runner.baseline)
        steadiness = noise(base), drift(base)
        made = [
            self._outcome(case, stream, rows[stream.runner.name], clock.judge(stream), steadiness)
            for stream in streams
        ]
        self._learn(case, made)
        vendors = set() if case.op.name == "launch" else self.vendors  # starting cheaply is no kernel's merit
        for row in _reviewed(made, vendors):
            yield self._sealed(self._derived(case, row), _joined(state, after))

    def _outcome(
        self,
        case: Case,
        stream: Stream,
        row: t.Trace,
        findings: tuple[Finding, ...],
        steadiness: tuple[float, float],
    ) -> t.Trace:
        """One stream as a trace: its statistics, or what it was caught at."""
        if any(f.caught for f in findings):
            told = (*row.correctness.findings, *map(str, findings))
            return replace(row, status="INCORRECT", correctness=replace(row.correctness, findings=told))
        graph = stream.replay is not None
        stats = t.Stats(
            **describe(stream.samples), aa_noise=steadiness[0], drift=steadiness[1],  # type: ignore[arg-type]
            compile_s=stream.first_s, cache_mode="hot" if graph else stream.mode,
            timer="graph" if graph else self.backend.timer, peak_memory_bytes=stream.peak_memory,
        )  # fmt: skip
        floor = self._floor_s(case, stream.mode)
        if floor is not None and stats.median_s < IMPLAUSIBLE_SHARE * floor:
            caught = Finding("implausible", f"{stats.median_s:.3g} s where the roofline is {floor:.3g} s")
            told = (*row.correctness.findings, str(caught))
            return replace(
                row,
                status="IMPLAUSIBLE",
                correctness=replace(row.correctness, findings=told),
                note=str(caught),
            )
        return replace(row, stats=stats, status="OK" if steadiness[1] <= STEADY else "UNSTABLE")

    def _floor_s(self, case: Case, mode: str) -> float | None:
        """Roofline time by the highest published ceilings; caches do not bound hot calls by DRAM."""
        sheet = self.backend.ceilings(case.dtype)
        compute = case.op.flops(case.shape) / sheet.flops_per_s if sheet.flops_per_s else 0.0
        small = case.op.bytes(case.shape, case.dtype) <= (self.backend.device.llc_bytes or 0)
        bandwidth = None if small and mode != self.backend.cold else sheet.bytes_per_s
        memory = case.op.bytes(case.shape, case.dtype) / bandwidth if bandwidth else 0.0
        return max(compute, memory) or None

    def _learn(self, case: Case, rows: Iterable[t.Trace]) -> None:
        """The best copy and gemm of this session are its measured ceilings."""
        best = min(
            (r.stats.median_s for r in rows if r.timed and r.stats and r.stats.cache_mode != "hot"),
            default=None,
        )
        if best is None:
            return
        if case.op.name == "copy":
            rate = max(case.op.bytes(case.shape, case.dtype) / best, self.ceilings.copy_bytes_per_s or 0.0)
            self.ceilings = replace(self.ceilings, copy_bytes_per_s=rate)
        if case.op.name == "gemm":
            rate = max(case.op.flops(case.shape) / best, self.ceilings.gemm_flops_per_s or 0.0)
            self.ceilings = replace(self.ceilings, gemm_flops_per_s=rate)

    def _derived(self, case: Case, row: t.Trace) -> t.Trace:
        sheet, own = self.backend.ceilings(case.dtype), self.ceilings
        flops, moved = case.op.flops(case.shape), case.op.bytes(case.shape, case.dtype)
        floor = _roofline(flops, moved, sheet.flops_per_s, sheet.bytes_per_s)
        measured = _roofline(flops, moved, own.gemm_flops_per_s, own.copy_bytes_per_s)
        median = row.stats.median_s if row.stats else None
        return replace(row, derived=t.Derived(
            flops_per_s=flops / median if median else None, bytes_per_s=moved / median if median else None,
            roofline_s=floor, roofline_fraction_datasheet=floor / median if floor and median else None,
            roofline_fraction_measured=measured / median if measured and median else None,
            ceiling_copy_bytes_per_s=own.copy_bytes_per_s, ceiling_gemm_flops_per_s=own.gemm_flops_per_s,
            bound=_bound(flops, moved, own, self.backend.name, measured or floor),
        ))  # fmt: skip

    def _row(self, case: Case, m: Manifest) -> t.Trace:
        self.sequence += 1
        return blank(case, m, self.run, self.sequence, self.backend.device, self.backend.software)

    def _sealed(self, row: t.Trace, state: t.State) -> t.Trace:
        """With the state of the machine, and the answer to the nonce where the variant can give one."""
        trust = row.trust
        if self.run.nonce and row.timed:
            told = answer_challenge(
                row.kernel.variant, row.job.op, row.job.dtype_in, self.run.nonce, self.backend, self.folders
            )
            trust = replace(trust, nonce=self.run.nonce, challenge=told)
        return replace(row, state=state, trust=trust, timestamp_utc=utc_now())


def blank(
    case: Case, m: Manifest, run: Run, sequence: int, device: t.Device, software: t.Software
) -> t.Trace:  # fmt: skip
    """What is known of a cell before anything has run."""
    outputs = case.op.outputs(case.shape)
    return t.Trace(
        run_id=run.run_id, session_seq=sequence, timestamp_utc=utc_now(), status="OK", origin=t.MEASURED,
        submitter=run.submitter, device=device, software=software, stats=None,
        kernel=t.Kernel(m.name, m.version, m.sha256, m.language, m.licence, m.backends),
        job=t.Job(
            case.op.name, case.dtype, dict(case.shape), case.op.flops(case.shape),
            case.op.bytes(case.shape, case.dtype), dtype_out=outputs[0].dtype_for(case.dtype),
            distribution="normal(0,1)", seed_commitment=commitment(run.secret),
        ),
    )  # fmt: skip


def baseline_first(manifests: Iterable[Manifest]) -> list[Manifest]:
    """Torch eager where it is there, else another vendor variant, else NumPy, else whatever is first by name."""
    return sorted(manifests, key=lambda m: (BASELINES.index(m.role), not m.name.startswith(EAGER), m.name))


def _with_config(row: t.Trace, loaded: Loaded) -> t.Trace:
    told = {name: str(value) for name, value in loaded.config.items()}
    return replace(row, kernel=replace(row.kernel, tunables=told))


def _sources(m: Manifest) -> list[tuple[str, str]]:
    return [(name, (m.folder / name).read_text(encoding="utf-8")) for name in m.sources]


def _reviewed(rows: list[t.Trace], vendors: set[str]) -> list[t.Trace]:
    """Rows that beat the best vendor variant by more than a factor of two are marked for review."""
    best: dict[tuple[str, str], float] = {}
    for row in rows:
        if row.stats and row.kernel.variant in vendors:
            mode = row.stats.cache_mode, row.stats.timer
            best[mode] = min(best.get(mode, row.stats.median_s), row.stats.median_s)
    return [_quarantined(row, best) for row in rows]


def _quarantined(row: t.Trace, best: Mapping[tuple[str, str], float]) -> t.Trace:
    rival = best.get((row.stats.cache_mode, row.stats.timer)) if row.stats else None
    if row.stats is None or rival is None or row.stats.median_s * QUARANTINE_RATIO >= rival:
        return row
    finding = Finding(
        "quarantine", f"{rival / row.stats.median_s:.2g} times as fast as the best vendor variant"
    )
    told = (*row.correctness.findings, str(finding))
    return replace(row, correctness=replace(row.correctness, findings=told))


def _joined(before: t.State, after: t.State) -> t.State:
    """Medians cannot be had from two readings: the later one, with the lower clock as the minimum."""
    clocks = [c for c in (before.sm_clock_mhz, after.sm_clock_mhz) if c]
    reasons = tuple(dict.fromkeys((*before.throttle_reasons, *after.throttle_reasons)))
    return replace(after, sm_clock_min_mhz=min(clocks, default=None), throttle_reasons=reasons)


def _roofline(
    flops: float, moved: float, flops_per_s: float | None, bytes_per_s: float | None
) -> float | None:
    compute = flops / flops_per_s if flops_per_s else 0.0
    memory = moved / bytes_per_s if bytes_per_s else 0.0
    return max(compute, memory) or None


def _bound(flops: float, moved: float, own: Ceilings, backend: str, floor: float | None) -> str | None:
    if backend != "cpu" and floor is not None and floor < LAUNCH_BOUND_S:
        return "L"
    if not (own.gemm_flops_per_s and own.copy_bytes_per_s):
        return None
    return "C" if flops / own.gemm_flops_per_s > moved / own.copy_bytes_per_s else "M"


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


def utc_now() -> str:
    """This moment, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
