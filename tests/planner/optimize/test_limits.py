"""Each limit of the placement problem, on problems small enough to do by hand."""

import numpy as np
import pytest

from planner.errors import InputError, NoAnswer
from planner.optimize import Limits, Resource, ShareCap, solve
from planner.optimize.highs import Stops

INF = np.inf


def test_spot_share_splits_the_load(one_class):
    p = one_class(10, (1, 1.0, INF, True), (1, 3.0, INF, False), limits=Limits(max_spot_share=0.5))
    assert solve(p).units.tolist() == [5, 5]


def test_share_cap_spreads_over_zones(one_class):
    zones = (
        ShareCap("zone a", np.array([True, False]), 0.6),
        ShareCap("zone b", np.array([False, True]), 0.6),
    )
    p = one_class(10, (1, 1.0, INF, False), (1, 3.0, INF, False), limits=Limits(share_caps=zones))
    assert solve(p).units.tolist() == [6, 4]


def test_power_limit_prefers_the_frugal_option(one_class):
    power = Resource("kilowatts", np.array([2.0, 0.5]), 4.0)
    p = one_class(4, (1, 1.0, INF, False), (1, 3.0, INF, False), limits=Limits(resources=(power,)))
    assert solve(p).units.tolist() == [1, 3]


def test_options_of_one_offer_share_its_limit(one_class):
    p = one_class(10, (2, 1.0, INF, False), (1, 0.9, INF, False), (5, 9.0, INF, False))
    p = p.changed(option_pool=np.array([0, 0, 1]), pool_limit=np.array([2.0, INF]))
    units = solve(p).units
    assert units[:2].sum() <= 2
    assert units.tolist() == [0, 0, 2]


def test_a_unit_serves_one_group_only(one_class):
    p = one_class(0.5, (1, 1.0, INF, False), (1, 1.0, INF, False))
    p = p.changed(
        classes=("chat", "code"),
        demand_per_s=np.array([0.5, 0.5]),
        class_group=np.array([0, 1]),
        option_group=np.array([0, 1]),
        capacity_per_s=np.ones((2, 2)),
    )
    assert solve(p).units.tolist() == [1, 1]


def test_groups_that_compete_for_a_scarce_offer_are_solved_together(one_class):
    p = one_class(1, (1, 1.0, INF, False), (1, 3.0, INF, False), (1, 1.0, INF, False), (1, 9.0, INF, False))
    p = p.changed(
        classes=("chat", "code"),
        demand_per_s=np.array([1.0, 1.0]),
        class_group=np.array([0, 1]),
        option_group=np.array([0, 0, 1, 1]),
        option_pool=np.array([0, 1, 0, 1]),
        capacity_per_s=np.ones((2, 4)),
        pool_limit=np.array([1.0, INF]),
    )
    decision = solve(p)
    assert decision.units.tolist() == [0, 1, 1, 0]
    assert decision.status == "optimal"


def test_spare_unit_is_as_large_as_the_largest(one_class):
    p = one_class(10, (10, 5.0, INF, False), (4, 2.5, INF, False), limits=Limits(spare_units=np.array([1])))
    decision = solve(p)
    assert decision.usd_per_hour == 10.0
    assert decision.units.tolist() in ([2, 0], [0, 4])


def test_spares_of_a_mix_no_single_option_serves_are_kept_per_option(one_class):
    p = one_class(1, (1, 1.0, INF, False), (1, 1.0, INF, False), limits=Limits(spare_units=np.array([1])))
    p = p.changed(
        classes=("short", "long"),
        demand_per_s=np.array([1.0, 1.0]),
        class_group=np.array([0, 0]),
        capacity_per_s=np.eye(2),
    )
    assert solve(p).units.tolist() == [2, 2]


def test_unserved_load_is_dropped_only_when_the_budget_forces_it(one_class):
    p = one_class(10, (1, 1.0, INF, False), unserved_allowed=True)
    assert solve(p).unserved.tolist() == [0.0]
    tight = solve(p.changed(budget_usd_per_hour=4.0))
    assert tight.units.tolist() == [4]
    assert tight.unserved[0] == pytest.approx(0.6)


def test_units_bought_for_the_horizon_serve_every_period(one_class):
    """Night needs 2, day (a third of the hours) needs 6: commit 2 at 0.6, rent the rest by day at 1.0."""
    p = one_class(1, (1, 0.6, INF, False), (1, 1.0 / 3, INF, False), (1, 2.0 / 3, INF, False))
    p = p.changed(
        classes=("day", "night"),
        demand_per_s=np.array([6.0, 2.0]),
        class_group=np.array([0, 0]),
        class_period=np.array([0, 1]),
        option_period=np.array([-1, 0, 1]),
        capacity_per_s=np.ones((2, 3)),
    )
    decision = solve(p)
    assert decision.units.tolist() == [2, 4, 0]
    assert decision.usd_per_hour == pytest.approx(2 * 0.6 + 4 / 3)
    with_spare = solve(p.changed(spare_units=np.array([1])))
    assert with_spare.units[[0, 1]].sum() == 7
    assert with_spare.units[[0, 2]].sum() == 3


def test_no_time_still_gives_the_best_single_option_as_limit(random_problem):
    decision = solve(random_problem(3, classes=6, options=30, scarce=0.0), stops=Stops(seconds=0.0))
    assert decision.status == "limit"
    assert decision.units.any()


def test_no_time_and_no_known_plan_is_no_answer(one_class):
    # Needs 2 of the first and 1 of the second, which neither one option nor the greedy fill finds.
    power = Resource("kilowatts", np.array([1.0, 1.0, 9.0]), 3.0)
    options = (1.5, 1.0, 2, False), (2, 2.0, 1, False), (9, 0.1, 1, False)
    p = one_class(5, *options, limits=Limits(resources=(power,)))
    assert solve(p).units.tolist() == [2, 1, 0]
    with pytest.raises(NoAnswer, match="allow more time"):
        solve(p, time_limit_s=0.0)


def test_unknown_engine_is_named(one_class):
    with pytest.raises(InputError, match="did you mean highs"):
        solve(one_class(1, (1, 1.0, INF, False)), engine="hihgs")
    with pytest.raises(InputError, match=r"PuLP has no solver 'COIN'.*did you mean COIN_CMD"):
        solve(one_class(1, (1, 1.0, INF, False), (2, 1.5, INF, False)), engine="pulp:COIN")


def test_shapes_and_numbers_are_checked(one_class):
    p = one_class(1, (1, 1.0, INF, False))
    for change, message in (
        ({"demand_per_s": np.array([np.nan])}, "demand_per_s"),
        ({"usd_per_hour": np.array([1.0, 2.0])}, "usd_per_hour: shape"),
        ({"pool_limit": np.array([-1.0])}, "pool_limit"),
        ({"option_pool": np.array([3])}, "option_pool"),
    ):
        with pytest.raises(InputError, match=message):
            p.changed(**change)
