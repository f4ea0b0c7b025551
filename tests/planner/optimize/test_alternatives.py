"""Plans known without a solver, and re-solves with something forbidden."""

import numpy as np
import pytest

from planner.optimize import Limits, best_per_key, best_single, solve, solve_without
from planner.optimize.check import Proposal, violations
from planner.optimize.single import alone, greedy, plan_of, whole_units

INF = np.inf


def test_each_key_gets_its_cheapest_plan_cheapest_first(one_class):
    p = one_class(10, (3, 2.0, INF, False), (4, 2.0, INF, False), (10, 9.0, INF, False), (1, 0.1, 5, False))
    plans = best_per_key(p, np.array([7, 7, 8, 9]))
    assert [(plan.key, plan.options, plan.units, plan.usd_per_hour) for plan in plans] == [
        (7, (1,), (3,), 6.0),
        (8, (2,), (1,), 9.0),
    ]


def test_every_option_alone_is_what_solving_with_it_alone_gives(random_problem, exact):
    p = random_problem(5, classes=3, options=10, limits=Limits(spare_units=np.array([1])), scarce=0.3)
    costs = alone(p).usd_per_hour
    for o in range(10):
        only = solve(p.without(np.arange(10) != o), stops=exact)
        expected = np.inf if only.status == "infeasible" else only.usd_per_hour
        assert costs[o] == pytest.approx(expected)


def test_single_plans_and_greedy_fills_stand_up_to_the_check(random_problem):
    for seed in range(30):
        p = random_problem(seed, groups=2, limits=Limits(max_spot_share=0.6))
        nobody = np.zeros(3)
        single, filled = best_single(p), greedy(p)
        if single is not None:
            assert not violations(p, Proposal(*plan_of(p, single), nobody))
        if filled is not None:
            assert not violations(p, Proposal(*filled, nobody))


def test_two_groups_add_up(random_problem):
    p = random_problem(2, classes=2, options=12, groups=2, scarce=0.0)
    both = best_single(p)
    parts = [
        best_single(p.changed(demand_per_s=np.where(p.class_group == g, p.demand_per_s, 0))) for g in (0, 1)
    ]
    assert both.usd_per_hour == pytest.approx(sum(part.usd_per_hour for part in parts))


def test_forbidding_what_is_unused_returns_the_same_plan(random_problem):
    p = random_problem(1)
    best = solve(p)
    assert solve_without(p, best.units == 0, known=best) is best


def test_forbidding_what_is_used_costs_at_least_as_much(random_problem):
    p = random_problem(1, scarce=0.0)
    best = solve(p)
    other = solve_without(p, best.units > 0, known=best)
    assert other.usd_per_hour >= best.usd_per_hour
    assert not other.units[best.units > 0].any()


def test_known_plan_is_used_where_it_stands(random_problem):
    from planner.optimize.highs import Stops

    p = random_problem(4, classes=5, options=20, scarce=0.0)
    best = solve(p)
    again = solve(p, known=best, stops=Stops(seconds=0.0))
    assert again.usd_per_hour == best.usd_per_hour


def test_load_within_a_millionth_of_whole_units_is_forgiven():
    assert whole_units(np.array([2.0000009, 2.000002, 0.0, 1e-30])).tolist() == [2, 3, 0, 1]
