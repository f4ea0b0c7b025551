"""The timing protocol: warm, then short visits to every variant in shuffled order until the medians stand.

Cold and hot are streams of their own. The vendor baseline is visited first and last; the distance between its
even and odd visits is the A/A noise, that between its first, middle and last third the drift. One sample
of every block is witnessed by a second clock, and some outputs of every stream are checked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Protocol

import numpy as np

from planner.profiles.measure import guard
from planner.profiles.measure.diagnosis import Case, Known, judge
from planner.profiles.measure.findings import Finding
from planner.profiles.measure.protocol import Backend, Timing, seed_of
from planner.profiles.measure.rotation import Rotation, Taken, make_rotation
from planner.profiles.measure.statistics import relative_iqr, thirds

REPEAT_EVERY = 4
"""Every fourth hot sample repeats the content of the one before: a cache of answers shows in the difference."""
REPEAT_RATIO, REPEAT_ROUNDS = 1.5, 3
WITNESS_RATIO, WITNESS_SLACK_S = 2.0, 20e-6
"""The witness may see this many times the claimed seconds, plus per sample this and twice what asking it costs."""


Announce = Callable[[str], None]
"""Told whose code is about to run."""


class Witness(Protocol):
    """A clock the kernel cannot reach."""

    def read(self) -> float:
        """Seconds since some moment: CPU seconds of this process where it is timed by them, else wall seconds."""


@dataclass(slots=True)
class Contender:
    """One variant in the loop."""

    name: str
    run: Callable[[Any, Any], Any]
    library: str
    baseline: bool = False
    eager: float | None = None
    first_s: float | None = None


@dataclass(slots=True)
class Stream:
    """Samples of one variant in one cache mode."""

    runner: Contender
    mode: str
    rotation: Rotation
    inner: int
    """Calls per sample."""
    replay: Callable[[], float] | None = None
    """Graph replay of `inner` calls, where this stream is timed so."""
    first_s: float | None = None
    """Wall seconds of the variant's first call here: compiling, mostly."""
    peak_memory: int | None = None
    blocks: list[list[float]] = field(default_factory=list)
    repeats: list[float] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    spent_s: float = 0.0
    seen: list[tuple[float, float]] = field(default_factory=list)
    """Seconds claimed and seconds witnessed of one sample in each block."""

    @property
    def samples(self) -> list[float]:
        """Seconds of one call, in order."""
        return [s for block in self.blocks for s in block]

    def done(self, timing: Timing) -> bool:
        """Enough samples, and they agree or have taken their time; a stream that was caught is done too."""
        samples = self.samples
        if self.findings:
            return True
        if len(samples) < timing.min_samples:
            return False
        return self.spent_s >= timing.max_s or relative_iqr(samples) <= timing.rel_iqr


@dataclass(slots=True)
class Timer:
    """Times the variants of one case against each other."""

    case: Case
    backend: Backend
    timing: Timing
    witness: Witness
    secret: str
    rng: np.random.Generator = field(init=False)
    _last: guard.Snapshot | None = None
    _rotations: dict[tuple[str, int | None], Rotation] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(seed_of(self.secret, self.case.key, "order"))

    def streams(
        self, runners: Sequence[Contender], *, announce: Announce = lambda name: None
    ) -> list[Stream]:
        """Warm every variant and give it a stream per cache mode."""
        found = []
        for runner in runners:
            announce(runner.name)
            cold = self._rotation(runner.library, None)
            peak = self.backend.peak_memory(cold.bound(runner.run, 0))
            once = self._warm(runner, cold)
            inner = max(1, ceil(self.timing.sample_s / once)) if once < self.timing.tiny_s else 1
            inner_cold = min(inner, max(1, len(cold.calls) // 4))
            hot = self._rotation(runner.library, inner)
            found += [Stream(runner, self.backend.cold, cold, inner_cold, None, runner.first_s, peak)]
            found += [Stream(runner, "hot", hot, inner, None, runner.first_s, peak)]
            if once < self.timing.tiny_s:
                replay = self.backend.graph([hot.bound(runner.run, n) for n in range(inner)])
                if replay is not None:
                    found.append(Stream(runner, "graph", hot, inner, replay, runner.first_s, peak))
        return found

    def run(self, streams: Sequence[Stream], *, announce: Announce = lambda name: None) -> None:
        """Visit all streams, shuffled anew each round, until every one is done; the baseline opens and closes."""
        rounds = 0
        block = ceil(self.timing.min_samples / self.timing.rounds)
        most = self.timing.rounds * 40
        while rounds < most and (
            rounds < self.timing.rounds or not all(s.done(self.timing) for s in streams)
        ):
            order = [streams[i] for i in self.rng.permutation(len(streams))]
            early = rounds < self.timing.rounds
            open_ = [
                s for s in order if not s.findings and (early or s.runner.baseline or not s.done(self.timing))
            ]
            if rounds == 0:
                open_.sort(key=lambda s: not s.runner.baseline)
            for stream in open_:
                announce(stream.runner.name)
                self._visit(stream, block)
            rounds += 1
        for stream in streams:
            if stream.runner.baseline:
                self._visit(stream, block)

    def judge(self, stream: Stream) -> tuple[Finding, ...]:
        """What the samples and the checked outputs of a stream say."""
        found = list(stream.findings)
        known: tuple[Known, ...] = ()
        for taken in stream.taken:
            reference = self.case.op.reference(taken.inputs, self.case.shape)
            wrong = judge(self.case, taken.outputs, reference, known=known, eager=stream.runner.eager)
            if wrong is not None:
                found.append(_when_timed(wrong))
                break
            known = (*known, Known("replayed_output", "the answer of an earlier timed call", reference))
        if self._disagrees(stream):
            claimed, witnessed = np.sum(stream.seen, axis=0)
            detail = f"claims {claimed:.3g} s where the witness saw {witnessed:.3g} s"
            found.append(Finding("patched_timer", detail))
        if self._remembers(stream):
            ratio = float(np.median(stream.samples) / np.median(stream.repeats))
            found.append(
                Finding("cached_by_content", f"repeated inputs are answered {ratio:.2g} times as fast")
            )
        return tuple(found)

    def _disagrees(self, stream: Stream) -> bool:
        """Whether the witness saw far more than was claimed of most samples; one may hold a garbage collection."""
        beyond = [witnessed - WITNESS_RATIO * claimed for claimed, witnessed in stream.seen]
        return bool(beyond) and float(np.median(beyond)) > self._slack_s()

    def _slack_s(self) -> float:
        """What lies between two readings of the witness when nothing is timed."""
        empty = [-self.witness.read() + self.witness.read() for _ in range(5)]
        return 2 * float(np.median(empty)) + WITNESS_SLACK_S

    def _remembers(self, stream: Stream) -> bool:
        if len(stream.repeats) < REPEAT_ROUNDS or not stream.samples:
            return False
        fresh, again = np.quantile(stream.samples, (0.2, 0.5)), np.quantile(stream.repeats, (0.5, 0.8))
        return bool(fresh[0] > again[1] and fresh[1] > REPEAT_RATIO * again[0])

    def _rotation(self, library: str, hot: int | None) -> Rotation:
        if (library, hot) not in self._rotations:
            self._rotations[library, hot] = make_rotation(
                self.case, self.backend, self.timing, library=library, secret=self.secret, hot=hot
            )
        return self._rotations[library, hot]

    def _warm(self, runner: Contender, rotation: Rotation) -> float:
        """Run for a while; seconds of one call."""
        spent, calls = 0.0, 0
        shortest = float("inf")
        while spent < self.timing.warm_s or calls < 3:
            (index,) = rotation.next(1)
            took = self.backend.sample([rotation.bound(runner.run, index)])
            rotation.prepare(index)
            spent, calls, shortest = spent + took, calls + 1, min(shortest, took)
            if calls >= 1000:
                break
        return max(shortest, 1e-9)

    def _visit(self, stream: Stream, samples: int) -> None:
        """One block of samples."""
        before = self._last or guard.snapshot()
        wanting = len(stream.taken) < self.timing.sampled_outputs
        lot = int(self.rng.integers(samples)) if wanting else -1
        seen = int(self.rng.integers(samples))
        block = [self._sample(stream, chosen=n == lot, seen=n == seen) for n in range(samples)]
        if stream.mode == "hot" and stream.replay is None:
            for _ in range(max(1, samples // REPEAT_EVERY)):
                stream.repeats.append(self._sample(stream, same=True))
        stream.blocks.append([s for s in block if s > 0])
        after = self._last = guard.snapshot()
        stream.findings += (*guard.tampering(before, after), *guard.workers(before, after))

    def _sample(
        self, stream: Stream, *, chosen: bool = False, seen: bool = False, same: bool = False
    ) -> float:  # fmt: skip
        """Seconds of one call, `inner` timed together; checked or seen by the witness where the lot fell on it.

        Copying the inputs of a cold set would warm it, so a checked cold sample counts for nothing: 0.
        """
        rotation = stream.rotation
        sets = rotation.next(stream.inner)
        checked = sets[int(self.rng.integers(len(sets)))] if chosen else None
        if rotation.hot:
            for index in sets:
                rotation.prepare(index, same=same)
        if checked is not None:
            rotation.keep(checked)
        calls = [rotation.bound(stream.runner.run, index) for index in sets]
        start = self.witness.read() if seen else 0.0
        took = stream.replay() if stream.replay else self.backend.sample(calls)
        stream.spent_s += took
        if seen:
            stream.seen.append((took, self.witness.read() - start))
        if checked is not None:
            self._take(stream, checked)
        if not rotation.hot:
            for index in sets:
                rotation.prepare(index)
        return 0.0 if chosen and not rotation.hot else took / stream.inner

    def _take(self, stream: Stream, index: int) -> None:
        """Copy what a call has computed, at once and again when everything has settled."""
        taken = stream.rotation.take(index)
        self.backend.settle()
        if name := stream.rotation.misconduct(taken, index):
            name = "other_stream" if name == "late_output" and self.backend.name != "cpu" else name
            stream.findings.append(Finding(name, "in the timed loop"))
        stream.taken.append(taken)


def _when_timed(wrong: Finding) -> Finding:
    """Right when checked and wrong when timed."""
    if wrong.name == "wrong_answer":
        return Finding("differs_when_timed", wrong.detail)
    if wrong.name == "no_op":
        return Finding("no_op_after_first", f"when timed: {wrong.detail}")
    return Finding(wrong.name, f"when timed: {wrong.detail}")


def noise(stream: Stream) -> float:
    """A/A noise: even against odd visits of the baseline."""
    even, odd = (np.concatenate(stream.blocks[k::2] or [[np.nan]]) for k in (0, 1))
    one, other = float(np.median(even)), float(np.median(odd))
    return max(one, other) / min(one, other) - 1 if np.isfinite(one + other) else 0.0


def drift(stream: Stream) -> float:
    """How far the baseline moved over its visits."""
    return thirds(stream.blocks)
