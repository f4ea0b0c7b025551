"""The shipped JSON Schema says what the loader accepts."""

from __future__ import annotations

import json
import tomllib
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from planner.inputs import example_names, example_text, loads
from planner.scenario import Constraints, OwnedGpu, Policy, Price, Scenario, Site, Workload
from planner.scenarioschema import descriptions, schema_text

SCHEMA: dict[str, Any] = json.loads(schema_text())
DESIGN_KEYS: list[tuple[Any, str]] = [
    (
        Workload,
        "kind model requests_per_s demand periods input_tokens output_tokens prefix_cache_share"
        " ttft_ms tpot_ms percentile weight_precisions kv_precisions speculative stream_interval",
    ),
    (
        Constraints,
        "zones countries regions sellers terms kernels vendors max_spot_share budget_usd_per_month"
        " spare_replicas consumer_in_datacenter quantile engines gpus",
    ),
    (OwnedGpu, "gpu count status purchase_usd site"),
    (Site, "electricity_usd_per_kwh pue zone"),
    (Price, "seller instance region term usd_per_hour"),
    (
        Policy,
        "max_usd_per_month max_increase_percent max_spot_share max_price_age_days unknown_price_age"
        " min_slo_probability min_measured_share max_increase_usd_per_month max_seller_share min_headroom"
        " quiet_below_usd_per_month warn",
    ),
    (Scenario, "workloads constraints owned prices policy"),
]


def test_shipped_schema_is_the_generated_one() -> None:
    shipped = (files("planner") / "schemas" / "scenario.schema.json").read_text(encoding="utf-8")
    assert shipped == schema_text(), "run python -P -m planner.importers.scenario_schema"


def test_schema_is_valid_json_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(("record", "keys"), DESIGN_KEYS, ids=[r.__name__ for r, _ in DESIGN_KEYS])
def test_every_documented_key_exists_and_is_described(record: Any, keys: str) -> None:
    fields = set(record.model_fields)
    assert set(keys.split()) <= fields
    assert set(descriptions()[record.__name__]) == fields


@pytest.mark.parametrize("name", example_names())
def test_examples_satisfy_the_schema(name: str) -> None:
    Draft202012Validator(SCHEMA).validate(tomllib.loads(example_text(name)))


def test_documents_satisfy_the_schema() -> None:
    for name in example_names():
        Draft202012Validator(SCHEMA).validate(loads(example_text(name)).document())


@pytest.mark.parametrize(
    "change",
    [{"ttft_ms": 0}, {"request_per_s": 1}, {"demand": {"preset": "x"}}, {"kind": "x"}, {"input_tokens": "x"}],
)
def test_schema_refuses_what_the_loader_refuses(change: dict[str, Any]) -> None:
    document = tomllib.loads(example_text("chat-70b"))
    document["workloads"]["chat"] |= change
    assert list(Draft202012Validator(SCHEMA).iter_errors(document))
