"""Verification rejects what cannot be, names the row and the reason, and grants trust only for what it has seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from planner.kernels import manifest, op
from planner.profiles import trace as t
from planner.profiles.measure.challenge import answer_challenge, matches
from planner.profiles.measure.cpu import CpuBackend, software
from planner.profiles.tracefile import append
from planner.profiles.verify import CHECKS, Verification, verify_file

DEVICE = t.Device(
    "nvidia", "NVIDIA H200", "h200_sxm", arch="sm_90", llc_bytes=50 << 20, driver="570.1", runtime="12.8"
)  # fmt: skip
CELLS = (
    ("copy", {"elements": 1 << 28}, 6e-4), ("triad", {"elements": 1 << 27}, 5e-4), ("launch", {"launches": 8}, 3e-5),
    ("gemm", {"m": 4096, "n": 4096, "k": 4096}, 3e-3), ("gemm", {"m": 64, "n": 4096, "k": 4096}, 1e-3),
)  # fmt: skip


@cache
def _digest(variant: str) -> str:
    return manifest(variant).sha256


def rows(**changes: Any) -> list[t.Trace]:
    """A session nobody could object to, in fp32 on a device of the GPU table."""
    made = []
    for seq, (name, shape, seconds) in enumerate(CELLS):
        work, variant = op(name), f"torch_eager_{name}"
        made.append(
            t.Trace(
                run_id="r", session_seq=seq, timestamp_utc="2026-11-22T18:00:00+00:00", status="OK", origin=t.MEASURED,
                device=DEVICE, software=software(), submitter="a",
                kernel=t.Kernel(variant, variant_sha256=_digest(variant)),
                job=t.Job(
                    name, "fp32", shape, work.flops(shape), work.bytes(shape, "fp32"), distribution="normal(0,1)",
                    seed_commitment="c" * 64,
                ),
                stats=t.Stats(
                    30, seconds, 0.9 * seconds, 0.95 * seconds, 1.05 * seconds, 1.2 * seconds, 0.89 * seconds,
                    1.01 * seconds, 0.03 * seconds, 0.05, 0.001, 0.01, cache_mode="cold-rotate", timer="events",
                ),
                state=t.State(sm_clock_mhz=1980),
                correctness=t.Correctness("planner fp64", 3, 0.0, tolerance=1e-6),
            )
        )  # fmt: skip
    return [replace(x, **changes) for x in made]


def judged(tmp_path: Path, traces: list[t.Trace], **told: Any) -> Verification:
    file = tmp_path / "traces.jsonl"
    append(file, traces)
    return verify_file(file, **told)


def test_a_sound_session_of_registered_sources_has_trust_2(tmp_path: Path) -> None:
    found = judged(tmp_path, rows())
    assert found.accepted, found.reasons
    assert found.trust_level == 2
    assert {x.trust.trust_level for x in found.traces} == {2}


Change = Callable[[list[t.Trace]], list[t.Trace]]


def _stats(**changes: Any) -> Change:
    """The big gemm with other statistics."""
    return lambda x: [*x[:3], replace(x[3], stats=replace(x[3].stats, **changes)), x[4]]


def _times(factor: float) -> Change:
    """The big gemm so many times as slow."""

    def change(x: list[t.Trace]) -> list[t.Trace]:
        s = x[3].stats
        assert s is not None
        names = ("median_s", "p05_s", "p20_s", "p80_s", "p95_s", "min_s", "mean_s", "stdev_s")
        scaled = {name: getattr(s, name) * factor for name in names}
        return [*x[:3], replace(x[3], stats=replace(s, **scaled)), x[4]]

    return change


def _big(**changes: Any) -> Change:
    return lambda x: [*x[:3], replace(x[3], **changes), x[4]]


REJECTED: dict[str, tuple[str, Change]] = {
    "no_driver": ("environment", lambda x: [replace(r, device=replace(DEVICE, driver=None)) for r in x]),
    "no_state": ("environment", lambda x: [replace(r, state=t.State()) for r in x]),
    "few_samples": ("environment", _stats(n=5)),
    "no_spread_stated": ("environment", _stats(p20_s=None)),
    "flops_of_another_op": ("work", lambda x: _big(job=replace(x[3].job, flops=1.0))(x)),
    "an_axis_too_many": ("work", lambda x: _big(job=replace(x[3].job, shape={**x[3].job.shape, "q": 1}))(x)),
    "one_seed": ("correctness", lambda x: _big(correctness=replace(x[3].correctness, seeds=1))(x)),
    "too_wrong": ("correctness", lambda x: _big(correctness=replace(x[3].correctness, err_norm=0.1))(x)),
    "own_tolerance": (
        "correctness",
        lambda x: _big(correctness=replace(x[3].correctness, err_norm=0.1, tolerance=1.0))(x),
    ),
    "quantiles_out_of_order": ("statistics", _stats(p80_s=1e-9)),
    "no_spread": ("statistics", _stats(stdev_s=0.0, rel_iqr=0.0)),
    "faster_than_memory": (
        "physics",
        lambda x: [replace(x[0], stats=t.Stats(30, 1e-5, p20_s=1e-5, p80_s=1e-5, aa_noise=0.0, cache_mode="cold-rotate",
                                               timer="events")), *x[1:]],
    ),
    "a_row_twice": ("copies", lambda x: [*x, x[0]]),
    "pasted_times": ("copies", lambda x: [*x[:4], replace(x[4], stats=x[3].stats)]),
    "no_launch_row": ("calibration", lambda x: [*x[:2], *x[3:]]),
    "more_work_in_less_time": ("monotone", _times(0.1)),
}  # fmt: skip


@pytest.mark.parametrize(("check", "change"), REJECTED.values(), ids=REJECTED)
def test_what_cannot_be_is_rejected_by_the_check_that_knows(
    tmp_path: Path, check: str, change: Change
) -> None:
    found = judged(tmp_path, change(rows()))
    assert not found.accepted
    assert check in [f.check for f in found.findings if not f.ok], found.reasons
    assert found.trust_level == 0 and found.traces == ()


def test_every_check_has_a_case_that_fails_it() -> None:
    assert {check for check, _ in REJECTED.values()} == set(CHECKS)


def test_an_empty_file_and_a_torn_one_are_rejected_or_refused(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    file.write_text("")
    assert not verify_file(file).accepted


def test_a_row_edited_after_the_fact_breaks_its_hash(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    append(file, rows())
    file.write_text(file.read_text().replace('"submitter":"a"', '"submitter":"b"', 1))
    assert [f.check for f in verify_file(file).findings if not f.ok] == ["hash"]


def test_an_unknown_source_and_an_open_finding_keep_trust_at_1(tmp_path: Path) -> None:
    unknown = [*rows()[:4], replace(rows()[4], kernel=t.Kernel("mine", variant_sha256="0" * 64))]
    partly = judged(tmp_path, unknown)
    assert partly.trust_level == 1
    assert [x.trust.trust_level for x in partly.traces] == [2, 2, 2, 2, 1]
    (tmp_path / "traces.jsonl").unlink()
    suspect = [
        *rows()[:4],
        replace(rows()[4], correctness=replace(rows()[4].correctness, findings=("quarantine: x",))),
    ]
    found = judged(tmp_path, suspect)
    assert [x.trust.trust_level for x in found.traces] == [2, 2, 2, 2, 1]


def test_drift_between_calibrations_is_a_remark(tmp_path: Path) -> None:
    early = rows(note="calibration: start")
    late = [replace(x, session_seq=x.session_seq + 10, note="calibration: end") for x in _times(1.2)(early)]
    found = judged(tmp_path, [*early, late[3]])
    assert found.accepted
    assert "moved by 20%" in next(f.detail for f in found.findings if f.check == "steady")


def test_another_machine_that_agrees_raises_trust_to_3_and_one_that_does_not_rejects(tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    append(other, rows(submitter="b"))
    near = _times(1.1)(rows())
    assert judged(tmp_path, near, against=other).trust_level == 3
    (tmp_path / "traces.jsonl").unlink()
    far = [x for factor in (1.3,) for x in _times(factor)(rows())]
    found = judged(tmp_path, far, against=other)
    assert not found.accepted and "within 15%" in found.reasons[0]
    (tmp_path / "traces.jsonl").unlink()
    assert not judged(tmp_path, rows(submitter="b"), against=other).accepted


def test_imported_rows_never_pass_trust_1(tmp_path: Path) -> None:
    found = judged(tmp_path, rows(origin=t.IMPORTED, source="a table", row_licence="MIT"))
    assert found.accepted and {x.trust.trust_level for x in found.traces} == {1}


def test_only_who_runs_the_op_can_answer_a_challenge() -> None:
    told = answer_challenge("numpy_gemm", "gemm", "fp32", "nonce", CpuBackend())
    assert matches("gemm", "fp32", "nonce", told)
    assert not matches("gemm", "fp32", "other nonce", told)
    assert not matches("gemm", "fp32", "nonce", [*told[:-1], told[-1] + 1])
    assert not matches("gemm", "fp32", "nonce", ())
