"""Every way to cheat we know of, as a variant with manifest and source, is caught by name; an honest one passes.

The variants are in `cheats/`, loaded like anybody's; the machine is simulated only where it has to have streams.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from planner.kernels import manifest, op
from planner.profiles import trace as t
from planner.profiles.measure import check, cpu
from planner.profiles.measure.cpu import CpuBackend
from planner.profiles.measure.group import Bench, Run
from planner.profiles.measure.protocol import Ceilings, Timing

CHEATS = Path(__file__).parent / "cheats"
SHAPE = {"tokens": 16, "width": 256}
QUICK = Timing(warm_s=0.001, min_samples=12, max_s=0.02, rounds=4, sample_s=5e-5)
_cpu_seconds = time.process_time


class Witness:
    """This process's CPU clock, got hold of before any cheat ran."""

    def read(self) -> float:
        return _cpu_seconds()


def backend(**changes: object) -> CpuBackend:
    """The CPU with a small cache, so that few buffers are rotated."""
    made = CpuBackend()
    made.device = replace(made.device, llc_bytes=1 << 16)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def measured(*names: str, on: CpuBackend | None = None, dtype: str = "fp32") -> list[t.Trace]:
    """Traces of variants; the first is the baseline."""
    bench = Bench(on or backend(), QUICK, Witness(), Run("test", "a secret"))
    return list(bench.measure(op("rmsnorm"), SHAPE, dtype, [manifest(name, [CHEATS]) for name in names]))


def caught(name: str, *, on: CpuBackend | None = None, dtype: str = "fp32") -> list[str]:
    """Names of what a variant was caught at; fails the test where it got a time all the same."""
    rows = [r for r in measured(name, on=on, dtype=dtype) if r.kernel.variant == name]
    assert rows
    assert any(not r.timed for r in rows), f"{name} was timed: {[r.correctness.findings for r in rows]}"
    return [finding.partition(":")[0] for row in rows for finding in row.correctness.findings]


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What cheats change of this process is put back."""
    for module, name in ((time, "process_time_ns"), (cpu, "_now"), (check, "judge")):
        monkeypatch.setattr(module, name, getattr(module, name))
    with np.errstate():
        yield


CAUGHT = {
    "replays": "replayed_output",
    "pointer_cache": "cached_by_pointer",
    "fingerprint_cache": "cached_by_content",
    "content_cache": "cached_by_content",
    "late_thread": "late_output",
    "lazy_pool": "late_output",
    "busy_thread": "hidden_worker",
    "reads_reference": "stale_reference",
    "patches_time": "patched_timer",
    "patches_harness_clock": "patched_timer",
    "patches_judge": "tampered_harness",
    "half_rows": "partial_output",
    "half_rows_padded": "partial_output",
    "half_precision": "precision_downgrade",
    "downgrades_when_timed": "precision_downgrade",
    "wrong_when_timed": "differs_when_timed",
    "works_once": "no_op_after_first",
    "idle_when_timed": "no_op_after_first",
    "batches": "no_op_after_first",
    "never_writes": "no_op",
    "eats_input": "input_mutated",
    "swaps_entry": "rebound_output",
    "aliases": "rebound_output",
    "returns": "wrong_answer",
    "falls_back": "vendor_fallback",
    "knows_shape": "shape_special_case",
    "wants_contiguous": "assumes_contiguous",
    "knows_seeds": "wrong_answer",
    "sets_switches": "changed_switches",
    "raises": "raised",
}


@pytest.mark.parametrize(("cheat", "finding"), CAUGHT.items(), ids=CAUGHT)
def test_a_cheat_is_caught_by_name(cheat: str, finding: str) -> None:
    assert finding in caught(cheat)


def test_an_accumulator_too_narrow_for_large_values_is_caught() -> None:
    assert "wrong_dtype_inside" in caught("fp16_accumulator", dtype="fp16")


def test_every_cheat_in_the_folder_is_tried() -> None:
    there = {path.stem for path in CHEATS.glob("*.py")}
    assert there - set(CAUGHT) == {"honest", "side_stream", "fp16_accumulator"}


def test_an_honest_kernel_is_timed_cold_and_hot_and_nothing_is_said_against_it() -> None:
    rows = [r for r in measured("honest") if r.kernel.variant == "honest"]
    assert [r.stats.cache_mode for r in rows if r.stats] == ["cold-rotate", "hot"]
    assert all(r.timed and not r.correctness.findings for r in rows)
    assert all(r.correctness.deterministic and r.correctness.seeds >= 3 for r in rows)
    assert all(r.stats and r.stats.n >= QUICK.min_samples for r in rows)


@pytest.mark.parametrize("secret", range(6))
def test_rounding_that_large_values_amplify_is_not_called_a_cheat(secret: int) -> None:
    bench = Bench(backend(), QUICK, Witness(), Run("test", str(secret)))
    shape = {"batch": 1, "length": 16, "heads": 4, "kv_heads": 2, "head_dim": 16}
    rows = bench.measure(op("attention_prefill"), shape, "fp32", [manifest("numpy_attention_prefill")])
    assert all(r.timed for r in rows)


@dataclass
class SideStream(CpuBackend):
    """A simulated accelerator: work a kernel queues aside is done only when everything is waited for."""

    name: str = "cuda"
    jobs: list[Callable[[], None]] = field(default_factory=list)

    def settle(self) -> None:
        while self.jobs:
            self.jobs.pop(0)()


def test_work_on_a_stream_nobody_waits_for_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    device = SideStream()
    device.device = backend().device
    module = ModuleType("planner_test_side_stream")
    module.JOBS = device.jobs  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert "other_stream" in caught("side_stream", on=device)


class ShortClock(CpuBackend):
    """A clock that was got at in a way no snapshot shows."""

    def sample(self, calls: Sequence[Callable[[], object]]) -> float:
        return CpuBackend.sample(self, calls) / 10


def test_a_clock_that_disagrees_with_the_witness_is_caught() -> None:
    device = ShortClock()
    device.device = backend().device
    rows = measured("honest", on=device)
    assert {f.partition(":")[0] for r in rows for f in r.correctness.findings} >= {"patched_timer"}
    assert not any(r.timed for r in rows)


class OldCore(CpuBackend):
    """A device whose data sheet allows a thousand operations per second."""

    def ceilings(self, dtype: str) -> Ceilings:
        return Ceilings(flops_per_s=1e3, source="test")


def test_a_time_below_the_roofline_is_implausible_and_is_not_kept() -> None:
    device = OldCore()
    device.device = backend().device
    rows = measured("honest", on=device)
    assert {r.status for r in rows} == {"IMPLAUSIBLE"}
    assert all(r.stats is None and "implausible" in r.correctness.findings[-1] for r in rows)
