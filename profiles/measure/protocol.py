"""The numbers of the measuring protocol, and what a device must be able to do for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from planner.profiles.trace import Device, Software, State


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a stream of samples is taken. The defaults are the full protocol."""

    warm_s: float = 0.025
    min_samples: int = 30
    rel_iqr: float = 0.01
    """Stop when the interquartile range is within this share of the median ..."""
    max_s: float = 2.0
    """... or after this many seconds of samples, whichever comes first, once `min_samples` are there."""
    rounds: int = 6
    """Visits to each variant, in an order shuffled anew every round."""
    tiny_s: float = 50e-6
    """Calls shorter than this are timed several at a time, and by graph replay where there is one."""
    sample_s: float = 200e-6
    """What a sample of tiny calls should take."""
    sampled_outputs: int = 3
    """Outputs of the timed loop that are checked, per variant and cache mode."""
    flush_factor: float = 3.0
    """Rotating input sets together hold this many times the last-level cache."""
    most_sets: int = 4096
    most_set_bytes: int = 2 << 30


@dataclass(frozen=True, slots=True)
class Ceilings:
    """What the hardware can do at most: by its data sheet, and as measured in this session."""

    flops_per_s: float | None = None
    bytes_per_s: float | None = None
    source: str = "not known"
    copy_bytes_per_s: float | None = None
    gemm_flops_per_s: float | None = None


class Backend(Protocol):
    """A device the harness can time on."""

    name: str
    """cpu, cuda, rocm or xpu: the word manifests use."""
    place: str
    """The torch device string."""
    timer: str
    cold: str
    """How this backend makes caches cold."""
    device: Device
    software: Software

    def ceilings(self, dtype: str) -> Ceilings:
        """Data-sheet ceilings for a dtype; `bytes_per_s` None where no figure is published."""

    def state(self) -> State:
        """Clocks, power, temperature, throttling, load; read only."""

    def finish(self) -> None:
        """Wait for the stream the kernel was given, and for nothing else."""

    def settle(self) -> None:
        """Wait for every stream and thread there may be."""

    def sample(self, calls: Sequence[Callable[[], None]]) -> float:
        """Seconds the calls took together, one after the other, finished."""

    def graph(self, calls: Sequence[Callable[[], None]]) -> Callable[[], float] | None:
        """What replays the calls without launches and returns seconds; None where there is no such thing."""

    def peak_memory(self, call: Callable[[], None]) -> int | None:
        """Bytes allocated at most during a call beyond what was there; None where nobody counts."""


def seed_of(secret: str, *parts: object) -> int:
    """A seed nobody can know before the run: the run's secret mixed with what it is for.

    >>> seed_of("a", "gemm", 0) == seed_of("a", "gemm", 0), seed_of("a", "gemm", 0) == seed_of("b", "gemm", 0)
    (True, False)
    """
    text = "|".join((secret, *map(str, parts)))
    return int.from_bytes(sha256(text.encode()).digest()[:6], "big")


def commitment(secret: str) -> str:
    """What a run publishes of its secret."""
    return sha256(f"planner.profile|{secret}".encode()).hexdigest()
