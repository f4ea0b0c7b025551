"""What changed and why: the parts add up, and each cause answers for what was changed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.causes import ORDER, Data, causes
from planner.compare import compare
from planner.inputs import changed, load_example
from planner.plan import Plan, Question, load_plan
from planner.pricing.catalog import Catalog

SAMPLE = Path(__file__).parents[2] / "data" / "plan_sample.json"
SCENARIO = load_example("chat-70b")
EMPTY = Catalog(())
CHANGES: dict[str, dict[str, Any]] = {
    "kernel": {"constraints.kernels": "open"},
    "price": {
        "prices": [
            {"seller": "me", "instance": "box", "gpu": "h100_sxm", "gpu_count": 8, "usd_per_hour": 9.0}
        ]
    },
    "demand": {"workloads.chat.requests_per_s": 24.0},
    "model": {"workloads.chat.model": "llama-3.1-8b"},
    "limit": {"workloads.chat.tpot_ms": 30.0},
}
WORTH = {"kernel": 16.0, "price": -8.0, "demand": 4.0, "model": -2.0, "limit": 1.0}


def plan_of(*names: str, usd: float | None = None) -> Plan:
    scenario = SCENARIO
    for name in names:
        scenario = changed(scenario, CHANGES[name])
    known = 100.0 + sum(WORTH[name] for name in names)
    sample = load_plan(SAMPLE)
    return replace(
        sample, question=Question(scenario.digest, scenario.text), usd_per_month=known if usd is None else usd
    )


def price_of(document: dict[str, Any], _: Catalog) -> float:
    """A cost that each kind of change moves by its worth, read from the document alone."""
    chat = document["workloads"]["chat"]
    seen = {
        "kernel": document["constraints"]["kernels"] == "open",
        "price": bool(document["prices"]),
        "demand": chat["requests_per_s"] == 24.0,
        "model": chat["model"] == "llama-3.1-8b",
        "limit": chat["tpot_ms"] == 30.0,
    }
    return 100.0 + sum(WORTH[name] for name, changed in seen.items() if changed)


DATA = Data(EMPTY, EMPTY, solvable=True)


@pytest.mark.parametrize("name", ORDER)
def test_a_single_cause_takes_the_whole_change_without_a_solve(name: str) -> None:
    def never(document: dict[str, Any], catalog: Catalog) -> float | None:
        raise AssertionError("nothing to tell apart")

    (cause,) = causes(plan_of(), plan_of(name), DATA, never)
    assert (cause.name, cause.usd_per_month) == (name, WORTH[name])
    assert cause.inputs


@given(st.sets(st.sampled_from(ORDER)))
def test_every_cause_gets_its_part_and_the_parts_add_up(names: set[str]) -> None:
    base, head = plan_of(), plan_of(*names)
    found = causes(base, head, DATA, price_of)
    assert {c.name: pytest.approx(c.usd_per_month) for c in found} == {name: WORTH[name] for name in names}
    assert [c.name for c in found] == [name for name in ORDER if name in names]


@given(st.sets(st.sampled_from(ORDER), min_size=2), st.floats(-50, 50))
def test_the_parts_add_up_even_where_the_solver_stopped_elsewhere(names: set[str], noise: float) -> None:
    base, head = plan_of(), plan_of(*names, usd=150.0 + noise)
    found = causes(base, head, DATA, price_of)
    assert sum(c.usd_per_month for c in found) == pytest.approx(50.0 + noise)


def test_a_step_that_cannot_be_solved_is_reported_with_the_next() -> None:
    found = causes(plan_of(), plan_of("demand", "model", "limit"), DATA, lambda document, catalog: None)
    assert [c.name for c in found] == ["demand and model and limit"]
    assert found[0].usd_per_month == pytest.approx(3.0)
    assert "could not be told apart" in found[0].note


def test_prices_that_are_not_at_hand_join_the_measurements() -> None:
    base = plan_of()
    head = plan_of("demand", usd=120.0)
    head = replace(head, digests=replace(head.digests, prices="p" * 64, profiles="q" * 64))
    found = causes(base, head, Data(None, EMPTY, solvable=True), price_of)
    assert [c.name for c in found] == ["kernel and price", "demand"]
    with_prices = causes(base, head, Data(EMPTY, EMPTY, solvable=True), price_of)
    assert [c.name for c in with_prices] == ["kernel", "price", "demand"]


def test_the_same_inputs_with_another_cost_are_the_solver() -> None:
    (cause,) = causes(plan_of(), plan_of(usd=101.0), DATA, price_of)
    assert (cause.name, cause.usd_per_month) == ("solver", 1.0)
    assert causes(plan_of(), plan_of(), DATA, price_of) == ()


def test_a_workload_that_came_is_demand_and_nothing_else() -> None:
    document = json.loads(SCENARIO.text)
    document["workloads"]["second"] = document["workloads"]["chat"] | {
        "tpot_ms": 99.0,
        "model": "llama-3.1-8b",
    }
    head = replace(plan_of(usd=130.0), question=Question("d", json.dumps(document)))
    (cause,) = causes(plan_of(), head, DATA, price_of)
    assert (cause.name, cause.inputs) == ("demand", ('workloads.second: not set -> "llama-3.1-8b"',))
    (gone,) = causes(head, plan_of(), DATA, price_of)
    assert (gone.name, gone.usd_per_month) == ("demand", -30.0)


def test_the_policy_causes_nothing() -> None:
    scenario = changed(SCENARIO, {"policy.max_usd_per_month": 5.0})
    head = replace(plan_of(), question=Question(scenario.digest, scenario.text))
    assert causes(plan_of(), head, DATA, price_of) == ()


def test_placements_of_one_offer_are_compared_by_their_units() -> None:
    plan = load_plan(SAMPLE)
    first = plan.placements[0]
    twice = replace(plan, placements=(first, first))
    once = replace(plan, placements=(first,))
    (change,) = compare(twice, once).placements
    assert (change.units_before, change.units_after) == (2 * first.units, first.units)
    assert compare(once, once).placements == ()


def test_what_moved_carries_certainty_and_per_unit_cost() -> None:
    plan = load_plan(SAMPLE)
    moved = {m.name: m for m in compare(plan, replace(plan, slo_probability=0.5)).moved}
    assert moved["slo_probability"].after == 0.5
    assert {"usd_per_month", "usd_per_million_total_tokens", "measured_share", "gap"} <= moved.keys()
