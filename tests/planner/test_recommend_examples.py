"""The shipped questions on the shipped data: valid, reproducible, and consistent with themselves."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from functools import cache
from pathlib import Path

import jsonschema
import pytest

from planner.inputs import example_names, load_example
from planner.plan import Plan, load_plan, parse_plan
from planner.pricing.catalog import load_catalog
from planner.profiles.store import load_profiles
from planner.recommend import recommend
from planner.render import render

TODAY = date(2026, 11, 22)
SCHEMA = Path(__file__).parents[2] / "planner" / "schemas" / "plan.schema.json"
EXAMPLES = example_names()


@cache
def _plan(name: str) -> Plan:
    return recommend(load_example(name), load_catalog(), load_profiles(), as_of=TODAY)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_plan_validates_against_the_shipped_schema(name: str) -> None:
    jsonschema.validate(json.loads(_plan(name).to_json()), json.loads(SCHEMA.read_text()))


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_stored_plan_reads_back_to_the_same_bytes(name: str, tmp_path: Path) -> None:
    stored = tmp_path / "plan.json"
    stored.write_text(_plan(name).to_json())
    assert load_plan(stored).to_json() == _plan(name).to_json()


@pytest.mark.parametrize("form", ["table", "markdown"])
@pytest.mark.parametrize("name", EXAMPLES)
def test_a_stored_plan_renders_like_the_fresh_one(name: str, form: str) -> None:
    stored = parse_plan(_plan(name).to_json())
    assert render(stored, form) == render(parse_plan(stored.to_json()), form)


@pytest.mark.parametrize("name", EXAMPLES)
def test_dollars_of_the_placements_add_up(name: str) -> None:
    plan = _plan(name)
    assert plan.usd_per_month == pytest.approx(sum(p.usd_per_month for p in plan.placements))
    for p in plan.placements:
        assert p.usd_per_month == pytest.approx(p.units * p.offer.usd_per_hour * p.hours_per_month)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_peak_of_every_workload_is_carried(name: str) -> None:
    """Placements that run around the clock, or in the busiest hours, carry the peak together."""
    plan, scenario = _plan(name), load_example(name)
    for key, workload in scenario.workloads.items():
        mine = [p for p in plan.placements if p.workload == key]
        capacity = sum(p.load_requests_per_s / (1 - (p.headroom or 0.0)) for p in mine)
        assert capacity >= workload.demand.peak_requests_per_s * (1 - 1e-6)
        if len(workload.demand.periods) == 1:
            load = sum(p.load_requests_per_s for p in mine)
            assert load == pytest.approx(workload.demand.peak_requests_per_s)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_constraints_hold(name: str) -> None:
    plan, limits = _plan(name), load_example(name).constraints
    for p in plan.placements:
        assert limits.zones is None or p.offer.zone in limits.zones
        assert limits.countries is None or p.offer.country in limits.countries
        assert limits.terms is None or p.term in limits.terms
        assert limits.marketplace or "marketplace" not in p.offer.flags
    if limits.budget_usd_per_month is not None:
        assert plan.usd_per_month is not None and plan.usd_per_month <= limits.budget_usd_per_month


@pytest.mark.parametrize("name", EXAMPLES)
def test_owned_gpus_are_never_used_twice(name: str) -> None:
    used: dict[str, float] = {}
    for p in _plan(name).placements:
        if p.term == "owned" and p.hours_per_month > 729:
            used[p.gpu or ""] = used.get(p.gpu or "", 0.0) + p.units * p.offer.gpu_count
    for entry in load_example(name).owned:
        assert used.get("rtx_4090", 0.0) <= entry.count


@pytest.mark.parametrize("name", EXAMPLES)
def test_estimates_meet_the_limits_they_were_planned_for(name: str) -> None:
    scenario = load_example(name)
    for p in _plan(name).placements:
        workload = scenario.workloads[p.workload]
        assert p.estimate and p.estimate.tpot_ms and p.estimate.ttft_ms
        assert p.estimate.statistic == f"p{workload.percentile:g}"
        assert workload.tpot_ms is None or p.estimate.tpot_ms.value <= workload.tpot_ms
        assert workload.ttft_ms is None or p.estimate.ttft_ms.value <= workload.ttft_ms
        assert p.estimate.memory_gib.total <= p.estimate.memory_gib.capacity
        assert p.headroom is not None and 0 <= p.headroom <= 1


@pytest.mark.parametrize("name", EXAMPLES)
def test_alternatives_cost_at_least_the_bound_and_say_why_they_lost(name: str) -> None:
    plan = _plan(name)
    assert plan.alternatives and plan.bound_usd_per_month is not None
    costs = [a.usd_per_month for a in plan.alternatives if a.usd_per_month is not None]
    assert costs == sorted(costs)
    assert all(c >= plan.bound_usd_per_month * (1 - 1e-6) for c in costs)
    assert all(a.reason for a in plan.alternatives)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_answer_accounts_for_itself(name: str) -> None:
    plan = _plan(name)
    for subject in ("performance", "prices"):
        shares = [e.share_of_dollars for e in plan.evidence if e.subject == subject]
        assert sum(shares) == pytest.approx(1.0)
    assert plan.rejected and plan.assumptions
    assert plan.slo_probability is not None and 0 < plan.slo_probability <= 1
    warned = any(f.rule == "slo_probability" for f in plan.findings)
    assert warned == (plan.slo_probability < 0.75)  # the examples plan on the 80 % side
    assert plan.measured_share is not None and 0 <= plan.measured_share <= 1
    assert plan.gap is not None and plan.gap <= 0.01
    prices = plan.usd_per_million_tokens
    assert prices and prices.input and prices.output and prices.total
    assert prices.input < prices.total < prices.output


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_plan_covers_the_flags_that_start_the_engine(name: str) -> None:
    for p in _plan(name).placements:
        assert p.engine_flags and p.variants
        tp = str(p.layout.tp) if p.layout else ""
        assert any(flag.split()[-1] == tp for flag in p.engine_flags if "tp" in flag or "tensor" in flag)


def test_two_processes_write_the_same_bytes() -> None:
    """Hash seeds and threads differ between them."""
    command = [sys.executable, "-P", "-m", "planner", "recommend", "--example", "chat-70b", "--as-of", "2026-11-22",
               "--format", "json"]  # fmt: skip
    once, again = (
        subprocess.run(
            command, capture_output=True, check=True, env={"PYTHONHASHSEED": seed, "PATH": ""}
        ).stdout
        for seed in ("1", "2")
    )
    assert once == again
    assert once.decode() == _plan("chat-70b").to_json()


def test_a_day_later_only_ages_differ() -> None:
    scenario = load_example("chat-70b")
    later = recommend(scenario, load_catalog(), load_profiles(), as_of=date(2026, 11, 23))
    assert later.digests == _plan("chat-70b").digests
    assert later.usd_per_month == _plan("chat-70b").usd_per_month
