"""Facts that hold for every problem, checked on problems solved to gap 0."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.optimize import Limits, Resource, ShareCap, highs, solve
from planner.optimize.check import violations
from planner.optimize.model import build
from planner.optimize.prune import undominated
from planner.optimize.search import Search, as_proposal

seeds = st.integers(0, 10**6)
quick = settings(max_examples=25, deadline=None, derandomize=True)


def cost(problem, stops):
    decision = solve(problem, stops=stops)
    if decision.status == "infeasible":
        return np.inf
    assert decision.status == "optimal"
    assert not violations(problem, as_proposal(decision))
    assert decision.bound <= decision.usd_per_hour * (1 + 1e-9)
    return decision.usd_per_hour


def at_most(small, large):
    return small <= large * (1 + 1e-6) + 1e-9


@quick
@given(seed=seeds)
def test_adding_an_option_never_raises_the_cost(random_problem, exact, seed):
    p = random_problem(seed, options=7)
    fewer = p.without(np.arange(7) == seed % 7)
    assert at_most(cost(p, exact), cost(fewer, exact))


@quick
@given(seed=seeds, factor=st.sampled_from([0.01, 2.0, 1000.0]))
def test_scaling_every_price_scales_the_cost(random_problem, exact, seed, factor):
    p = random_problem(seed)
    scaled = p.changed(usd_per_hour=p.usd_per_hour * factor)
    assert cost(scaled, exact) == pytest.approx(cost(p, exact) * factor, rel=1e-6)


@quick
@given(seed=seeds)
def test_dearer_option_never_lowers_the_cost(random_problem, exact, seed):
    p = random_problem(seed)
    dearer = p.usd_per_hour * np.where(p.option_pool == seed % 4, 1.3, 1.0)
    assert at_most(cost(p, exact), cost(p.changed(usd_per_hour=dearer), exact))


TIGHTER = {
    "spot": lambda p: p.changed(max_spot_share=0.3),
    "spare": lambda p: p.changed(spare_units=np.array([1])),
    "pools": lambda p: p.changed(pool_limit=np.minimum(np.floor(p.pool_limit / 2), 3)),
    "zone": lambda p: p.changed(share_caps=(ShareCap("zone eu", np.arange(8) < 5, 0.5),)),
    "demand": lambda p: p.changed(demand_per_s=p.demand_per_s * 1.2),
    "pieces": lambda p: p.changed(splitting=2),
}


@pytest.mark.parametrize("tighter", TIGHTER.values(), ids=TIGHTER)
@settings(max_examples=15, deadline=None, derandomize=True)
@given(seed=seeds)
def test_tightening_never_lowers_the_cost(random_problem, exact, tighter, seed):
    p = random_problem(seed, scarce=0.3)
    assert at_most(cost(p, exact), cost(tighter(p), exact))


LIMITS = [
    Limits(),
    Limits(max_spot_share=0.4),
    Limits(spare_units=np.array([1, 2, 0])),
    Limits(max_spot_share=0.4, spare_units=np.array([1, 1, 1])),
]


@quick
@given(seed=seeds, groups=st.integers(1, 3), limits=st.sampled_from(LIMITS))
def test_pruning_never_changes_the_optimum(random_problem, exact, seed, groups, limits):
    p = random_problem(seed, classes=groups + 1, options=12, groups=groups, limits=limits, scarce=0.3)
    keep = undominated(p)
    # Making every option unlike the others by a resource none may exceed switches pruning off.
    off = p.changed(resources=fingerprints(len(p.options)))
    assert keep.sum() <= undominated(off).sum()
    assert cost(p, exact) == pytest.approx(cost(off, exact), rel=1e-6)


def fingerprints(count):
    return tuple(Resource(f"r{o}", (np.arange(count) == o).astype(float), 1e6) for o in range(count))


@quick
@given(seed=seeds)
def test_same_problem_gives_the_same_bytes(random_problem, seed):
    p = random_problem(seed, classes=4, options=12)
    first, second = solve(p), solve(p)
    assert first.units.tobytes() == second.units.tobytes()
    assert first.shares.tobytes() == second.shares.tobytes()
    assert (first.bound, first.nodes) == (second.bound, second.nodes)


@quick
@given(seed=seeds)
def test_groups_apart_cost_what_groups_together_cost(random_problem, exact, seed):
    p = random_problem(seed, classes=4, options=12, groups=2)
    search = Search(highs.run, exact)
    apart, joint = search.decide(p), search.decide_jointly(p, None)
    assert (apart is None) == (joint is None)
    if apart is not None:
        assert apart.usd_per_hour == pytest.approx(joint.usd_per_hour, rel=1e-6)


@quick
@given(seed=seeds, groups=st.integers(1, 2), spare=st.integers(0, 1))
def test_cutting_off_what_a_known_plan_beats_never_changes_the_optimum(
    random_problem, exact, seed, groups, spare
):
    """Two periods, options of either or of both: joint solve with the cuts against the bare model."""
    p = random_problem(
        seed, classes=4, options=12, groups=groups, limits=Limits(spare_units=np.full(2, spare))
    )
    rng = np.random.default_rng(seed)
    p = p.changed(class_period=np.array([0, 0, 1, 1]), option_period=rng.integers(-1, 2, 12))
    joint = Search(highs.run, exact).decide_jointly(p, None)
    bare = highs.run(build(p).arrays, exact)
    assert (joint is None) == (bare.ended == "infeasible")
    if joint is not None:
        assert joint.usd_per_hour == pytest.approx(bare.bound, rel=1e-6, abs=1e-6)
        assert not violations(p, as_proposal(joint))
