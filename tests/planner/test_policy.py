"""Policy rules judge a finished plan and say what they saw."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from planner.errors import ScenarioError
from planner.inputs import loads
from planner.plan import Plan, load_plan
from planner.policy import RULES, aged, checked, judge, quiet
from planner.scenario import Policy, PolicyLimits

SAMPLE = Path(__file__).parents[1] / "data" / "plan_sample.json"


@pytest.fixture
def plan() -> Plan:
    return load_plan(SAMPLE)


def test_every_limit_of_the_policy_table_has_a_rule() -> None:
    assert set(RULES) == set(PolicyLimits.model_fields)
    assert set(Policy.model_fields) - set(RULES) == {"unknown_price_age", "quiet_below_usd_per_month", "warn"}


def test_an_empty_policy_finds_nothing(plan: Plan) -> None:
    assert judge(plan, Policy().model_dump()) == ()


def test_a_plan_above_the_budget_fails_and_says_by_how_much(plan: Plan) -> None:
    assert plan.usd_per_month is not None
    (found,) = judge(plan, {"max_usd_per_month": plan.usd_per_month / 2})
    assert (found.level, found.value, found.limit) == ("failure", plan.usd_per_month, plan.usd_per_month / 2)
    assert judge(plan, {"max_usd_per_month": plan.usd_per_month}) == ()


def test_probability_and_measured_share_fail_only_below_their_limit(plan: Plan) -> None:
    sure = replace(plan, slo_probability=0.9, measured_share=0.5)
    assert judge(sure, {"min_slo_probability": 0.9, "min_measured_share": 0.5}) == ()
    rules = [f.rule for f in judge(sure, {"min_slo_probability": 0.91, "min_measured_share": 0.51})]
    assert rules == ["min_slo_probability", "min_measured_share"]


@pytest.mark.parametrize(("setting", "level"), [("warn", "warning"), ("fail", "failure")])
def test_an_undated_price_warns_or_fails_as_the_policy_says(plan: Plan, setting: str, level: str) -> None:
    first = plan.placements[0]
    undated = replace(
        plan, placements=(replace(first, offer=replace(first.offer, age_days=None), term="on_demand"),)
    )
    (found,) = judge(undated, {"max_price_age_days": 90, "unknown_price_age": setting})
    assert found.level == level


def test_spot_share_counts_load_and_hours(plan: Plan) -> None:
    first = plan.placements[0]
    spot = replace(first, term="spot", load_requests_per_s=1.0, hours_per_month=730.0)
    firm = replace(first, term="on_demand", load_requests_per_s=3.0, hours_per_month=730.0)
    mixed = replace(plan, placements=(spot, firm))
    assert judge(mixed, {"max_spot_share": 0.25}) == ()
    (found,) = judge(mixed, {"max_spot_share": 0.2})
    assert found.value == pytest.approx(0.25)


def test_a_rule_that_holds_is_reported_as_passed_with_what_it_saw(plan: Plan) -> None:
    assert plan.usd_per_month is not None
    (rule,) = checked(plan, {"max_usd_per_month": plan.usd_per_month + 1})
    assert (rule.level, rule.value) == ("pass", plan.usd_per_month)


@pytest.mark.parametrize(("factor", "level"), [(1.04, "pass"), (1.09, "warning"), (1.2, "failure")])
def test_an_increase_passes_warns_or_fails_by_how_large_it_is(plan: Plan, factor: float, level: str) -> None:
    assert plan.usd_per_month is not None
    dearer = replace(plan, usd_per_month=plan.usd_per_month * factor)
    policy = {"max_increase_percent": 10.0, "warn": {"max_increase_percent": 5.0}}
    (rule,) = checked(dearer, policy, baseline=plan)
    assert rule.level == level
    assert rule.value == pytest.approx(100 * (factor - 1))


def test_an_increase_in_dollars_is_judged_too_and_a_cheaper_plan_never_fails(plan: Plan) -> None:
    assert plan.usd_per_month is not None
    dearer = replace(plan, usd_per_month=plan.usd_per_month + 50)
    assert [f.rule for f in judge(dearer, {"max_increase_usd_per_month": 40}, baseline=plan)] == [
        "max_increase_usd_per_month"
    ]
    assert judge(plan, {"max_increase_usd_per_month": 0, "max_increase_percent": 0}, baseline=dearer) == ()


def test_without_a_baseline_an_increase_is_noted_and_passes(plan: Plan) -> None:
    (rule,) = checked(plan, {"max_increase_percent": 0})
    assert (rule.level, rule.value) == ("note", None)


def test_a_change_below_the_quiet_threshold_breaks_no_rule(plan: Plan) -> None:
    assert plan.usd_per_month is not None
    dearer = replace(plan, usd_per_month=plan.usd_per_month + 50)
    policy = {"max_increase_usd_per_month": 0, "quiet_below_usd_per_month": 60}
    assert quiet(dearer, policy, plan)
    assert judge(dearer, policy, baseline=plan) == ()
    assert not quiet(dearer, policy | {"quiet_below_usd_per_month": 40}, plan)


def test_the_seller_with_most_of_the_dollars_is_named(plan: Plan) -> None:
    first = plan.placements[0]
    other = replace(
        first, offer=replace(first.offer, seller="elsewhere"), usd_per_month=3 * first.usd_per_month
    )
    owned = replace(first, term="owned", offer=replace(first.offer, seller="owned"))
    mixed = replace(plan, placements=(first, other, owned))
    (found,) = judge(mixed, {"max_seller_share": 0.5})
    assert found.value == pytest.approx(3 / 5)
    assert "elsewhere" in found.message


def test_the_tightest_placement_is_named_when_headroom_is_short(plan: Plan) -> None:
    first = plan.placements[0]
    tight = replace(first, workload="tight", headroom=0.01)
    mixed = replace(plan, placements=(replace(first, headroom=0.4), tight))
    (found,) = judge(mixed, {"min_headroom": 0.1})
    assert (found.value, "tight" in found.message) == (0.01, True)


def test_a_measure_that_is_not_known_is_a_warning_not_a_pass(plan: Plan) -> None:
    (found,) = judge(replace(plan, slo_probability=None), {"min_slo_probability": 0.5})
    assert (found.level, found.value) == ("warning", None)


def test_a_stored_plan_grows_older_by_the_day(plan: Plan) -> None:
    first = plan.placements[0]
    dated = replace(first, offer=replace(first.offer, as_of="2026-11-01", age_days=0))
    old = aged(replace(plan, placements=(dated,)), date(2026, 11, 22))
    (found,) = judge(old, {"max_price_age_days": 20})
    assert found.value == 21


def test_an_unknown_rule_is_refused_with_the_nearest_name() -> None:
    text = """
[workloads.chat]
model = "llama-3.1-8b"
requests_per_s = 1
input_tokens = 100
output_tokens = 100

[policy]
max_usd_per_mont = 100
"""
    with pytest.raises(ScenarioError, match=r"max_usd_per_mont.*did you mean max_usd_per_month"):
        loads(text)
    with pytest.raises(ScenarioError, match=r"warn.*max_spot_shar.*max_spot_share"):
        loads(text.replace("max_usd_per_mont = 100", "warn = {max_spot_shar = 0.5}"))
