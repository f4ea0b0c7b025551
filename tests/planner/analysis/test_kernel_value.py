"""Option values are never negative, and the quick way to them is the slow one's answer."""

import numpy as np
import pytest

from planner.analysis.stacks import restacked, rule_of, scopes
from planner.errors import InputError
from planner.estimate.admissible import Admissible
from planner.kernels.registry import load_variants
from planner.optimize import solve
from planner.options.configurations import Configurations
from planner.options.table import ways_of
from planner.pricing.money import HOURS_PER_MONTH


@pytest.fixture(scope="module")
def value(session):
    return session.kernel_value()


def test_an_option_value_is_never_negative_nor_above_the_cost_without_the_variant(session, value):
    options = [w for w in value.worth if w.kind == "option"]
    assert options
    for w in options:
        assert 0 <= w.usd_per_month.low <= w.usd_per_month.value <= w.usd_per_month.high
        rule = Admissible(without=frozenset({w.subject}))
        without = restacked(session.case, scopes(session.case)[0], rule).usd_per_month
        assert w.usd_per_month.value == pytest.approx(without - value.usd_per_month, abs=0.01)
        assert w.usd_per_month.value <= without


def test_every_kernel_the_plan_runs_has_an_option_value(session, value):
    run = {v for p in session.bare_plan.placements for v in p.variants.values() if v in load_variants()}
    named = {w.subject for w in value.worth if w.kind == "option"}
    assert run and run <= named


def test_timing_only_what_the_plan_uses_gives_the_cost_of_timing_everything(session, value):
    case = session.case
    (scope,) = scopes(case)
    for w in (w for w in value.worth if w.kind == "option"):
        rule = Admissible(rule_of(case).rule, without=frozenset({w.subject}))
        base = case.decided.configurations
        stack = Configurations(base.profiles, base.rule, base.engines, base.calibration, admissible=rule)
        most = {
            o.gpu: int(o.gpu_count) for o in sorted(case.decided.considered.offers, key=lambda o: o.gpu_count)
        }
        asked, quantile = case.decided.ways[0].workload, case.scenario.constraints.quantile
        slow = case.posed([ways_of(asked, stack, tuple(sorted(most)), most, quantile=quantile)])
        quick = restacked(case, scope, rule)
        assert quick.usd_per_month >= case.usd_per_month * (1 - 1e-9)
        if slow.usd_per_month >= case.usd_per_month:  # else the planner's own choice was the slower one
            assert quick.usd_per_month == pytest.approx(slow.usd_per_month, rel=0.02)


def test_an_engine_value_is_the_difference_of_two_questions(session, value):
    for w in (w for w in value.worth if w.kind == "engine" and w.usd_per_month is not None):
        costs = [
            session.change(limit={"constraints.engines": [e]}).case.usd_per_month
            for e in (w.against, w.subject)
        ]
        assert w.usd_per_month.value == pytest.approx(costs[0] - costs[1], abs=0.01)


def test_a_kernel_that_gets_faster_never_costs_and_a_wide_interval_stays_wide(session):
    used = next(w.subject for w in session.kernel_value().worth if w.kind == "option")
    (worth,) = session.kernel_value({used: (1.5, 1.2, 2.0)}).worth
    assert worth.kind == "speedup"
    assert 0 <= worth.usd_per_month.low <= worth.usd_per_month.value <= worth.usd_per_month.high
    (none,) = session.kernel_value({used: (1.0, 1.0, 1.0)}).worth
    assert none.usd_per_month.value == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize(
    ("variant", "ratio"),
    [("cubals", (1.2, 1.1, 1.3)), ("cublas", (1.2, 1.3, 1.4)), ("cublas", (0.0, 0.0, 1.0))],
)
def test_a_speedup_of_an_unknown_kernel_or_a_ratio_that_is_none_is_refused(session, variant, ratio):
    with pytest.raises(InputError, match=variant):
        session.kernel_value({variant: ratio})


def test_a_forced_variant_runs_every_op_it_can(session):
    case = session.case
    (scope,) = scopes(case)
    forced = Admissible(rule_of(case).rule, forced=frozenset({"flashinfer_attention"}))
    posed = restacked(case, scope, forced, engine="vllm")
    if posed.decision is not None:
        assert solve(posed.problem, gap=1e-6).usd_per_hour * HOURS_PER_MONTH == pytest.approx(
            posed.usd_per_month
        )
        for option in posed.used():
            ran = {
                p.variant for p in option.configuration.evaluation.step.parts if p.op.startswith("attention")
            }
            assert ran == {"flashinfer_attention"}
    assert np.isfinite(case.usd_per_month)
