"""The independent check catches every way a plan can be wrong."""

from dataclasses import replace

import numpy as np
import pytest

from planner.optimize import Limits, Resource, ShareCap, solve
from planner.optimize.check import violations
from planner.optimize.search import as_proposal

INF = np.inf


@pytest.fixture(scope="module")
def problem(one_class):
    limits = Limits(
        budget_usd_per_hour=30,
        max_spot_share=0.5,
        spare_units=np.array([1]),
        share_caps=(ShareCap("zone", np.array([False, True, False]), 0.9),),
        resources=(Resource("kilowatts", np.array([1.0, 1.0, 1.0]), 14.0),),
    )
    return one_class(10, (1, 1.0, 6, True), (1, 2.0, INF, False), (0, 1.0, INF, False), limits=limits)


@pytest.fixture(scope="module")
def plan(problem):
    return as_proposal(solve(problem))


def test_a_good_plan_has_no_violation(problem, plan):
    assert violations(problem, plan) == ()


SPOILED = {
    "units": lambda p: replace(p, units=np.array([-1, 12, 0])),
    "shares: negative": lambda p: replace(p, shares=np.array([[-0.1, 1.1, 0.0]])),
    "serve_all_of": lambda p: replace(p, shares=p.shares * 0.9),
    "may not serve": lambda p: replace(p, shares=np.array([[0.4, 0.5, 0.1]])),
    "capacity_of": lambda p: replace(p, units=np.array([1, 5, 0])),
    "availability": lambda p: replace(p, units=np.array([7, 5, 0])),
    "budget": lambda p: replace(p, units=np.array([5, 13, 0])),
    "max_spot_share": lambda p: replace(p, shares=np.array([[0.6, 0.4, 0.0]])),
    "zone": lambda p: replace(p, shares=np.array([[0.05, 0.95, 0.0]])),
    "kilowatts": lambda p: replace(p, units=np.array([6, 10, 0])),
    "spare_units": lambda p: replace(p, units=np.array([5, 5, 0])),
    "unserved": lambda p: replace(p, shares=p.shares * 0.9, unserved=np.array([0.1])),
}


@pytest.mark.parametrize(("name", "spoil"), SPOILED.items(), ids=SPOILED)
def test_each_broken_limit_is_named(problem, plan, name, spoil):
    assert any(name in line for line in violations(problem, spoil(plan)))


def test_pieces_that_are_not_whole_are_named(problem, plan):
    cut = problem.changed(splitting=3)
    assert any("whole pieces" in line for line in violations(cut, plan))


def test_a_wrong_solver_is_noticed_and_not_believed(one_class):
    """A solver that says "optimal" for a plan without units, and one whose bound is above a known plan."""
    from planner.optimize.highs import Answer, Stops
    from planner.optimize.search import Search

    p = one_class(10, (4, 3.0, INF, False), (5, 4.0, INF, False), (9, 7.0, INF, False))
    for answer in (
        lambda arrays, stops: Answer("optimal", np.zeros(len(arrays.cost)), 0.0),
        lambda arrays, stops: Answer("optimal", None, 1e6),
        lambda arrays, stops: Answer("infeasible", None, np.inf),
        lambda arrays, stops: Answer("failed", None, np.nan),
    ):
        decision = Search(answer, Stops()).decide(p)
        assert decision.usd_per_hour == 8.0
        assert (decision.status, decision.bound) == ("limit", 0.0)
        assert "not used" in decision.notes[0]
