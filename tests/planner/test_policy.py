"""Policy rules judge a finished plan and say what they saw."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from planner.plan import Plan, load_plan
from planner.policy import RULES, judge
from planner.scenario import Policy

SAMPLE = Path(__file__).parents[1] / "data" / "plan_sample.json"


@pytest.fixture
def plan() -> Plan:
    return load_plan(SAMPLE)


def test_every_limit_of_the_policy_table_has_a_rule() -> None:
    assert set(RULES) == set(Policy.model_fields) - {"unknown_price_age"}


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
