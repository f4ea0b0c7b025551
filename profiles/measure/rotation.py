"""Which buffers the timed calls use: many sets so that caches are cold, or a few that stay hot.

A set is prepared (content changed, outputs poisoned) right after its use, a whole rotation before the next, so
that preparing never warms it. Some sets are chosen by lot: their inputs are copied when prepared and their
outputs when they have been computed, to be checked against fp64 after the timing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import numpy as np

from planner.kernels.definition import Arrays
from planner.profiles.measure.buffers import Call, changed, clones, draw, identity, nbytes, nudge, poison
from planner.profiles.measure.diagnosis import Case
from planner.profiles.measure.protocol import Backend, Timing, seed_of


def set_count(input_bytes: int, total_bytes: int, llc_bytes: int | None, timing: Timing) -> int:
    """Sets for cold timing: at least 4, together three times the last-level cache, within memory limits.

    >>> set_count(2**20, 2**21, 2**25, Timing()), set_count(2**30, 2**31, 2**25, Timing())
    (96, 4)
    """
    wanted = max(4, ceil(timing.flush_factor * (llc_bytes or 0) / max(input_bytes, 1)))
    return max(4, min(wanted, timing.most_sets, timing.most_set_bytes // max(total_bytes, 1)))


@dataclass(frozen=True, slots=True)
class Taken:
    """A call of the timed loop, kept for checking: its buffers, inputs before it, outputs right after it."""

    inputs: Arrays
    outputs: Arrays
    was: tuple[Any, Any]


@dataclass(slots=True)
class Rotation:
    """Sets of buffers that the timed calls of one array library go through."""

    calls: list[Call]
    rng: np.random.Generator
    hot: bool
    """Prepared before each sample, and therefore in the cache."""
    place: int = 0
    kept: Arrays = field(default_factory=dict)
    was: tuple[Any, Any] = (None, None)

    def prepare(self, index: int, *, same: bool = False) -> None:
        """New content (unless `same`), poisoned outputs."""
        call = self.calls[index]
        if not same:
            nudge(call.inputs, self.rng)
        poison(call.outputs)

    def next(self, count: int) -> list[int]:
        """The next sets in turn."""
        found = [(self.place + n) % len(self.calls) for n in range(count)]
        self.place = (self.place + count) % len(self.calls)
        return found

    def bound(self, run: Callable[[Any, Any], Any], index: int) -> Callable[[], Any]:
        """A call without arguments."""
        call = self.calls[index]
        inputs, outputs = dict(call.inputs), dict(call.outputs)
        return lambda: run(inputs, outputs)

    def keep(self, index: int) -> None:
        """Note what a set holds before it is used."""
        call = self.calls[index]
        self.kept, self.was = clones(call.inputs), (identity(call.inputs), identity(call.outputs))

    def take(self, index: int) -> Taken:
        """What was noted, and what the call wrote."""
        return Taken(self.kept, clones(self.calls[index].outputs), self.was)

    def misconduct(self, taken: Taken, index: int) -> str | None:
        """Name of what a checked call did to its buffers beyond filling them, None when nothing."""
        call = self.calls[index]
        if (identity(call.inputs), identity(call.outputs)) != taken.was:
            return "rebound_output"
        if changed(taken.inputs, call.inputs):
            return "input_mutated"
        return "late_output" if changed(taken.outputs, call.outputs) else None


def make_rotation(
    case: Case, backend: Backend, timing: Timing, *, library: str, secret: str, hot: int | None
) -> Rotation:
    """Rotation for cold timing, or of `hot` sets."""

    def one(n: int) -> Call:
        seed = seed_of(secret, case.key, "timed", library, hot or 0, n)
        return draw(case.op, case.shape, case.dtype, seed, library=library, device=backend.place)

    first = one(0)
    size = nbytes(first.inputs)
    sets = hot or set_count(size, size + nbytes(first.outputs), backend.device.llc_bytes, timing)
    calls = [first, *(one(n) for n in range(1, sets))]
    rng = np.random.default_rng(seed_of(secret, case.key, "rotation", library, hot or 0))
    return Rotation(calls, rng, hot is not None)
