"""What dominance drops, and what it must keep."""

import numpy as np

from planner.optimize import Limits, Resource
from planner.optimize.prune import undominated

INF = np.inf


def kept(problem):
    return undominated(problem).tolist()


def test_slower_way_to_run_the_same_offer_is_dropped(one_class):
    p = one_class(1, (2, 1.0, 3, False), (3, 1.0, 3, False)).changed(option_pool=np.array([0, 0]))
    assert kept(p) == [False, True]


def test_dearer_and_slower_offer_is_dropped_when_the_better_one_has_no_limit(one_class):
    assert kept(one_class(1, (3, 1.0, INF, False), (2, 1.5, INF, False))) == [True, False]


def test_limited_offer_dominates_nothing_outside_its_pool(one_class):
    assert kept(one_class(1, (3, 1.0, 2, False), (2, 1.5, INF, False))) == [True, True]


def test_equal_offers_keep_the_first(one_class):
    assert kept(one_class(1, (3, 1.0, INF, False), (3, 1.0, INF, False))) == [True, False]


def test_spot_does_not_drop_on_demand_under_a_spot_cap(one_class):
    offers = (3, 1.0, INF, True), (2, 1.5, INF, False)
    assert kept(one_class(1, *offers)) == [True, False]
    assert kept(one_class(1, *offers, limits=Limits(max_spot_share=0.5))) == [True, True]


def test_power_hungry_option_does_not_drop_a_frugal_one(one_class):
    power = Resource("kilowatts", np.array([2.0, 1.0]), 9.0)
    offers = (3, 1.0, INF, False), (2, 1.5, INF, False)
    assert kept(one_class(1, *offers, limits=Limits(resources=(power,)))) == [True, True]


def test_useless_and_unavailable_options_are_dropped(one_class):
    assert kept(one_class(1, (0, 1.0, INF, False), (2, 1.5, 0.5, False), (1, 9.0, INF, False))) == [
        False,
        False,
        True,
    ]


def test_better_for_one_class_only_is_kept(one_class):
    p = one_class(1, (3, 1.0, INF, False), (2, 1.0, INF, False))
    p = p.changed(
        classes=("a", "b"),
        demand_per_s=np.ones(2),
        class_group=np.zeros(2, int),
        capacity_per_s=np.array([[3.0, 2.0], [1.0, 2.0]]),
    )
    assert kept(p) == [True, True]
