"""Re-solves by parts are the exact optimum of the whole, whatever was solved before."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.optimize import Limits, solve
from planner.optimize.check import Proposal, violations
from planner.optimize.cover import cover
from planner.optimize.family import Family, parts_of
from planner.optimize.problem import Resource

SIZES = st.lists(
    st.tuples(st.floats(0.1, 1.5), st.integers(1, 40), st.sampled_from([1, 2, np.inf])),
    min_size=1,
    max_size=4,
)


def brute(size, usd, most, need, rest_usd):
    best = np.inf
    for counts in itertools.product(
        *(range(int(min(m, np.ceil(need / s))) + 1) for s, m in zip(size, most, strict=True))
    ):
        left = need - np.dot(counts, size)
        if left <= 1e-6 * need:
            best = min(best, np.dot(counts, usd))
        elif np.isfinite(rest_usd):
            best = min(best, np.dot(counts, usd) + left * rest_usd)
    return best


@given(SIZES, st.sampled_from([1.0, 1.7]), st.sampled_from([np.inf, 30.0, 12.5]))
def test_a_cover_costs_what_trying_everything_costs(options, need, rest_usd):
    size, usd, most = (np.array(column, float) for column in zip(*options, strict=True))
    counts, best = (
        cover(size, usd, most, need=need, rest_usd=rest_usd),
        brute(size, usd, most, need, rest_usd),
    )
    if counts is None:
        assert best == np.inf
        return
    left = max(need * (1 - 1e-6) - counts @ size, 0.0)
    paid = counts @ usd + (left * rest_usd if left > 0 else 0.0)
    assert paid == pytest.approx(best, rel=1e-5)


LIMITS = {
    "none": {},
    "spares": {"spare_units": np.array([1, 0])},
    "spot share": {"max_spot_share": 0.4},
    "a shared resource": {"resources": (Resource("kilowatts", np.ones(12), 9.0),)},
}


@pytest.mark.parametrize("limits", LIMITS.values(), ids=LIMITS)
@pytest.mark.parametrize("periods", [False, True], ids=["one period", "two periods"])
def test_parts_together_cost_what_the_whole_problem_costs(random_problem, exact, limits, periods):
    family, feasible = Family(stops=exact), 0
    for seed in range(12):
        fields = (
            {"class_period": np.array([0, 0, 1, 1]), "option_period": np.arange(12) % 3 - 1}
            if periods
            else {}
        )
        p = random_problem(
            seed, classes=4, options=12, groups=2, limits=Limits(**limits), scarce=0.3, **fields
        )
        found, whole = family.decide(p), solve(p, stops=exact)
        if whole.status == "infeasible":
            assert found is None
            continue
        feasible += 1
        assert found.usd_per_hour == pytest.approx(whole.usd_per_hour, rel=1e-5)
        assert not violations(p, Proposal(found.units, found.shares, found.unserved))
    assert feasible >= 4


def test_what_was_asked_before_does_not_change_an_answer(random_problem, exact):
    problems = [random_problem(seed, classes=2, options=10, groups=2) for seed in range(10)]
    warm = Family(stops=exact)
    for p in (*problems, *reversed(problems)):
        cold, again = Family(stops=exact).decide(p), warm.decide(p)
        assert (cold is None) == (again is None)
        assert cold is None or cold.usd_per_hour == again.usd_per_hour
    assert warm.parts_solved <= 20


def test_a_changed_price_is_solved_again_only_in_the_part_of_its_offer(random_problem, exact):
    p = random_problem(3, classes=2, options=16, groups=2, scarce=0.0)
    family = Family(stops=exact)
    family.decide(p)
    before = family.parts_solved
    for option in range(16):
        changed = np.where(np.arange(16) == option, 1.5 * p.usd_per_hour, p.usd_per_hour)
        seen = family.parts_solved
        family.decide(p.changed(usd_per_hour=changed))
        assert family.parts_solved <= seen + 1
    assert before == len(list(parts_of(p))) == 2


def test_a_budget_is_not_looked_at(random_problem, exact):
    p = random_problem(3, scarce=0.0)
    free = Family(stops=exact).decide(p)
    tight = p.changed(budget_usd_per_hour=free.usd_per_hour / 2)
    assert Family(stops=exact).decide(tight).usd_per_hour == free.usd_per_hour
