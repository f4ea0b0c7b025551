"""Held units that change groups, work that may wait, and losses to survive: by hand, by enumeration, by CBC."""

import itertools
from math import ceil

import numpy as np
import pytest

from planner.optimize import Limits, LossDomain, Problem, solve
from planner.optimize.check import Proposal, violations
from planner.optimize.problem import ALL_PERIODS, ANY_PERIOD
from planner.optimize.search import as_proposal

INF = np.inf
HOURS = np.array([0.25, 0.75])
"""Day and night as shares of the horizon."""


def chat_and_batch(day, night, batch, *, chat=1.0, work=1.0, held=1.0, rent=1.6, limit=INF):
    """Chat by day and by night, a batch at any time; one holding with four roles, rent by period for chat.

    `batch`: units kept busy if it ran all the time; it may also rent unit-hours, a hundred to the horizon.
    """
    options = ("chat day", "chat night", "batch day", "batch night", "rent day", "rent night", "batch hours")
    capacity = np.zeros((3, 7))
    capacity[0, [0, 4]] = capacity[1, [1, 5]] = chat
    capacity[2, 2:4] = work * HOURS
    capacity[2, 6] = work / 100
    return Problem(
        classes=("chat day", "chat night", "batch"),
        demand_per_s=np.array([day, night, batch], float),
        class_group=np.array([0, 0, 1]),
        options=options,
        option_group=np.array([0, 0, 1, 1, 0, 0, 1]),
        option_pool=np.array([0, 0, 0, 0, 1, 1, 2]),
        capacity_per_s=capacity,
        usd_per_hour=np.array([0, 0, 0, 0, rent * HOURS[0], rent * HOURS[1], rent / 100]),
        is_spot=np.zeros(7, bool),
        pool_limit=np.array([limit, INF, INF]),
        class_period=np.array([0, 1, ANY_PERIOD]),
        option_period=np.array([0, 1, 0, 1, 0, 1, ALL_PERIODS]),
        option_holding=np.array([0, 0, 0, 0, -1, -1, -1]),
        holding_usd_per_hour=np.array([held]),
        pool_use=np.array([1, 1, 1, 1, 1, 1, 0.01]),
    )


def test_the_batch_fills_the_night_of_the_units_held_for_the_day():
    p = chat_and_batch(day=4, night=1, batch=2.25)
    decision = solve(p)
    assert decision.usd_per_hour == pytest.approx(4.0)  # 4 held units by day; 3 of them for 3/4 of the time
    assert decision.units.tolist() == [4, 1, 0, 3, 0, 0, 0]
    assert decision.status == "optimal"


def test_apart_the_two_would_pay_twice():
    p = chat_and_batch(day=4, night=1, batch=2.25, rent=9.0)
    apart = sum(solve(p.only(group)).usd_per_hour for group in (0, 1))
    assert apart == pytest.approx(7.0)
    assert solve(p).usd_per_hour == pytest.approx(4.0)


def test_the_holding_is_paid_for_its_fullest_period_once():
    p = chat_and_batch(day=2, night=3, batch=0.0, rent=9.0)
    units = np.array([2, 3, 0, 0, 0, 0, 0])
    assert p.held(units).tolist() == [3.0]
    assert p.cost(units, np.zeros((3, 7))) == pytest.approx(3.0)


def test_a_limit_on_the_offer_holds_in_every_period():
    p = chat_and_batch(day=4, night=1, batch=2.25, limit=3)
    decision = solve(p)
    assert p.held(decision.units)[0] <= 3
    assert decision.units[4] == 1


def test_the_check_sees_roles_above_the_limit_and_overload_by_waiting_work():
    p = chat_and_batch(day=1, night=1, batch=0.75, limit=1)
    shares = np.zeros((3, 7))
    shares[0, 0] = shares[1, 1] = shares[2, 3] = 1.0
    lines = violations(p, Proposal(np.array([1, 1, 0, 1, 0, 0, 0]), shares, np.zeros(3)))
    assert any(line.startswith("availability") for line in lines)
    lines = violations(p, Proposal(np.array([1, 1, 0, 0, 0, 0, 0]), shares, np.zeros(3)))
    assert any("capacity_of[batch night]" in line for line in lines)


@pytest.mark.parametrize("seed", range(40))
def test_enumeration_of_roles_agrees(exact, seed):
    rng = np.random.default_rng(seed)
    day, night = np.round(rng.uniform(0.3, 4.2, 2), 2)
    given = {
        "batch": round(float(rng.uniform(0.1, 2.5)), 2), "chat": round(float(rng.uniform(0.8, 1.7)), 2),
        "work": round(float(rng.uniform(0.8, 1.7)), 2), "rent": round(float(rng.uniform(0.9, 3.0)), 2),
    }  # fmt: skip
    limit = float(rng.integers(1, 5)) if seed % 3 == 0 else INF
    p = chat_and_batch(day, night, limit=limit, **given)
    needed = [ceil(rate / given["chat"] - 1e-9) for rate in (day, night)]
    best = INF
    for held in range(int(min(limit, 9)) + 1):
        for roles in itertools.product(range(held + 1), repeat=2):
            rented = [max(n - have, 0) for n, have in zip(needed, roles, strict=True)]
            done = sum((held - a) * given["work"] * h for a, h in zip(roles, HOURS, strict=True))
            hours = ceil(max(given["batch"] - done, 0.0) / given["work"] * 100 - 1e-6)
            best = min(best, held + given["rent"] * (rented @ HOURS + hours / 100))
    decision = solve(p, stops=exact)
    assert decision.usd_per_hour == pytest.approx(best, rel=1e-6)
    assert decision.bound <= best * (1 + 1e-6)
    assert not violations(p, as_proposal(decision))


@pytest.mark.parametrize("seed", range(10))
def test_cbc_agrees_on_shared_hardware(exact, seed):
    rng = np.random.default_rng(100 + seed)
    p = chat_and_batch(*np.round(rng.uniform(0.5, 9, 3), 2), rent=float(np.round(rng.uniform(1.1, 3), 2)))
    ours, theirs = (solve(p, stops=exact, engine=engine) for engine in ("highs", "pulp"))
    assert ours.usd_per_hour == pytest.approx(theirs.usd_per_hour, rel=1e-6)


def domains(p, *masks):
    groups = np.ones(p.group_count, bool)
    return tuple(LossDomain(f"domain {i}", np.array(mask, bool), groups) for i, mask in enumerate(masks))


def test_one_spot_domain_saves_nothing_when_the_rest_must_carry_the_load(one_class):
    p = one_class(4, (1, 0.3, INF, True), (1, 1.0, INF, False))
    decision = solve(p.changed(losses=domains(p, [1, 0])))
    assert decision.units.tolist() == [0, 4]
    assert solve(p).units.tolist() == [4, 0]


def test_several_spot_domains_hold_what_one_of_them_may_lose(one_class):
    p = one_class(4, *[(1, 0.3, INF, True)] * 3, (1, 1.0, INF, False))
    decision = solve(p.changed(losses=domains(p, [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0])))
    assert sorted(decision.units.tolist()) == [0, 2, 2, 2]
    assert decision.usd_per_hour == pytest.approx(1.8)


def test_machines_of_one_domain_are_never_counted_as_independent(one_class):
    p = one_class(4, *[(1, 0.3, INF, True)] * 3, (1, 1.0, INF, False))
    together = solve(p.changed(losses=domains(p, [1, 1, 1, 0])))
    assert together.units.tolist() == [0, 0, 0, 4]


def test_the_check_takes_every_domain_away(one_class):
    p = one_class(2, (1, 0.3, INF, True), (1, 1.0, INF, False))
    p = p.changed(losses=domains(p, [1, 0]))
    plan = Proposal(np.array([1, 1]), np.array([[0.5, 0.5]]), np.zeros(1))
    assert violations(p, plan) == ("losses[domain 0, group 0]: the rest carries 0.5 of the load",)


def test_no_fallback_names_the_loss_as_what_stands_in_the_way(one_class):
    p = one_class(2, (1, 0.3, INF, True))
    decision = solve(p.changed(losses=domains(p, [1])))
    assert [(r.limit, r.usd_per_hour) for r in decision.binding] == [("losses", pytest.approx(0.6))]


@pytest.mark.parametrize("seed", range(30))
def test_enumeration_of_losses_agrees(random_problem, exact, seed):
    p = random_problem(seed, classes=1, options=4, scarce=0.2)
    p = p.changed(demand_per_s=np.minimum(p.demand_per_s, 3 * p.capacity_per_s.max()))
    rng = np.random.default_rng(seed)
    place = rng.integers(0, 3, 4)  # 0 is nobody's domain
    p = p.changed(losses=domains(p, place == 1, place == 2))
    capacity, best = p.capacity_per_s[0], INF
    needed = np.array([ceil(p.demand_per_s[0] / c) if c else 0 for c in capacity])
    most = np.minimum(needed, p.pool_limit[p.option_pool]).astype(int)
    for counts in itertools.product(*map(range, most + 1)):
        n = np.array(counts)
        in_pool = (np.bincount(p.option_pool, n, minlength=len(p.pool_limit)) <= p.pool_limit).all()
        used = [d for d in (1, 2) if (p.eligible[0] & (place == d)).any()]
        left = [(n * capacity)[place != d].sum() for d in (None, *used)]
        if in_pool and min(left) >= p.demand_per_s[0] * (1 - 1e-9):
            best = min(best, float(p.usd_per_hour @ n))
    decision = solve(p, stops=exact)
    cost = INF if decision.status == "infeasible" else decision.usd_per_hour
    assert cost == pytest.approx(best, rel=1e-7)


@pytest.mark.parametrize("seed", range(30))
def test_pruning_keeps_the_optimum_with_domains(random_problem, exact, seed):
    from planner.optimize import highs
    from planner.optimize.search import Search

    p = random_problem(seed, classes=2, options=14, groups=2, limits=Limits(max_spot_share=0.7))
    place = np.where(p.is_spot, np.random.default_rng(seed).integers(1, 4, 14), 0)
    p = p.changed(losses=domains(p, *(place == d for d in (1, 2, 3))))
    ours, whole = solve(p, stops=exact), Search(highs.run, exact).decide(p)
    assert (whole is None) == (ours.status == "infeasible")
    if whole is not None:
        assert ours.usd_per_hour == pytest.approx(whole.usd_per_hour, rel=1e-7)
