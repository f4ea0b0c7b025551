"""Quantiles, drift, noise and verdicts between variants."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.profiles.measure.statistics import apart, describe, relative_iqr, thirds, verdict
from planner.profiles.trace import Stats

times = st.lists(st.floats(1e-7, 10), min_size=2, max_size=60)


@given(times)
def test_quantiles_are_in_order(seconds: list[float]) -> None:
    s = Stats(**describe(seconds))  # type: ignore[arg-type]
    assert s.n == len(seconds)
    assert s.min_s is not None and s.p05_s is not None and s.p20_s is not None
    assert s.p80_s is not None and s.p95_s is not None
    assert s.min_s <= s.p05_s <= s.p20_s <= s.median_s <= s.p80_s <= s.p95_s


@given(times, st.floats(0.1, 10))
def test_relative_spread_and_distance_do_not_depend_on_the_unit(seconds: list[float], unit: float) -> None:
    scaled = [s * unit for s in seconds]
    assert relative_iqr(scaled) == pytest.approx(relative_iqr(seconds), rel=1e-6, abs=1e-9)
    assert apart(seconds, scaled) == pytest.approx(max(unit, 1 / unit) - 1, rel=1e-6, abs=1e-9)


def test_drift_is_the_distance_between_thirds() -> None:
    steady = [[1.0, 1.0]] * 6
    assert thirds(steady) == 0
    assert thirds([*steady[:4], [1.2, 1.2], [1.2, 1.2]]) == pytest.approx(0.2)


def stats(low: float, median: float, high: float) -> Stats:
    return Stats(30, median, p20_s=low, p80_s=high)


@pytest.mark.parametrize(
    ("a", "b", "noise", "says"),
    [
        (stats(0.95, 1.0, 1.05), stats(1.9, 2.0, 2.1), 0.01, "FAST"),
        (stats(1.9, 2.0, 2.1), stats(0.95, 1.0, 1.05), 0.01, "SLOW"),
        (stats(0.95, 1.0, 1.05), stats(1.0, 1.02, 1.04), 0.01, "SAME"),
        (stats(0.5, 1.0, 1.5), stats(1.4, 1.5, 1.6), 0.01, "AMBIGUOUS"),
        (stats(0.95, 1.0, 1.05), stats(1.1, 1.2, 1.3), 0.1, "SAME"),
        (Stats(1, 1.0), Stats(1, 2.0), 0.0, "AMBIGUOUS"),
    ],
)
def test_a_verdict_needs_disjoint_spreads_and_a_ratio_beyond_the_noise(
    a: Stats, b: Stats, noise: float, says: str
) -> None:
    assert verdict(a, b, aa_noise=noise) == says


@given(times, times, st.floats(0, 0.2))
def test_verdicts_mirror_each_other(one: list[float], other: list[float], noise: float) -> None:
    a, b = (Stats(**describe(x)) for x in (one, other))  # type: ignore[arg-type]
    mirror = {"FAST": "SLOW", "SLOW": "FAST", "SAME": "SAME", "AMBIGUOUS": "AMBIGUOUS"}
    assert verdict(b, a, aa_noise=noise) == mirror[verdict(a, b, aa_noise=noise)]


def test_samples_without_spread_are_described() -> None:
    assert describe(np.full(30, 2e-3))["rel_iqr"] == 0
