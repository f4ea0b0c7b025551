"""Watches over what a kernel has no business touching: clocks, the harness, global switches, threads.

A snapshot is taken before foreign code runs and compared after. It cannot stop code in its own process from
lying, which is why the parent process keeps a second clock (`witness`).
"""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from planner.profiles.measure.findings import Finding

WATCHED = ("planner.profiles.measure", "planner.profiles.trace", "planner.kernels.definition",
           "planner.kernels.arrays", "planner.kernels.reference", "planner.kernels.loading")  # fmt: skip
"""Modules of ours whose functions and classes must stay what they are."""
FOREIGN: Mapping[str, tuple[str, ...]] = {
    "time": (
        "perf_counter", "perf_counter_ns", "process_time", "process_time_ns", "thread_time", "monotonic",
        "monotonic_ns", "time", "time_ns", "clock_gettime", "clock_gettime_ns", "sleep",
    ),
    "builtins": ("id", "max", "min", "sum", "sorted", "float", "abs", "isinstance", "getattr"),
    "numpy": ("quantile", "median", "abs", "copyto", "isfinite", "isnan", "array_equal", "mean", "asarray"),
    "numpy.linalg": ("norm",),
    "torch": ("equal", "allclose", "isnan", "get_num_threads"),
    "torch.cuda": ("Event", "synchronize", "current_stream", "CUDAGraph"),
    "torch.xpu": ("Event", "synchronize", "current_stream"),
}  # fmt: skip
"""What the harness measures and compares with; looked at only where the module is loaded."""


CLOCKS = ("time.", "torch.cuda.Event", "torch.xpu.Event", "planner.profiles.measure.cpu",
          "planner.profiles.measure.accelerator", "planner.profiles.measure.timing")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was found at one moment."""

    objects: Mapping[str, int]
    switches: Mapping[str, str]
    threads: int
    children: int


def snapshot() -> Snapshot:
    """Look at everything that is watched."""
    return Snapshot(dict(_objects()), dict(_switches()), threads(), children())


def tampering(before: Snapshot, after: Snapshot) -> tuple[Finding, ...]:
    """What changed between two snapshots."""
    found: list[Finding] = []
    moved = [name for name, was in before.objects.items() if after.objects.get(name, was) != was]
    if moved:
        clock = [name for name in moved if name.startswith(CLOCKS)]
        found.append(
            Finding("patched_timer" if clock else "tampered_harness", f"{(clock or moved)[0]} was replaced")
        )
    turned = [name for name, was in before.switches.items() if after.switches.get(name, was) != was]
    if turned:
        name = turned[0]
        found.append(
            Finding("changed_switches", f"{name} was {before.switches[name]}, is {after.switches[name]}")
        )
    return tuple(found)


def workers(before: Snapshot, after: Snapshot) -> tuple[Finding, ...]:
    """Threads and processes that a call left behind. A first call may start some: compilers do."""
    more = after.threads - before.threads, after.children - before.children
    if max(more) <= 0:
        return ()
    return (Finding("hidden_worker", f"{more[0]} threads and {more[1]} processes more than before the call"),)


def _objects() -> Iterator[tuple[str, int]]:
    for module in _watched(len(sys.modules)):
        yield from _of_module(module)
    for name, words in FOREIGN.items():
        foreign = sys.modules.get(name)
        for word in words if foreign is not None else ():
            if hasattr(foreign, word):
                yield f"{name}.{word}", id(getattr(foreign, word))


@lru_cache(maxsize=2)
def _watched(loaded: int) -> tuple[ModuleType, ...]:
    """Our modules; looked for anew when the number of loaded modules has changed."""
    return tuple(m for name, m in list(sys.modules.items()) if m is not None and name.startswith(WATCHED))


def _of_module(module: ModuleType) -> Iterator[tuple[str, int]]:
    for name, value in list(vars(module).items()):
        if callable(value):
            yield f"{module.__name__}.{name}", id(value)
        if isinstance(value, FunctionType | type) and value.__module__ == module.__name__:
            yield from _code(f"{module.__name__}.{name}", value)


def _code(name: str, value: Any) -> Iterator[tuple[str, int]]:
    if isinstance(value, FunctionType):
        yield f"{name}.__code__", id(value.__code__)
        return
    for attribute, held in list(vars(value).items()):
        if isinstance(held, FunctionType):
            yield f"{name}.{attribute}", id(held.__code__)


def _switches() -> Iterator[tuple[str, str]]:
    import numpy as np

    yield "gc", str(gc.isenabled())
    yield "trace", str(sys.gettrace())
    yield "profile", str(sys.getprofile())
    yield "numpy.errstate", str(sorted(np.geterr().items()))
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "CUDA_LAUNCH_BLOCKING"):
        yield name, str(os.environ.get(name))
    if (torch := sys.modules.get("torch")) is not None:
        yield "torch.num_threads", str(torch.get_num_threads())
        yield "torch.default_dtype", str(torch.get_default_dtype())
        yield "torch.matmul_precision", torch.get_float32_matmul_precision()
        yield "torch.cuda.matmul.allow_tf32", str(torch.backends.cuda.matmul.allow_tf32)
        yield "torch.grad", str(torch.is_grad_enabled())
        yield "torch.deterministic", str(torch.are_deterministic_algorithms_enabled())


def threads() -> int:
    """Threads of this process, native ones included where the system tells."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return threading.active_count()


def children() -> int:
    """Processes this one has started and that still run; 0 where the system does not tell."""
    found = 0
    for file in Path("/proc/self/task").glob("*/children"):
        try:
            found += len(file.read_text().split())
        except OSError:
            continue
    return found
