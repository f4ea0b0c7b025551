"""The parent of a measuring run: what to measure in which order, the time there is, and the file.

Rows reach the disk one by one. A run that is killed loses the cell it was at; `resume` goes on with what is
missing. A worker that dies or hangs costs its variant a row that says so, and the run goes on in a new worker.
"""

from __future__ import annotations

import json
import os
import queue
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from planner.kernels.loading import load_manifests, unavailable
from planner.kernels.manifests import Manifest
from planner.kernels.reference import op as op_named
from planner.profiles import trace as t
from planner.profiles.errors import ProfileError
from planner.profiles.measure.diagnosis import Case
from planner.profiles.measure.group import Run, baseline_first, blank
from planner.profiles.measure.protocol import Ceilings, Timing
from planner.profiles.measure.shapes import Cell
from planner.profiles.tracefile import append, parse_row, read_traces, repair

START_SHARE = 0.9
"""Nothing new is started after this share of the budget."""
SHORT_BUDGET_S, SHORT_STREAM_S = 1200.0, 0.25
"""Below this budget a stream is sampled this long at most, so that more cells are seen."""
SILENCE_S, START_S = 300.0, 300.0
"""A variant that says nothing for this long is given up; a worker may take this long to start."""
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TORCHINDUCTOR_COMPILE_THREADS": "1",
    # Freed memory is kept, or the page faults of large outputs hide the kernel.
    "MALLOC_TRIM_THRESHOLD_": "4294967296", "MALLOC_MMAP_THRESHOLD_": "4294967296",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Order:
    """What a run is asked to do."""

    device: str
    cells: tuple[Cell, ...]
    """Most valuable first."""
    budget_s: float
    variants: tuple[str, ...] = ()
    """All that can run there, when empty."""
    folders: tuple[Path, ...] = ()
    submitter: str = "unknown"
    nonce: str | None = None
    timing: Timing | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a run."""

    path: Path
    rows: int
    kept: int
    """Rows that were there before."""
    cells_done: int
    cells_left: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is."""

    done: int
    total: int
    seconds: float
    what: str


class WorkerLost(Exception):
    """The child died, hung or refused; the message says which."""


@dataclass(slots=True)
class Worker:
    """The child process and the line to it."""

    process: subprocess.Popen[str]
    lines: queue.Queue[str | None] = field(default_factory=queue.Queue)
    running: str = ""
    wall: bool = False
    """Whether the witness is the wall clock: an accelerator works while its host process idles."""

    def __post_init__(self) -> None:
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def say(self, message: Mapping[str, Any]) -> None:
        """One message to the child."""
        self._write(json.dumps(message))

    def _write(self, text: str) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(text + "\n")
            self.process.stdin.flush()
        except OSError as error:
            raise WorkerLost("the worker is gone") from error

    def hear(self, patience: float) -> Iterator[dict[str, Any]]:
        """Messages of the child until it says it is done; answers its questions for the time."""
        while True:
            try:
                line = self.lines.get(timeout=patience)
            except queue.Empty:
                raise TimeoutError(f"no word for {patience:.0f} s") from None
            if line is None:
                code = self.process.wait()
                raise WorkerLost(
                    f"the process ended with {code}"
                    if code >= 0
                    else f"the process was killed by signal {-code}"
                )
            message = json.loads(line)
            if "clock" in message:
                self._write(repr(self._clock()))
                continue
            if "error" in message:
                raise ProfileError(message["error"])
            self.running = message.get("running", self.running)
            yield message
            if "done" in message or "ready" in message:
                return

    def _clock(self) -> float:
        """Seconds by a clock the child cannot reach: its CPU time as the system counts it, or ours."""
        if self.wall:
            return time.monotonic()
        if not sys.platform.startswith("linux"):
            return float("nan")
        return time.clock_gettime(
            (~self.process.pid << 3) | 2
        )  # the process's CPU clock: clock_getcpuclockid(3)

    def stop(self) -> None:
        """End the child and everything it started."""
        if self.process.poll() is None:
            try:
                os.killpg(self.process.pid, 9)
            except (OSError, AttributeError):
                self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()


@dataclass(slots=True)
class Session:
    """One run."""

    order: Order
    path: Path
    on_progress: Callable[[Progress], None]
    started: float = field(default_factory=time.monotonic)
    sequence: int = 0
    ceilings: Ceilings = field(default_factory=Ceilings)
    have: set[tuple[Any, ...]] = field(default_factory=set)
    written: int = 0
    slowest_s: float = 0.0
    worker: Worker | None = None
    device: t.Device | None = None
    software: t.Software | None = None
    run_id: str = field(default_factory=lambda: secrets.token_hex(8))
    secret: str = field(default_factory=lambda: secrets.token_hex(16))

    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    def run(self) -> tuple[int, int]:
        """Calibrate, measure, calibrate again; returns cells done and left."""
        manifests = [
            m
            for m in self._manifests().values()
            if unavailable(m, self.order.device.partition(":")[0]) is None
        ]
        cells = [(cell, self._variants(cell, manifests)) for cell in self.order.cells]
        cells = [(cell, names) for cell, names in cells if names]
        todo = [(cell, names) for cell, names in cells if any(self._missing(cell, n) for n in names)]
        if not todo:
            return len(cells), 0
        done = len(cells) - len(todo)
        calibration = [(cell, names[:1]) for cell, names in cells if cell.calibration]
        again = {cell.title for cell, _ in calibration} - {cell.title for cell, _ in todo}
        try:
            for cell, names in calibration:
                if cell.title in again:
                    self._group(cell, names, note="calibration: start", again=True)
            for n, (cell, names) in enumerate(todo):
                left_s = START_SHARE * self.order.budget_s - self.elapsed() - self.slowest_s
                if n and left_s < 0 and not cell.calibration:
                    break
                self.on_progress(Progress(done, len(cells), self.elapsed(), cell.title))
                start = self.elapsed()
                self._group(cell, names, note="calibration: start" if cell.calibration else "")
                self.slowest_s = max(self.slowest_s, self.elapsed() - start)
                done += 1
            for cell, names in calibration:
                self._group(cell, names, note="calibration: end", again=True)
        finally:
            self._end()
        return done, len(cells) - done

    def _manifests(self) -> Mapping[str, Manifest]:
        return load_manifests(self.order.folders)

    def _variants(self, cell: Cell, manifests: Iterable[Manifest]) -> list[str]:
        return [
            m.name
            for m in baseline_first(manifests)
            if m.op == cell.op
            and cell.dtype in m.dtypes
            and (not self.order.variants or m.name in self.order.variants)
        ]

    def _missing(self, cell: Cell, variant: str) -> bool:
        return (cell.op, cell.dtype, t.shape_key(cell.shape), variant) not in self.have

    def _group(self, cell: Cell, names: Sequence[str], *, note: str, again: bool = False) -> None:
        """Measure a group; a variant that takes its worker down is left out of the next try."""
        left = list(names)
        while left:
            try:
                self._ask(cell, left, note, again)
                return
            except (WorkerLost, TimeoutError, queue.Empty) as error:
                guilty = self.worker.running if self.worker and self.worker.running in left else left[0]
                self._end()
                status = "TIMEOUT" if isinstance(error, TimeoutError) else "RUNTIME_ERROR"
                self._write([self._failed(cell, guilty, status, str(error))])
                left.remove(guilty)

    def _ask(self, cell: Cell, names: Sequence[str], note: str, again: bool) -> None:
        worker = self.worker or self._start()
        worker.say({"op": cell.op, "dtype": cell.dtype, "shape": dict(cell.shape), "variants": list(names)})
        for message in worker.hear(SILENCE_S):
            if "row" in message:
                row = parse_row(message["row"], where="worker")
                self.sequence = max(self.sequence, row.session_seq)
                if again or self._missing(cell, row.kernel.variant):
                    self._write([replace(row, note=note or row.note)])
            elif "ceilings" in message:
                copy, gemm = message["ceilings"]
                self.ceilings = Ceilings(copy_bytes_per_s=copy, gemm_flops_per_s=gemm)
        self.have |= {(cell.op, cell.dtype, t.shape_key(cell.shape), name) for name in names if not again}

    def _write(self, rows: Sequence[t.Trace]) -> None:
        append(self.path, rows)
        self.written += len(rows)

    def _failed(self, cell: Cell, variant: str, status: str, why: str) -> t.Trace:
        """The row of a variant that never answered."""
        if self.device is None or self.software is None:
            raise ProfileError(f"device {self.order.device}: the worker did not start: {why}")
        self.sequence += 1
        case = Case(op_named(cell.op), cell.shape, cell.dtype)
        row = blank(case, self._manifests()[variant], self._run(), self.sequence, self.device, self.software)
        return replace(row, status=status, note=why)

    def _run(self) -> Run:
        return Run(self.run_id, self.secret, self.order.submitter, self.order.nonce)

    def _start(self) -> Worker:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "planner.profiles.measure.worker"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8", start_new_session=True,
            env={**os.environ, **ENVIRONMENT},
        )  # fmt: skip
        self.worker = Worker(process, wall=not self.order.device.startswith("cpu"))
        self.worker.say({
            "device": self.order.device, "folders": [str(f.resolve()) for f in self.order.folders],
            "timing": asdict(self.order.timing or timing_for(self.order.budget_s)), "ceilings": asdict(self.ceilings),
            "run": asdict(self._run()),
            "sequence": self.sequence,
        })  # fmt: skip
        for message in self.worker.hear(START_S):
            self.device, self.software = t.Device(**message["device"]), t.Software(**message["software"])
        return self.worker

    def _end(self) -> None:
        if self.worker is not None:
            self.worker.stop()
            self.worker = None


def timing_for(budget_s: float) -> Timing:
    """The full protocol where there is time for it, shorter streams otherwise."""
    return Timing(max_s=SHORT_STREAM_S) if budget_s < SHORT_BUDGET_S else Timing()


def run_session(
    order: Order,
    path: Path,
    *,
    resume: bool = False,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Outcome:
    """Measure into a file, cell by cell; raises `ProfileError` where it is there already and `resume` is not set.

    An interrupt leaves every finished row in the file.
    """
    if path.exists() and path.stat().st_size and not resume:
        raise ProfileError(f"{path}: is there already; continue it with --resume, or name another file")
    repair(path)
    before = read_traces(path) if path.exists() else ()
    session = Session(order, path, on_progress)
    session.have = {trace.cell for trace in before if trace.note != "calibration: end"}
    done, left = session.run()
    return Outcome(path, session.written, len(before), done, left, session.elapsed())
