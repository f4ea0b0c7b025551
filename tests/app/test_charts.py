"""Charts as data: what stands on which axis, in which unit, and that no plan breaks one."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

import planner
from planner.app import charts, market, measured, tables
from planner.plan import Plan
from planner.scenario import Scenario

PLANS = ("chat", "several")


@pytest.fixture(params=PLANS)
def case(request: pytest.FixtureRequest) -> tuple[Plan, Scenario]:
    found: tuple[Plan, Scenario] = request.getfixturevalue(request.param)
    return found


def _text(chart: Any) -> str:
    return json.dumps(chart.to_dict())


def test_the_recommended_plan_is_the_first_bar_and_says_so(chat: tuple[Plan, Scenario]) -> None:
    plan, _ = chat
    table = tables.options(plan)
    chart = charts.options(table).to_dict()
    (rows,) = chart["datasets"].values()
    assert rows[0]["$/month"] == plan.usd_per_month
    assert rows[0]["label"].endswith("recommended")
    assert [r["$/month"] for r in rows[1:]] == [a.usd_per_month for a in plan.alternatives]
    assert "USD per month" in json.dumps(chart)


def test_every_predicted_latency_lies_in_its_interval_and_names_its_basis(
    case: tuple[Plan, Scenario],
) -> None:
    table = tables.predictions(*case)
    assert len(table)
    assert ((table["Low (80 %)"] <= table["Predicted"]) & (table["Predicted"] <= table["High (80 %)"])).all()
    for _, part in table.groupby("Kind"):
        text = _text(charts.latency(part))
        assert "80 % interval" in text and "Basis:N" not in text
        assert all(basis in text for basis in part["Basis"])


def test_shares_of_the_dollars_add_up_per_subject(case: tuple[Plan, Scenario]) -> None:
    table = tables.evidence(case[0])
    assert table.groupby("Subject")["Share of dollars, %"].sum().tolist() == pytest.approx([100] * 2)
    assert "share of dollars, %" in _text(charts.evidence(table))


def test_shares_of_step_time_add_up_per_phase(case: tuple[Plan, Scenario]) -> None:
    table = tables.ops(case[0], {v.name: v.open for v in planner.kernels()})
    assert table.groupby(["Placement", "Phase"])["Share of time, %"].sum().to_numpy() == pytest.approx(
        100, rel=0.02
    )
    (rows, *_) = charts.ops(table).to_dict()["datasets"].values()
    assert {"prefill", "decode"} == {r["Phase"] for r in rows}


def test_a_demand_curve_covers_the_month(case: tuple[Plan, Scenario]) -> None:
    table = tables.demand(case[1])
    for _, part in table.groupby("Workload"):
        assert part["To hour"].max() == pytest.approx(730)
    assert "requests per second" in _text(charts.demand(table))


def test_no_op_stands_above_the_roof(chat: tuple[Plan, Scenario]) -> None:
    found = planner.op_positions(chat[0], 0)
    table = tables.positions(found)
    assert (table["Of the limit, %"] <= 100.001).all()
    assert {"prefill", "decode"} == set(table["Phase"])
    assert table.groupby("Phase")["Share of time, %"].sum().tolist() == pytest.approx([100, 100])
    text = _text(charts.roofline(table, tables.roofs(found)))
    assert "FLOP per byte" in text and "TFLOP/s" in text


def test_the_spread_has_one_mark_per_seller_gpu_and_term() -> None:
    table = market.cheapest_by_seller(market.offers(planner.load_catalog().offers))
    assert not table.duplicated(["GPU", "Seller", "Term"]).any()
    assert "USD per GPU-hour" in _text(charts.spread(table))


def test_owning_is_drawn_with_its_range_and_rent() -> None:
    table = market.owning(planner.own_cost("h100_sxm", purchase_usd=30000, electricity_usd_per_kwh=0.1))
    assert (
        (table["Low"] <= table["Owning, $/useful hour"]) & (table["Owning, $/useful hour"] <= table["High"])
    ).all()
    assert "USD per useful hour" in _text(charts.owning(table))


def test_shipped_errors_are_drawn_by_what_was_left_out() -> None:
    rows = planner.shipped_accuracy()
    whole = measured.accuracy(r for r in rows if r.group == "all")
    assert len(whole) >= 4
    assert "error of the prediction, %" in _text(charts.errors(whole))
    groups = measured.accuracy(r for r in rows if r.group.count(" / ") == 2)
    assert "inside the 80 % interval" in _text(charts.coverage(groups.head(5)))


def test_predicted_stands_against_measured_only_where_both_are_known() -> None:
    given = [
        {"model": "m", "gpu": "g", "engine": "e", "ttft_ms": "100", "tpot_ms": ""},
        {"ttft_ms": "5", "tpot_ms": "x"},
    ]
    said = [
        {"ttft_ms": "90", "ttft_low": "80", "ttft_high": "120", "tpot_ms": "9", "tpot_low": "8",
         "tpot_high": "10", "basis": "b"},
        {"ttft_ms": "", "tpot_ms": "", "basis": ""},
    ]  # fmt: skip
    table = measured.points(given, said)
    assert table[["Quantity", "Measured, ms", "Predicted, ms"]].to_numpy().tolist() == [["TTFT", 100.0, 90.0]]
    assert "predicted, ms" in _text(charts.against(table))


DRAWN: dict[str, Callable[[Plan, Scenario], Any]] = {
    "options": lambda p, s: charts.options(tables.options(p)),
    "rejected": lambda p, s: charts.rejected(tables.rejected(p)),
    "evidence": lambda p, s: charts.evidence(tables.evidence(p)),
    "demand": lambda p, s: charts.demand(tables.demand(s)),
}


@pytest.mark.parametrize("name", DRAWN)
def test_charts_name_no_other_server(name: str, case: tuple[Plan, Scenario]) -> None:
    spec = DRAWN[name](*case).to_dict()
    spec.pop("$schema")  # a name, never fetched
    assert "http" not in json.dumps({k: v for k, v in spec.items() if k != "datasets"})


@pytest.mark.parametrize("name", DRAWN)
def test_every_chart_becomes_svg_and_png_here(name: str, case: tuple[Plan, Scenario]) -> None:
    pytest.importorskip("vl_convert", reason="needs the `report` extra")
    from planner.app.panels import image

    chart = DRAWN[name](*case)
    assert image(chart, "svg").startswith(b"<svg")
    assert image(chart, "png").startswith(b"\x89PNG")


def test_the_headline_names_every_gpu_seller_and_the_cost(case: tuple[Plan, Scenario]) -> None:
    plan, _ = case
    said = tables.headline(plan)
    assert f"${plan.usd_per_month:,.0f} a month" in said
    for p in plan.placements:
        assert tables.gpu_name(p.gpu) in said and p.offer.seller in said
