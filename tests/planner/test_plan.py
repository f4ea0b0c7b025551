"""The plan as a document: what is stored, and what a reader of it can rely on."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.errors import DataError
from planner.plan import ANALYSES, Plan, Quantity, load_plan, parse_plan
from planner.records import BASES

SAMPLE = Path(__file__).parents[1] / "data" / "plan_sample.json"
SCHEMAS = Path(__file__).parents[2] / "planner" / "schemas"
KEYS = {
    "schema", "question", "as_of", "status", "usd_per_month", "usd_per_million_tokens", "bound_usd_per_month",
    "gap", "slo_probability", "measured_share", "placements", "unserved", "alternatives", "rejected",
    "assumptions", "evidence", "findings", "analyses", "digests", "versions",
}  # fmt: skip


@pytest.fixture(scope="module")
def plan() -> Plan:
    return load_plan(SAMPLE)


def _schema(name: str) -> Any:
    return json.loads((SCHEMAS / f"{name}.schema.json").read_text())


def test_a_stored_plan_is_written_again_byte_for_byte(plan: Plan) -> None:
    assert plan.to_json() == SAMPLE.read_text()


def test_the_document_has_exactly_the_published_keys(plan: Plan) -> None:
    assert set(json.loads(plan.to_json())) == KEYS


def test_a_plan_satisfies_its_schema(plan: Plan) -> None:
    jsonschema.validate(json.loads(plan.to_json()), _schema("plan"))


def test_an_estimate_satisfies_its_schema(plan: Plan) -> None:
    (estimate, *_) = [p.estimate for p in plan.placements if p.estimate]
    jsonschema.validate(json.loads(estimate.to_json()), _schema("estimate"))


@pytest.mark.parametrize("name", ["plan", "estimate"])
def test_schemas_are_schemas(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(_schema(name))


def test_the_schema_refuses_an_unknown_key(plan: Plan) -> None:
    with pytest.raises(jsonschema.ValidationError, match="cheapest"):
        jsonschema.validate(json.loads(plan.to_json()) | {"cheapest": True}, _schema("plan"))


def test_analyses_that_did_not_run_are_null(plan: Plan) -> None:
    assert json.loads(plan.to_json())["analyses"] == dict.fromkeys(ANALYSES)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[1]", "document: expected an object"),
        ("{}", "schema: None is not 'planner.plan/1'"),
        ('{"schema": "planner.plan/9"}', "schema: 'planner.plan/9' is not 'planner.plan/1'"),
        ('{"schema": "planner.plan/1"}', "question: missing"),
        ('{"schema": "planner.plan/1", "gap": NaN}', "NaN is not a JSON number"),
        ("[" * 100_000, "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
    ],
    ids=["cut", "list", "empty", "future", "bare", "nan", "deep", "bytes"],
)
def test_a_file_that_is_no_plan_is_refused_on_one_line(
    tmp_path: Path, text: str | bytes, message: str
) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError) as caught:
        load_plan(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_plan_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot read: No such file"):
        load_plan(tmp_path / "nothing.json")


def test_a_wrong_number_deep_inside_is_named(plan: Plan) -> None:
    data = json.loads(plan.to_json())
    data["placements"][0]["estimate"]["ttft_ms"]["low"] = 1e9
    with pytest.raises(DataError, match=r"placements\[0\]\.estimate\.ttft_ms: value 412\.3 is outside"):
        parse_plan(json.dumps(data))


@given(st.lists(st.floats(0, 1e12), min_size=3, max_size=3).map(sorted), st.sampled_from(BASES))
def test_an_ordered_interval_survives_rounding(numbers: list[float], basis: Any) -> None:
    low, value, high = numbers
    plan = load_plan(SAMPLE)
    estimate = plan.placements[0].estimate
    assert estimate is not None
    changed = dataclasses.replace(estimate, ttft_ms=Quantity(value, low, high, basis))
    placement = dataclasses.replace(plan.placements[0], estimate=changed)
    text = dataclasses.replace(plan, placements=(placement,)).to_json()
    assert parse_plan(text).to_json() == text
