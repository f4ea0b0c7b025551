"""A kernel change in numbers: the ratio over the cells that both files measured, with an interval, either sign."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.profiles.changes import speedups
from planner.profiles.errors import ProfileError
from planner.profiles.trace import Device, Job, Kernel, Stats, Trace

DEVICE = Device("nvidia", "NVIDIA H100 80GB HBM3", "h100_sxm")


def trace(
    seconds: float, *, rows: int = 8, variant: str = "fast_gemm", status: str = "OK", spread: float = 0.0
) -> Trace:
    stats = Stats(30, seconds, p20_s=seconds * (1 - spread), p80_s=seconds * (1 + spread), cache_mode="hot")
    job = Job("gemm", "bf16", {"m": rows, "n": 8, "k": 8}, 1.0, 1.0)
    timed = stats if status in ("OK", "UNSTABLE") else None
    return Trace(
        "run", 0, "2026-11-22T00:00:00Z", status, "measured-here", DEVICE, Kernel(variant), job, timed
    )


@given(st.lists(st.tuples(st.floats(1e-6, 1.0), st.floats(0.25, 4.0)), min_size=1, max_size=12))
def test_the_ratio_lies_in_its_interval_and_swapping_the_files_inverts_it(
    cells: list[tuple[float, float]],
) -> None:
    before = [trace(seconds, rows=i) for i, (seconds, _) in enumerate(cells)]
    after = [trace(seconds / ratio, rows=i) for i, (seconds, ratio) in enumerate(cells)]
    (there,), (back,) = speedups(before, after), speedups(after, before)
    assert there.low <= there.ratio <= there.high
    assert there.ratio * back.ratio == pytest.approx(1.0)
    assert min(r for _, r in cells) * 0.999 <= there.ratio <= max(r for _, r in cells) * 1.001


def test_a_change_of_nothing_is_one() -> None:
    (found,) = speedups([trace(1e-3)], [trace(1e-3)])
    assert (found.ratio, found.low, found.high, found.cells) == (1.0, 1.0, 1.0, 1)


def test_the_spread_of_the_samples_widens_the_interval() -> None:
    (found,) = speedups([trace(1e-3, spread=0.1)], [trace(5e-4, spread=0.1)])
    assert (found.ratio, found.low, found.high) == (
        2.0,
        pytest.approx(0.9e-3 / 5.5e-4),
        pytest.approx(1.1e-3 / 4.5e-4),
    )


def test_a_cell_that_is_not_right_any_more_is_lost_and_named() -> None:
    (found,) = speedups(
        [trace(1e-3), trace(1e-3, rows=9)], [trace(5e-4), trace(1.0, rows=9, status="INCORRECT")]
    )
    assert found.cells == 1
    assert found.lost == ("gemm bf16 fwd k=8,m=9,n=8: INCORRECT",)


def test_another_device_is_not_compared() -> None:
    other = replace(trace(5e-4), device=replace(DEVICE, device_key="l40s"))
    with pytest.raises(ProfileError, match="no cell is timed in both files"):
        speedups([trace(1e-3)], [other])


def test_a_new_name_for_the_only_variant_is_the_change_from_the_old_one() -> None:
    (found,) = speedups([trace(1e-3)], [trace(5e-4, variant="faster_gemm")])
    assert (found.variant, found.ratio) == ("fast_gemm", 2.0)
    two = [trace(5e-4, variant="faster_gemm"), trace(5e-4, variant="another")]
    with pytest.raises(ProfileError, match="fast_gemm"):
        speedups([trace(1e-3)], two)
