"""Load paid by the request: no units, a continuous share, and a stand-by when units are lost."""

import itertools

import numpy as np
import pytest
from scipy.optimize import linprog

from planner.optimize import Limits, LossDomain, ShareCap, solve
from planner.optimize.check import Proposal, violations
from planner.optimize.search import as_proposal

INF = np.inf


def with_hosted(p, usd):
    """The problem with one more option per entry of `usd`, its price per hour for all of each class."""
    k, o, h = len(p.classes), len(p.options), len(usd)
    paid = np.zeros((k, o + h))
    paid[:, o:] = np.asarray(usd)[None, :]
    return p.changed(
        options=(*p.options, *(f"hosted{i}" for i in range(h))),
        option_group=np.concatenate([p.option_group, np.zeros(h, int)]),
        option_pool=np.concatenate([p.option_pool, len(p.pool_limit) + np.arange(h)]),
        capacity_per_s=np.hstack([p.capacity_per_s, np.ones((k, h))]),
        usd_per_hour=np.concatenate([p.usd_per_hour, np.zeros(h)]),
        is_spot=np.concatenate([p.is_spot, np.zeros(h, bool)]),
        pool_limit=np.concatenate([p.pool_limit, np.full(h, INF)]),
        share_usd_per_hour=paid,
        hosted=np.concatenate([np.zeros(o, bool), np.ones(h, bool)]),
    )


def test_the_api_takes_what_whole_units_would_leave_idle(one_class):
    p = with_hosted(one_class(2.1, (1, 1.0, INF, False)), [4.2])
    decision = solve(p)
    assert decision.units.tolist() == [2, 0]
    assert decision.shares[0, 1] == pytest.approx(0.1 / 2.1)
    assert decision.usd_per_hour == pytest.approx(2.0 + 4.2 * 0.1 / 2.1)


def test_dear_units_leave_everything_to_the_api(one_class):
    decision = solve(with_hosted(one_class(0.2, (1, 1.0, INF, False)), [0.3]))
    assert decision.units.tolist() == [0, 0]
    assert decision.usd_per_hour == pytest.approx(0.3)
    assert decision.status == "optimal"


def test_a_budget_counts_what_is_paid_by_the_request(one_class):
    p = with_hosted(one_class(0.2, (1, 1.0, INF, False)), [0.3])
    tight = solve(p.changed(budget_usd_per_hour=0.29))
    assert tight.status == "infeasible"
    assert tight.binding[0].needed == pytest.approx(0.3)


def test_a_share_cap_limits_the_api_too(one_class):
    cap = ShareCap("acme", np.array([False, True]), 0.5)
    p = with_hosted(one_class(2, (1, 1.0, INF, False)), [0.1]).changed(share_caps=(cap,))
    decision = solve(p)
    assert decision.shares[0].tolist() == pytest.approx([0.5, 0.5])


def test_an_api_stands_by_for_spares_and_for_lost_domains(one_class):
    spot = LossDomain("spot", np.array([True, False]), np.array([True]))
    p = with_hosted(one_class(3, (1, 1.0, INF, True)), [9.0])
    p = p.changed(losses=(spot,), spare_units=np.array([1]))
    assert solve(p).units.tolist() == [3, 0]


def test_the_check_counts_what_the_api_costs(one_class):
    p = with_hosted(one_class(2, (1, 1.0, INF, False)), [4.0]).changed(budget_usd_per_hour=3.9)
    plan = Proposal(np.array([0, 0]), np.array([[0.0, 1.0]]), np.zeros(1))
    assert any(line.startswith("budget: 4 of 3.9") for line in violations(p, plan))


@pytest.mark.parametrize("seed", range(25))
def test_enumeration_with_an_api_agrees(random_problem, exact, seed):
    rng = np.random.default_rng(seed)
    p = random_problem(seed, classes=2, options=3, scarce=0.3)
    slowest = np.where(p.capacity_per_s > 0, p.capacity_per_s, INF).min(axis=1)
    p = p.changed(demand_per_s=np.minimum(p.demand_per_s, 2.3 * np.minimum(slowest, 1e6)))
    p = with_hosted(p, [float(rng.uniform(0.5, 6.0))])
    k, o = np.nonzero(p.eligible)
    most = np.minimum(np.ceil(p.load_units.sum(axis=0)), p.pool_limit[p.option_pool]).astype(int)
    best = INF
    for counts in itertools.product(*map(range, most + 1)):
        in_pool = (np.bincount(p.option_pool, counts, minlength=len(p.pool_limit)) <= p.pool_limit).all()
        load = np.array([(o == column) * p.load_units[k, o] for column in range(4)])
        serve = np.array([k == row for row in range(2)], float)
        rest = linprog(
            p.load_usd_per_hour[k, o], A_ub=load, b_ub=counts, A_eq=serve, b_eq=np.ones(2), bounds=(0, 1)
        )
        if in_pool and rest.status == 0:
            best = min(best, float(p.usd_per_hour @ np.array(counts)) + rest.fun)
    decision = solve(p, stops=exact)
    assert decision.usd_per_hour == pytest.approx(best, rel=1e-6)
    assert decision.bound <= best * (1 + 1e-6)
    assert not violations(p, as_proposal(decision))


@pytest.mark.parametrize("seed", range(15))
def test_cbc_agrees_on_problems_with_an_api(random_problem, exact, seed):
    p = with_hosted(random_problem(seed, classes=3, options=8, limits=Limits(max_spot_share=0.4)), [2.0, 3.0])
    ours, theirs = (solve(p, stops=exact, engine=engine) for engine in ("highs", "pulp"))
    assert ours.usd_per_hour == pytest.approx(theirs.usd_per_hour, rel=1e-6)
