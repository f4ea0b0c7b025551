"""A link brings back the question, the whole question, and nothing that came from a file."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import planner
from planner.app.fields import CONSTRAINTS, WORKLOAD, field_of, steps
from planner.app.state import Question, current, from_query, repriced, scenario_of, to_query
from planner.app.state import settings as set_options
from planner.cli.question import settings as read_settings
from planner.plan import Plan
from planner.scenario import Scenario

SECRET = b"""
[workloads.acme-bank]
model = "llama-3.1-8b"
requests_per_s = 3
input_tokens = 100
output_tokens = 50
"""
CHANGES = {
    "w0.rate": st.sampled_from([1.0, 24.0, 0.5]),
    "w0.ttft_ms": st.sampled_from([500.0, None]),
    "w0.model": st.sampled_from(["qwen3-32b", "llama-3.1-8b"]),
    "w0.curve": st.sampled_from(["office_hours", "bursty"]),
    "zones": st.sampled_from([["eu"], ["eu", "us"], None]),
    "spare_replicas": st.sampled_from([0, 2]),
    "marketplace": st.booleans(),
    "price": st.sampled_from([10, -20]),
    "budget_usd_per_month": st.sampled_from([5000.0]),
}


def _example() -> Question:
    return Question()


@settings(max_examples=60, deadline=None)
@given(st.fixed_dictionaries({}, optional=CHANGES))
def test_a_link_brings_back_every_change(changes: dict[str, object]) -> None:
    question = _example()
    for key, value in changes.items():
        question = question.changed(key, value)
    again, said = from_query(to_query(question), Question())
    assert said == ()
    assert again == question
    assert scenario_of(again).digest == scenario_of(question).digest


def test_the_first_example_unchanged_has_an_empty_link() -> None:
    assert to_query(Question()) == {}
    assert from_query({}, Question()) == (Question(), ())


def test_a_change_back_to_what_the_base_says_is_none() -> None:
    question = _example().changed("w0.rate", 24.0)
    assert question.changed("w0.rate", current(_example(), "w0.rate")).changes == {}


@pytest.mark.parametrize(
    "query",
    [{"w0.rate": "many"}, {"w0.rate": "nan"}, {"w0.rate": "-3"}, {"w9.rate": "3"}, {"w0.nonsense": "3"}, {"x": "1"},
     {"zones": "mars"}, {"kernels": "best"}, {"marketplace": "maybe"}, {"example": "../../etc/passwd"},
     {"w-1.rate": "3"}, {"w0.percentile": "12"}],
)  # fmt: skip
def test_what_a_link_says_wrongly_is_said_and_left_out(query: dict[str, str]) -> None:
    question, said = from_query(query, Question())
    assert question == Question()
    assert len(said) == 1


def test_changes_that_contradict_each_other_are_said_and_left_out() -> None:
    question, said = from_query({"w0.model": "/etc/model.json"}, Question())
    assert question == Question()
    assert "an upload may name none" in said[0]


def test_an_upload_leaves_no_trace_in_the_link_but_a_mark() -> None:
    scenario = planner.read_upload("scenario", SECRET, "secret.toml")
    question = Question(scenario=scenario, scenario_name="secret.toml").changed("w0.rate", 5.0)
    question = question.with_local({"prices": [{"seller": "acme", "instance": "x", "usd_per_hour": 1.23}]})
    query = to_query(question)
    assert set(query) == {"with_upload", "w0.rate"}
    assert not any(
        "acme" in text or "secret" in text or "1.23" in text for pair in query.items() for text in pair
    )


def test_a_link_with_an_upload_says_elsewhere_that_the_file_is_missing() -> None:
    question = Question().with_local({"prices": [{"seller": "acme", "instance": "x", "usd_per_hour": 1.23}]})
    elsewhere, said = from_query(to_query(question.changed("w0.rate", 5.0)), Question())
    assert "not part of it" in said[0]
    assert elsewhere == Question().changed("w0.rate", 5.0)
    at_home, said = from_query(to_query(question), question)
    assert (at_home, said) == (question, ())


def test_the_command_line_asks_the_same_question() -> None:
    question = (
        Question().changed("w0.rate", 20.0).changed("zones", ["eu", "us"]).changed("w0.curve", "diurnal")
    )
    scenario = scenario_of(question)
    words = shlex.split(shlex.join(set_options(question, scenario)))
    base = planner.load_example("chat-70b")
    assert planner.change_scenario(base, read_settings(words)).digest == scenario.digest


def test_scaling_a_curve_keeps_its_shape(several: tuple[Plan, Scenario]) -> None:
    question = Question(example="shared-budget")
    peak = current(question, "w0.rate")
    scaled = scenario_of(question.changed("w0.rate", 2 * peak)).workloads["assistant"].demand
    before = several[1].workloads["assistant"].demand
    assert [p.hours_per_month for p in scaled.periods] == [p.hours_per_month for p in before.periods]
    assert [p.requests_per_s for p in scaled.periods] == pytest.approx(
        [2 * p.requests_per_s for p in before.periods]
    )


def test_a_price_change_reprices_every_rented_offer_of_the_baseline(chat: tuple[Plan, Scenario]) -> None:
    rows = repriced(Question().changed("price", 10), chat[0])
    before = {(p.offer.seller, p.offer.instance): p.offer.usd_per_hour for p in chat[0].placements}
    assert {(r["seller"], r["instance"]): r["usd_per_hour"] for r in rows} == {
        k: pytest.approx(1.1 * v) for k, v in before.items()
    }
    assert repriced(Question(), chat[0]) == []


@given(st.floats(1e-5, 1e9), st.floats(0.2, 5))
def test_a_slider_has_the_value_on_it_and_stays_in_bounds(around: float, factor: float) -> None:
    value = around * factor
    places = steps(value, around=around, low=1e-6, high=1e12)
    assert value in places and around in places
    assert places == sorted(set(places))
    assert len(places) <= 24


@pytest.mark.parametrize("name", [*WORKLOAD, *CONSTRAINTS])
def test_every_field_reads_what_it_writes(name: str) -> None:
    key = name if name in CONSTRAINTS else f"w0.{name}"
    value = current(Question(), key)
    field = field_of(key)
    if not (value is None and not field.optional) and value != []:
        assert field.read(field.written(value)) == value
