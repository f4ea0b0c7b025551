"""Ranks of variants: ratios to the baseline, verdicts, and what untrusted rows count."""

from __future__ import annotations

import pytest

from planner.profiles import trace as t
from planner.profiles.standings import standings


def row(
    variant: str,
    tokens: int,
    seconds: float,
    *,
    trust: int = 2,
    mode: str = "cold-rotate",
    status: str = "OK",
) -> t.Trace:
    return t.Trace(
        run_id="r", session_seq=1, timestamp_utc="2026-11-22T00:00:00+00:00", status=status, origin=t.MEASURED,
        device=t.Device("amd", "CPU", "cpu_x"), kernel=t.Kernel(variant),
        job=t.Job("rmsnorm", "fp32", {"tokens": tokens, "width": 64}, 1.0, 1.0, seed_commitment="s"),
        stats=t.Stats(30, seconds, p20_s=0.95 * seconds, p80_s=1.05 * seconds, aa_noise=0.01, cache_mode=mode),
        derived=t.Derived(roofline_fraction_measured=0.5), trust=t.Trust(trust_level=trust),
    )  # fmt: skip


def test_the_fastest_comes_first_and_torch_eager_is_the_baseline() -> None:
    found = standings([row("torch_eager_rmsnorm", 1, 2.0), row("mine", 1, 1.0), row("numpy_rmsnorm", 1, 4.0)])
    assert [s.variant for s in found] == ["mine", "torch_eager_rmsnorm", "numpy_rmsnorm"]
    assert {s.baseline for s in found} == {"torch_eager_rmsnorm"}
    assert [s.time_ratio for s in found] == pytest.approx([0.5, 1.0, 2.0])
    assert [dict(s.verdicts) for s in found] == [{"FAST": 1}, {"SAME": 1}, {"SLOW": 1}]


def test_a_ratio_is_the_geometric_mean_over_common_cells_with_an_interval_around_it() -> None:
    found = standings([
        row("torch_eager_rmsnorm", 1, 1.0), row("torch_eager_rmsnorm", 2, 1.0), row("mine", 1, 0.5),
        row("mine", 2, 2.0), row("mine", 3, 1e-9),
    ])  # fmt: skip
    (mine,) = [s for s in found if s.variant == "mine"]
    assert (mine.cells, mine.time_ratio) == (2, pytest.approx(1.0))
    assert mine.low < mine.time_ratio < mine.high
    assert dict(mine.verdicts) == {"FAST": 1, "SLOW": 1}


def test_rows_nobody_has_verified_hot_ones_and_failed_ones_do_not_count() -> None:
    base = row("torch_eager_rmsnorm", 1, 1.0)
    assert standings([row("torch_eager_rmsnorm", 1, 1.0, trust=0)]) == ()
    assert [s.variant for s in standings([base, row("mine", 1, 0.5, mode="hot")])] == ["torch_eager_rmsnorm"]
    assert [s.variant for s in standings([base, row("mine", 1, 0.5, status="INCORRECT")])] == [
        "torch_eager_rmsnorm"
    ]


def test_more_trust_weighs_more() -> None:
    base = [row("torch_eager_rmsnorm", n, 1.0, trust=4) for n in (1, 2)]
    found = standings([*base, row("mine", 1, 0.5, trust=4), row("mine", 2, 2.0, trust=1)])
    (mine,) = [s for s in found if s.variant == "mine"]
    assert 0.5 < mine.time_ratio < 1.0
    assert mine.trust_level == 1


def test_of_two_rows_of_one_cell_the_more_trusted_or_steadier_counts() -> None:
    base = row("torch_eager_rmsnorm", 1, 1.0)
    shaky, steady = row("mine", 1, 0.1, status="UNSTABLE"), row("mine", 1, 0.5)
    for rows in ([base, shaky, steady], [base, steady, shaky]):
        (mine,) = [s for s in standings(rows) if s.variant == "mine"]
        assert mine.time_ratio == pytest.approx(0.5)
