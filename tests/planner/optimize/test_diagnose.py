"""An infeasible problem says which limits stand in the way and the least each must become."""

import numpy as np
import pytest

from planner.optimize import Limits, Resource, ShareCap, solve

INF = np.inf


def why(problem):
    decision = solve(problem)
    assert decision.status == "infeasible"
    assert not decision.units.any()
    return {r.limit: r for r in decision.binding}


def test_budget(one_class):
    found = why(one_class(10, (1, 1.5, INF, False), limits=Limits(budget_usd_per_hour=9)))
    assert found["budget_usd_per_hour"].needed == pytest.approx(15)
    assert found["budget_usd_per_hour"].current == 9


def test_availability_and_spot_share_are_each_a_way_out(one_class):
    p = one_class(10, (1, 1.0, INF, True), (1, 3.0, 4, False), limits=Limits(max_spot_share=0.5))
    found = why(p)
    assert set(found) == {"availability", "max_spot_share"}
    assert found["availability"].needed == 5
    assert found["availability"].usd_per_hour == pytest.approx(5 + 15)
    assert "1 more of option1" in found["availability"].text
    assert found["max_spot_share"].needed == pytest.approx(0.6)
    assert found["max_spot_share"].usd_per_hour == pytest.approx(6 + 12)


def test_budget_is_no_way_out_when_units_are_missing(one_class):
    found = why(one_class(10, (1, 1.0, 4, False), limits=Limits(budget_usd_per_hour=20)))
    assert set(found) == {"availability"}


def test_two_limits_at_once_are_reported_together(one_class):
    found = why(one_class(10, (1, 1.0, 4, False), limits=Limits(budget_usd_per_hour=5)))
    assert set(found) == {"limits together"}
    assert "availability" in found["limits together"].text
    assert "budget" in found["limits together"].text


def test_spare_units(one_class):
    found = why(one_class(10, (5, 1.0, 3, False), limits=Limits(spare_units=np.array([2]))))
    assert found["spare_units"].needed == 1
    assert found["availability"].needed == 4


def test_resource(one_class):
    power = Resource("kilowatts", np.array([2.0]), 5.0)
    found = why(one_class(3, (1, 1.0, INF, False), limits=Limits(resources=(power,))))
    assert found["kilowatts"].needed == pytest.approx(6.0)


def test_zone_cap(one_class):
    cap = ShareCap("zone eu", np.array([True]), 0.7)
    found = why(one_class(3, (1, 1.0, INF, False), limits=Limits(share_caps=(cap,))))
    assert found["zone eu"].needed == pytest.approx(1.0)


def test_class_without_any_option_has_no_relaxation_but_options(one_class):
    found = why(one_class(3, (0, 1.0, INF, False), limits=Limits(budget_usd_per_hour=1)))
    assert list(found) == ["options[chat]"]


def test_offer_out_of_stock_is_a_matter_of_availability(one_class):
    assert set(why(one_class(3, (1, 1.0, 0, False)))) == {"availability"}


def test_limits_that_bind_together_are_a_smallest_set(one_class):
    """Units and budget are both too small; the power limit, generous, is not named."""
    power = Resource("kilowatts", np.array([1.0]), 1000.0)
    p = one_class(5, (1, 1.0, 3, False), limits=Limits(budget_usd_per_hour=2.0, resources=(power,)))
    (entry,) = solve(p).binding
    assert entry.text.startswith("budget_usd_per_hour and availability at once; ")
    assert "kilowatts" not in entry.text
    assert entry.usd_per_hour == pytest.approx(5.0)
