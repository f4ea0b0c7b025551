"""Our answers against CBC through the same arrays, and against plain enumeration on tiny problems."""

import itertools

import numpy as np
import pytest
from scipy.optimize import linprog

from planner.optimize import Limits, solve
from planner.optimize.check import violations
from planner.optimize.search import as_proposal

LIMITS = {
    "free": Limits(),
    "spot": Limits(max_spot_share=0.4),
    "spare": Limits(spare_units=np.array([1, 1])),
    "both": Limits(max_spot_share=0.3, spare_units=np.array([2, 0])),
}


@pytest.mark.parametrize("seed", range(50))
@pytest.mark.parametrize("kind", LIMITS)
def test_cbc_agrees_on_random_problems(random_problem, exact, kind, seed):
    p = random_problem(
        seed, classes=2 + seed % 3, options=6 + seed % 7, groups=1 + seed % 2, limits=LIMITS[kind]
    )
    ours, theirs = (solve(p, stops=exact, engine=engine) for engine in ("highs", "pulp"))
    assert (ours.status == "infeasible") == (theirs.status == "infeasible")
    if ours.status != "infeasible":
        assert ours.usd_per_hour == pytest.approx(theirs.usd_per_hour, rel=1e-6)
        assert ours.status == theirs.status == "optimal"
        assert not violations(p, as_proposal(ours))
        assert not ours.notes


def cheapest_by_enumeration(p, serves, *, beyond=0):
    """Cost of the cheapest counts that serve; each up to what carries the load alone, plus `beyond`."""
    alone = np.ceil(p.load_units.sum(axis=0)) + beyond
    most = np.minimum(alone, p.pool_limit[p.option_pool]).astype(int)
    for usd, counts in sorted(
        (float(p.usd_per_hour @ n), n) for n in itertools.product(*map(range, most + 1))
    ):
        in_pool = (np.bincount(p.option_pool, counts, minlength=len(p.pool_limit)) <= p.pool_limit).all()
        if in_pool and serves(np.asarray(counts)):
            return usd
    return np.inf


def cost(decision):
    return np.inf if decision.status == "infeasible" else decision.usd_per_hour


@pytest.mark.parametrize("seed", range(25))
def test_enumeration_with_free_splitting_agrees(random_problem, exact, seed):
    p = random_problem(seed, classes=2, options=3, scarce=0.3)
    slowest = np.where(p.capacity_per_s > 0, p.capacity_per_s, np.inf).min(axis=1)
    p = p.changed(demand_per_s=np.minimum(p.demand_per_s, 3.3 * np.minimum(slowest, 1e6)))
    k, o = np.nonzero(p.eligible)
    serve = np.array([k == row for row in range(2)], float)
    load = np.array([(o == column) * p.load_units[k, o] for column in range(3)])

    def serves(counts):
        if not p.eligible.any(axis=1).all():
            return False
        return linprog(np.zeros(len(k)), A_ub=load, b_ub=counts, A_eq=serve, b_eq=np.ones(2)).status == 0

    assert cost(solve(p, stops=exact)) == pytest.approx(cheapest_by_enumeration(p, serves), rel=1e-7)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("pieces", [1, 3])
def test_enumeration_of_pieces_agrees(random_problem, exact, pieces, seed):
    p = random_problem(seed, classes=2, options=3, scarce=0.0, splitting=pieces)
    ways = [w for w in itertools.product(range(pieces + 1), repeat=3) if sum(w) == pieces]
    best = np.inf
    for shares in itertools.product(ways, repeat=2):
        x = np.array(shares) / pieces
        if not (x[~p.eligible] > 0).any():
            best = min(best, float(p.usd_per_hour @ np.ceil((x * p.load_units).sum(axis=0) - 1e-9)))
    assert cost(solve(p, stops=exact)) == pytest.approx(best, rel=1e-9)


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("spare", [1, 2])
def test_enumeration_of_spares_agrees(random_problem, exact, spare, seed):
    limits = Limits(spare_units=np.array([spare]))
    p = random_problem(seed, classes=1, options=3, scarce=0.3, limits=limits)
    p = p.changed(demand_per_s=np.minimum(p.demand_per_s, 4 * p.capacity_per_s.max()))

    def survives(counts):
        units = np.sort(np.repeat(p.capacity_per_s[0], counts))
        return units[: max(len(units) - spare, 0)].sum() >= p.demand_per_s[0] * (1 - 1e-9)

    best = cheapest_by_enumeration(p, survives, beyond=spare)
    assert cost(solve(p, stops=exact)) == pytest.approx(best, rel=1e-9)
