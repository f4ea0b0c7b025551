"""A flip price flips, and 1 % to its safe side does not; checked by solves of the whole problem."""

import numpy as np
import pytest

from planner.analysis.parts import (
    entering_bounds,
    entering_price,
    entering_speed,
    leaving_price,
    leaving_speed,
    parts,
    priced,
    sped,
)
from planner.optimize import solve
from planner.optimize.family import Family

SEEDS = range(7)


def cases(random_problem, exact):
    """(problem, family, parts, option) of every option of random problems with a plan."""
    for seed in SEEDS:
        p = random_problem(seed, classes=2, options=8, groups=1 + seed % 2, scarce=0.3)
        family = Family(stops=exact)
        best = family.decide(p)
        if best is not None:
            among = parts(family, p, best)
            for option in range(8):
                yield p, family, among, best, np.arange(8) == option


def cost(problem, exact):
    found = solve(problem, stops=exact)
    return np.inf if found.status == "infeasible" else found.usd_per_hour


def test_a_leaving_price_turns_the_plan_and_one_percent_below_does_not(random_problem, exact):
    seen = 0
    for p, family, among, best, option in cases(random_problem, exact):
        if not best.units[option].any():
            continue
        factor, without = leaving_price(family, among, option), cost(p.without(option), exact)
        if factor is None:
            assert without == np.inf
            continue
        seen += 1
        assert cost(priced(p, option, 1.01 * factor), exact) == pytest.approx(without)
        assert factor >= 1
        if factor > 1.01:
            below = solve(priced(p, option, 0.99 * factor), stops=exact)
            assert below.usd_per_hour < without and below.units[option].any()
    assert seen >= 10


def test_an_entering_price_turns_the_plan_and_one_percent_above_does_not(random_problem, exact):
    seen = 0
    for p, family, among, best, option in cases(random_problem, exact):
        if best.units[option].any() or not p.eligible[:, option].any():
            continue
        factor = entering_price(family, among, option)
        if factor is None:
            continue
        seen += 1
        below = solve(priced(p, option, 0.99 * factor), stops=exact)
        assert below.usd_per_hour < best.usd_per_hour and below.units[option].any()
        if factor < 0.99:
            assert cost(priced(p, option, 1.01 * factor), exact) == pytest.approx(best.usd_per_hour)
    assert seen >= 10


def test_no_option_enters_above_its_bound(random_problem, exact):
    for _, family, among, best, option in cases(random_problem, exact):
        if not best.units[option].any():
            bound = max(float(entering_bounds(part)[option[part.columns]].max(initial=0.0)) for part in among)
            assert (entering_price(family, among, option) or 0.0) <= bound * (1 + 1e-6) + 1e-9


def test_throughput_turns_the_plan_where_it_is_said_to(random_problem, exact):
    seen = 0
    for p, family, among, best, option in cases(random_problem, exact):
        if best.units[option].any():
            factor, without = leaving_speed(family, among, option), cost(p.without(option), exact)
            if factor is not None:
                seen += 1
                assert cost(sped(p, option, 0.99 * factor), exact) == pytest.approx(without)
        elif (factor := entering_speed(family, among, option)) is not None:
            seen += 1
            assert cost(sped(p, option, 1.01 * factor), exact) < best.usd_per_hour
            assert cost(sped(p, option, max(0.99 * factor, 1.0)), exact) == pytest.approx(best.usd_per_hour)
    assert seen >= 10
