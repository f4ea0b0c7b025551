"""Thinning: what is dropped can be had back within the tolerance, and nothing more is kept than needed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.profiles.importers.prepare import MANTISSA_BITS, curves_of, shorten
from planner.profiles.importers.thin import TOLERANCE, keep_mask, pad, thinning_error

curve = st.lists(st.floats(1e-6, 10.0), min_size=1, max_size=30)


@given(st.lists(curve, min_size=1, max_size=6))
def test_every_dropped_point_comes_back_within_one_percent(curves):
    start = np.cumsum([0, *map(len, curves)])
    x = np.concatenate([np.arange(1.0, len(c) + 1) for c in curves])
    y = np.concatenate(curves)
    kept = keep_mask(start, x, y)
    assert thinning_error(start, x, y, kept) <= TOLERANCE
    assert kept[start[:-1]].all() and kept[start[1:] - 1].all()


def test_a_power_law_needs_its_two_ends_only():
    x = np.arange(1.0, 60.0)
    assert keep_mask(np.array([0, 59]), x, 3e-6 * x**1.7).sum() == 2


def test_a_single_corner_costs_one_point():
    x = 2.0 ** np.arange(11)
    y = np.maximum(1.0, x / 32)
    assert np.flatnonzero(keep_mask(np.array([0, 11]), x, y)).tolist() == [0, 5, 10]


def test_no_smaller_choice_of_points_would_do():
    rng = np.random.default_rng(0)
    x = np.arange(1.0, 10.0)
    for _ in range(20):
        y = np.exp(rng.normal(0, 0.02, 9)) * x
        start = np.array([0, 9])
        best = keep_mask(start, x, y).sum()
        for bits in range(2**7):
            mask = np.array([True, *(bool(bits >> i & 1) for i in range(7)), True])
            if mask.sum() < best:
                assert thinning_error(start, x, y, mask) > TOLERANCE * 0.998


def test_curves_do_not_leak_into_each_other():
    grid = pad(np.array([0, 1, 4]), np.array([7.0, 1.0, 2.0, 3.0]))
    assert grid.shape == (2, 3) and grid[0, 0] == 7.0 and np.isnan(grid[0, 1:]).all()


@given(st.floats(1e-7, 1e3))
def test_shortened_numbers_stay_within_half_a_step(value):
    assert float(shorten(np.array([value]))[0]) == pytest.approx(
        value, rel=2.0 ** -(MANTISSA_BITS + 1) * 1.001
    )


def test_repeated_keys_become_their_median():
    points = np.array([[1, 4], [1, 2], [1, 2], [1, 2]])
    sorted_points, start, y = curves_of(points, np.array([9.0, 1.0, 2.0, 6.0]))
    assert sorted_points.tolist() == [[1, 2], [1, 4]]
    assert start.tolist() == [0, 2] and y.tolist() == [2.0, 9.0]
