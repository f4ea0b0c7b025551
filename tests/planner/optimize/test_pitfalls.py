"""Answers a solver once got wrong, or nearly right; see the notes of `planner.optimize.model` and `highs`."""

import numpy as np
import pytest

from planner.optimize import size_fleet


def tiny_loads(seed):
    """Loads of 2e-8 to 0.3 units per class, as fine-grained request-size buckets at low rates give."""
    rng = np.random.default_rng(seed)
    classes, types, pieces = int(rng.integers(5, 40)), int(rng.integers(2, 16)), int(rng.choice([0, 4, 16]))
    of_class = np.exp(rng.uniform(np.log(2e-8), np.log(0.3), classes))[:, None]
    loads = of_class * np.exp(rng.normal(0, 0.7, types)) * np.exp(rng.normal(0, 0.3, (classes, types)))
    return loads, np.round(np.exp(rng.normal(0.5, 0.8, types)), 2), pieces or "continuous"


# HiGHS 1.15.1 with its own settings on the plain rows calls these optimal: 25.59, 29.44, 6.53, 40.21, 3.23.
@pytest.mark.parametrize(("seed", "optimum"), [(23, 0.50), (37, 0.51), (65, 2.26), (79, 0.16), (214, 1.25)])
def test_rows_of_tiny_and_small_loads_are_solved_right(seed, optimum):
    loads, prices, pieces = tiny_loads(seed)
    k, m = loads.shape
    fleet = size_fleet(
        {f"k{i}": 1.0 for i in range(k)},
        {f"k{i}": {f"m{j}": 1 / loads[i, j] for j in range(m)} for i in range(k)},
        {f"m{j}": prices[j] for j in range(m)},
        splitting=pieces,
    )
    assert fleet.cost == pytest.approx(optimum)
    assert fleet.status == "optimal"
    cheapest = int(np.argmin(prices))
    if loads[:, cheapest].sum() <= 1:  # one unit of the cheapest type carries all: nothing can be cheaper
        assert fleet.cost == pytest.approx(prices[cheapest])


def test_a_share_too_small_for_the_solver_still_gets_a_unit():
    fleet = size_fleet({"rare": 1e-9}, {"rare": {"a": 5.0}}, {"a": 2.0}, splitting="continuous")
    assert (dict(fleet.counts), fleet.cost) == ({"a": 1}, 2.0)


def test_a_rare_class_that_only_a_dear_type_serves_gets_its_unit():
    throughput = {"rare": {"cheap": 0.0, "dear": 5.0}, "bulk": {"cheap": 1.0, "dear": 1.0}}
    fleet = size_fleet(
        {"rare": 1e-9, "bulk": 2.9}, throughput, {"cheap": 1.0, "dear": 9.0}, splitting="continuous"
    )
    assert dict(fleet.counts) == {"cheap": 2, "dear": 1}


def test_a_million_units_are_not_all_set_to_their_upper_bound():
    # With presolve on, HiGHS 1.15.1 returns 3.79e6 (each count at its bound) and calls it optimal.
    rng = np.random.default_rng(0)
    for k, m in ((1, 3), (4, 4)):
        throughput, prices = np.exp(rng.normal(1, 1, (k, m))), np.round(np.exp(rng.normal(0.5, 0.8, m)), 2)
        rates = np.exp(rng.normal(0, 1, k)) * 1e6
    fluid = (rates[:, None] * prices / throughput).min(axis=1).sum()
    fleet = size_fleet(
        {f"k{i}": rates[i] for i in range(4)},
        {f"k{i}": {f"m{j}": throughput[i, j] for j in range(4)} for i in range(4)},
        {f"m{j}": prices[j] for j in range(4)},
        splitting="continuous",
    )
    assert fluid * (1 - 1e-9) <= fleet.cost <= fluid + prices.sum()


@pytest.mark.parametrize("count", [1, 3, 10, 1000])
def test_exactly_full_units_need_no_extra_unit(count):
    fleet = size_fleet({"c": 0.1 * count}, {"c": {"a": 0.1}}, {"a": 1.0}, splitting="continuous")
    assert fleet.counts["a"] == count
