"""Manifests and commands say what the plan says, and no name from outside becomes code."""

from __future__ import annotations

import csv
import io
import json
import os
import shlex
import subprocess
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from planner.actuals import actuals
from planner.cli import app
from planner.errors import DataError, InputError
from planner.export import EXPORTS, export, services
from planner.export.focus import COLUMNS, MANDATORY, NULLABLE, focus
from planner.plan import Plan
from planner.render.listing import Listing, Shown, listing_csv

START = date(2026, 11, 22)


def documents(plan: Plan, tool: str, service: str | None = None) -> list[dict[str, object]]:
    return list(yaml.safe_load_all(export(plan, tool, service=service)))


def test_services_of_one_stack_are_one_service_from_its_base_to_its_peak(many: Plan) -> None:
    found = services(many)
    assert len(found) == 6
    for s in found:
        per_unit = s.placement.replicas_per_unit or 1
        assert (s.least_replicas, s.most_replicas) == (2 * per_unit, 4 * per_unit)
        assert s.gpus_per_replica == 4


def test_every_service_has_a_command_of_its_engine_with_the_flags_of_the_plan(many: Plan) -> None:
    lines = [
        shlex.split(x)
        for x in export(many, "launch").splitlines()
        if x.startswith(("vllm", "python", "trtllm-"))
    ]
    assert [line[0] for line in lines] == ["vllm", "vllm", "python", "python", "trtllm-serve", "trtllm-serve"]
    assert all(line[line.index("--flag") + 1] == "one" for line in lines)
    assert all("key:" not in line for line in lines)
    assert "printf %s 'key: value\n' > trtllm.yaml" in export(many, "launch")


def test_a_format_that_no_flag_makes_is_a_note(plan: Plan) -> None:
    first = replace(plan.placements[0], weight_precision="nvfp4")
    assert "# needs a checkpoint whose weights are nvfp4" in export(
        replace(plan, placements=(first,)), "launch"
    )


@pytest.mark.parametrize(
    "tool", ["launch", "kubernetes", "llm-d", "terraform", "prometheus", "skypilot", "karpenter"]
)
def test_no_name_from_outside_becomes_code(nasty: Plan, tool: str, tmp_path: Path) -> None:
    if tool == "llm-d":
        nasty = replace(nasty, placements=(replace(nasty.placements[0], engine="vllm", engine_flags=()),))
    text = export(nasty, tool)
    if tool == "launch":
        (tmp_path / "trtllm-serve").write_text('#!/bin/sh\nprintf "%s\\n" "$1"\n')
        (tmp_path / "trtllm-serve").chmod(0o755)
        env = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
        ran = subprocess.run(
            ["sh", "-c", text], cwd=tmp_path, env=env, capture_output=True, text=True, check=True
        )
        assert "touch broken" in ran.stdout  # it came through as a word, not as a command
        assert not (tmp_path / "broken").exists()
    elif tool == "prometheus":
        assert all(line.startswith(("#", "planner_")) for line in text.splitlines())
    elif tool == "terraform":
        assert json.loads(text)["planner_instances"]
    else:
        assert all(isinstance(d, dict) for d in yaml.safe_load_all(text))


def test_the_machine_of_the_plan_is_first_and_its_runners_up_follow(plan: Plan) -> None:
    (task,) = documents(plan, "skypilot", services(plan)[0].name)
    ordered = task["resources"]["ordered"]  # type: ignore[index]
    assert ordered[0]["instance_type"] == "p5.48xlarge"
    assert ordered[0]["accelerators"] == "H100:8"
    assert [r["accelerators"] for r in ordered[1:]] == [
        "H200:8"
    ]  # one unknown GPU, workload and seller left out


def test_a_tool_with_one_service_per_file_asks_which(plan: Plan) -> None:
    names = [s.name for s in services(plan)]
    assert len(names) == 2
    with pytest.raises(InputError, match=f"--service: {', '.join(names)}"):
        export(plan, "dstack")
    with pytest.raises(InputError, match="did you mean"):
        export(plan, "dstack", service=names[0][:-1])


def test_the_autoscaler_goes_from_the_base_to_the_peak(many: Plan) -> None:
    scalers = [d for d in documents(many, "kubernetes") if d["kind"] == "HorizontalPodAutoscaler"]
    assert len(scalers) == 6
    assert all(d["spec"]["minReplicas"] < d["spec"]["maxReplicas"] for d in scalers)  # type: ignore[index]


def test_a_node_pool_is_limited_to_the_gpus_planned(plan: Plan) -> None:
    (pool,) = documents(plan, "karpenter")
    p = plan.placements[0]
    assert pool["spec"]["limits"] == {"nvidia.com/gpu": p.units * p.offer.gpu_count}  # type: ignore[index]


@pytest.mark.parametrize(
    ("tool", "said"), [("karpenter", "AWS"), ("llm-d", "vllm"), ("launch", "runs nothing")]
)
def test_what_a_tool_cannot_say_is_one_line(plan: Plan, tool: str, said: str) -> None:
    api = next(p for p in plan.placements if p.term == "api")
    with pytest.raises(InputError, match=said):
        export(replace(plan, placements=(api,)), tool)


def test_an_unknown_tool_names_the_nearest(plan: Plan) -> None:
    with pytest.raises(InputError, match="did you mean kubernetes"):
        export(plan, "kubernete")


@pytest.mark.parametrize("tool", sorted(EXPORTS))
def test_exports_are_repeatable(plan: Plan, tool: str) -> None:
    name = services(plan)[0].name
    assert export(plan, tool, service=name) == export(plan, tool, service=name)


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_forecast_has_every_mandatory_column_and_fills_it(plan: Plan) -> None:
    found = rows(focus(plan, start=START, months=3))
    assert tuple(found[0]) == COLUMNS
    assert len(found) == 3 * len(plan.placements)
    assert [(i, c) for i, r in enumerate(found) for c in MANDATORY if c not in NULLABLE and not r[c]] == []
    assert {r["ChargeCategory"] for r in found} == {"Usage"}
    assert {r["ServiceCategory"] for r in found} <= {"Compute", "AI and Machine Learning"}


def test_the_forecast_adds_up_to_the_plan_each_month(plan: Plan) -> None:
    by_month: dict[str, float] = {}
    for r in rows(focus(plan, start=date(2026, 12, 31), months=14)):
        by_month[r["BillingPeriodStart"]] = by_month.get(r["BillingPeriodStart"], 0.0) + float(
            r["BilledCost"]
        )
    assert list(by_month)[:2] == ["2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"]
    assert len(by_month) == 14
    assert all(v == pytest.approx(sum(p.usd_per_month for p in plan.placements)) for v in by_month.values())


def test_quantity_times_price_is_the_cost(plan: Plan) -> None:
    for p, r in zip(plan.placements, rows(focus(plan, start=START, months=1)), strict=True):
        if p.term != "api":
            assert float(r["PricingQuantity"]) == p.units * p.hours_per_month
            assert float(r["ListUnitPrice"]) == p.offer.usd_per_hour


def test_a_forecast_read_as_a_bill_is_the_plan(plan: Plan) -> None:
    found = actuals(plan, focus(plan, start=START, months=2))
    assert found.left_out == ()
    assert len({r.month for r in found.rows}) == 2
    assert all(r.difference_usd == pytest.approx(0.0) for r in found.rows)


BILL = """\
BilledCost,ProviderName,ChargePeriodStart,ChargeCategory,Tags
100.5,Amazon Web Services,2026-12-01T00:00:00Z,Usage,"{""team"": ""chat""}"
9.5,AWS,2026-12-05T00:00:00Z,Usage,"{""team"": ""other""}"
20,AWS,2026-12-05T00:00:00Z,Tax,
7,Somebody Else,2026-12-05T00:00:00Z,Usage,
"""


def test_a_bill_is_compared_by_month_and_seller_and_the_rest_is_counted(plan: Plan) -> None:
    found = actuals(plan, BILL)
    aws = next(r for r in found.rows if r.seller == "aws")
    assert (aws.month, aws.charged_usd) == ("2026-12", 110.0)
    assert {why: (n, usd) for why, n, usd in found.left_out} == {
        "tax, not a price": (1, 20.0), "seller not in the plan": (1, 7.0)
    }  # fmt: skip
    assert {r.seller for r in found.rows if r.charged_usd is None} == {"runpod", "deepinfra"}
    tagged = actuals(plan, BILL, tags={"team": "chat"})
    assert next(r for r in tagged.rows if r.seller == "aws").charged_usd == 100.5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("BilledCost", "Cost"), "column EffectiveCost: missing"),
        (("100.5", "much"), "line 2: BilledCost: 'much' is not a number"),
        (("100.5", "nan"), "line 2: BilledCost: 'nan' is not a finite number"),
        (("2026-12-01T", "1.12.2026 "), "line 2: ChargePeriodStart"),
        (('"{""team"": ""chat""}"', "x"), "line 2: Tags: not JSON"),
    ],
)
def test_a_wrong_bill_names_line_and_column(plan: Plan, change: tuple[str, str], said: str) -> None:
    with pytest.raises(DataError, match=said):
        actuals(plan, BILL.replace(*change), tags={"team": "chat"})


def test_a_bill_in_another_currency_is_refused(plan: Plan) -> None:
    text = BILL.replace("ChargeCategory,", "BillingCurrency,").replace(",Usage,", ",EUR,")
    with pytest.raises(DataError, match="'EUR' is not USD"):
        actuals(plan, text)


def test_no_cell_of_a_csv_is_a_formula(plan: Plan) -> None:
    evil = "=HYPERLINK(1)"
    first = plan.placements[0]
    bad = replace(first, workload=evil, offer=replace(first.offer, seller=evil, instance=evil, region="@x"))
    for r in rows(focus(replace(plan, placements=(bad,)), start=START, months=1)):
        assert not [c for c in r.values() if c[:1] in "=+-@" and c]
    listing = Listing("x", ({"a": evil, "b": -1.5},), (Shown("a", str),))
    assert listing_csv(listing) == f"a,b\n'{evil},-1.5\n"


@pytest.fixture
def folder(plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("plan.json").write_text(plan.to_json())
    Path("bill.csv").write_text(BILL)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ("export plan.json --format terraform", 0, "planner_instances"),
        ("export plan.json --format skypilot", 5, "--service"),
        ("focus forecast plan.json --months 2 --start 2027-01", 0, "2027-02-01T00:00:00Z"),
        ("focus compare plan.json bill.csv", 0, "not compared: seller not in the plan: 1 rows"),
        ("focus compare plan.json bill.csv --tag team", 5, "not KEY=VALUE"),
        ("focus compare plan.json none.csv", 5, "none.csv: cannot read"),
        ("focus compare plan.json plan.json", 5, "plan.json: column EffectiveCost: missing"),
    ],
)
def test_the_commands(folder: Path, arguments: str, code: int, said: str) -> None:
    done = CliRunner().invoke(app, shlex.split(arguments), prog_name="planner")
    assert done.exit_code == code, done.output
    assert said in " ".join((done.stdout + done.stderr).split())
    assert code == 0 or len(done.stderr.splitlines()) == 1
