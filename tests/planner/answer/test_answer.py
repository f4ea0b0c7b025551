"""A decision turned into words and dollars: layers, loads, token prices, remarks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.answer.assemble import plan_of
from planner.answer.money import prefill_share, token_prices, tokens_per_month
from planner.answer.placements import engine_flags, hours_of, layers, usd_per_month, variants_of
from planner.decide import Decided, decide
from planner.inputs import loads
from planner.options.columns import paid_hours
from planner.plan import Plan
from planner.pricing.catalog import Catalog, gated, parse_offer
from planner.pricing.money import HOURS_PER_MONTH
from planner.profiles.store import Profiles, load_profiles

TODAY = date(2026, 11, 22)
COLUMNS = ("seller", "gpu", "gpu_count", "country", "term", "usd_per_hour")
ROWS = tuple(
    dict(zip(COLUMNS, row, strict=True))
    for row in (
        ("verda", "l40s", "1", "FI", "on_demand", "0.9"),
        ("aws", "l4", "1", "US", "on_demand", "0.8"),
        ("lambda", "h100_sxm", "1", "US", "committed_1y", "2.2"),
    )
)
OFFICE = 'demand = {preset = "office_hours", peak_requests_per_s = 40}'


@cache
def _profiles() -> Profiles:
    return load_profiles()


def _catalog(rows: Sequence[dict[str, str]] = ROWS, **common: str) -> Catalog:
    made = [
        parse_offer({"instance": f"{r['gpu']}-{i}", **r, **common}, where=f"row {i}")
        for i, r in enumerate(rows)
    ]
    return gated(made).aged(TODAY)


def _decided(
    demand: str = "requests_per_s = 12", *, limits: str = "", catalog: Catalog | None = None
) -> Decided:
    scenario = loads(
        f'[workloads.chat]\nmodel = "llama-3.1-8b"\n{demand}\ninput_tokens = 1024\noutput_tokens = 256\n'
        f"ttft_ms = 1000\ntpot_ms = 50\n[constraints]\n{limits}\n"
    )
    return decide(scenario, catalog or _catalog(), _profiles())


def _plan(decided: Decided, catalog: Catalog | None = None) -> Plan:
    return plan_of(decided, catalog or _catalog(), _profiles(), as_of=TODAY)


def _rules(plan: Plan) -> dict[str, str]:
    return {f.rule: f.message for f in plan.findings}


@settings(max_examples=8, deadline=None)
@given(st.sampled_from(["office_hours", "diurnal", "bursty", "launch", "constant"]), st.floats(0.5, 200))
def test_layers_buy_exactly_the_unit_hours_of_the_decision(preset: str, peak: float) -> None:
    decided = _decided(f'demand = {{preset = "{preset}", peak_requests_per_s = {peak!r}}}')
    bought = 0.0
    for column, units in zip(decided.columns, decided.decision.units.tolist(), strict=True):
        bought += units * paid_hours(column, decided.slices)
    found = layers(decided)
    assert sum(x.units * hours_of(x, decided) for x in found) == pytest.approx(bought)
    assert all(x.units >= 1 and x.periods for x in found)
    dollars = sum(usd_per_month(x, decided) for x in found)
    assert dollars == pytest.approx(decided.decision.usd_per_hour * HOURS_PER_MONTH)


def test_a_base_runs_all_hours_and_the_peak_is_added_to_it() -> None:
    found = layers(_decided(OFFICE, catalog=_catalog(ROWS[:1])))
    hours = sorted(len(x.periods) for x in found)
    assert len(found) > 1 and hours[-1] == 4
    assert all(x.periods == tuple(range(len(x.periods))) for x in found), "busiest slices first"


def test_a_commitment_runs_around_the_clock() -> None:
    placements = _plan(_decided(OFFICE, catalog=_catalog(ROWS[2:]))).placements
    assert [p.around_the_clock for p in placements] == [True]


@settings(max_examples=6, deadline=None)
@given(st.floats(0.5, 200))
def test_loads_are_within_capacity_and_add_up_to_the_demand(rate: float) -> None:
    plan = _plan(_decided(f"requests_per_s = {rate!r}"))
    assert sum(p.load_requests_per_s for p in plan.placements) == pytest.approx(rate)
    assert all(p.headroom is not None and 0 <= p.headroom < 1 for p in plan.placements)


def test_token_prices_give_every_dollar_back() -> None:
    decided = _decided(OFFICE)
    prices = token_prices(decided, layers(decided))
    inputs, outputs = tokens_per_month(decided)
    assert prices.input is not None and prices.output is not None and prices.total is not None
    dollars = decided.decision.usd_per_hour * HOURS_PER_MONTH
    assert (prices.input * inputs + prices.output * outputs) / 1e6 == pytest.approx(dollars)
    assert prices.total * (inputs + outputs) / 1e6 == pytest.approx(dollars)


def test_tokens_of_a_month_are_requests_times_lengths() -> None:
    assert tokens_per_month(_decided("requests_per_s = 2")) == pytest.approx(
        (2 * 2_628_000 * 1024, 2 * 2_628_000 * 256)
    )


def test_prefill_takes_a_share_of_the_step_time() -> None:
    (layer,) = layers(_decided(catalog=_catalog(ROWS[:1])))
    assert 0 < prefill_share(layer) < 1


def test_undated_and_old_prices_are_said_apart() -> None:
    assert "no date is known" in _rules(_plan(_decided()))["price_age"]
    old = _catalog(as_of="2026-01-01")
    said = [f.message for f in _plan(_decided(catalog=old), old).findings if f.rule == "price_age"]
    assert len(said) == 1 and "325 days" in said[0]
    fresh = _catalog(as_of="2026-11-20")
    assert "price_age" not in _rules(_plan(_decided(catalog=fresh), fresh))


def test_spot_in_the_plan_is_a_warning_with_its_share() -> None:
    spot = _catalog([ROWS[0], ROWS[0] | {"term": "spot", "usd_per_hour": "0.3"}])
    limits = 'max_spot_share = 0.5\nspot_fallback = "on_demand"'
    plan = _plan(_decided(limits=limits, catalog=spot), spot)
    (finding,) = [f for f in plan.findings if f.rule == "spot"]
    assert finding.level == "warning" and finding.value is not None and 0 < finding.value <= 1
    assert "spot failure domains" in {a.name for a in plan.assumptions}
    assert "spot" not in {a.name for a in _plan(_decided()).assumptions}


def test_geforce_brings_its_licence_along() -> None:
    cards = _catalog([ROWS[0] | {"gpu": "rtx_4090", "usd_per_hour": "0.3"}])
    plan = _plan(_decided(limits="consumer_in_datacenter = true", catalog=cards), cards)
    assert "GeForce" in _rules(plan)["licence"]


def test_an_unclear_gpu_is_planned_as_the_slowest_and_named() -> None:
    unclear = _catalog([ROWS[2] | {"gpu": "H100", "term": "on_demand"}])
    plan = _plan(_decided(catalog=unclear), unclear)
    assert "may be h100_pcie" in _rules(plan)["ambiguous_gpu"]
    assert {p.gpu for p in plan.placements} == {"h100_pcie"}


def test_a_kernel_that_stands_in_is_named() -> None:
    said = [
        " ".join(f.message for f in _plan(_decided(limits=f'kernels = "{rule}"')).findings)
        for rule in ("open", "any")
    ]
    assert "planner_triton_gemm" in said[0] and "planner_triton_gemm" not in said[1]


def test_evidence_follows_the_dollars() -> None:
    plan = _plan(_decided(catalog=_catalog(ROWS[:1])))
    assert [(e.subject, e.basis, round(e.share_of_dollars, 9)) for e in plan.evidence] == [
        ("performance", "interpolated", 1.0), ("prices", "quoted", 1.0),
    ]  # fmt: skip


def test_a_borrowed_gpu_has_no_measured_share() -> None:
    borrowed = _catalog([ROWS[0] | {"gpu": "rtx_6000_ada"}])
    assert _plan(_decided(catalog=borrowed), borrowed).measured_share == 0.0
    assert (_plan(_decided()).measured_share or 0.0) > 0.3


def test_a_plan_on_the_safe_side_keeps_its_limits_at_least_as_often() -> None:
    chances = [
        _plan(_decided(limits=f"quantile = {q}")).slo_probability or 0.0
        for q in ("0.5", "0.8", "0.95", "0.99")
    ]
    assert chances == sorted(chances) and chances[0] >= 0.5


def test_every_op_has_a_variant_and_the_flags_say_the_layout() -> None:
    for layer in layers(_decided()):
        assert {"gemm", "attention_prefill", "attention_decode"} <= set(variants_of(layer.option))
        assert any(
            flag.endswith(" 1") for flag in engine_flags(layer.option) if "tp" in flag or "tensor" in flag
        )


def test_runners_up_are_other_gpus_that_cost_more_with_a_reason() -> None:
    plan = _plan(_decided())
    assert [p.gpu for p in plan.placements] == ["h100_sxm"]
    assert plan.alternatives and not any("H100" in a.summary for a in plan.alternatives)
    assert all(a.delta_percent is not None and a.delta_percent > 0 and a.reason for a in plan.alternatives)


def test_an_offer_turned_away_is_counted_with_its_reason() -> None:
    plan = _plan(_decided(limits='zones = ["us"]'))
    counts = {r.reason: r.count for r in plan.rejected}
    assert counts["offer: zone is not in constraints.zones"] == 1


def test_the_same_decision_is_the_same_plan_whatever_the_order_of_offers() -> None:
    backwards = Catalog(tuple(reversed(_catalog().offers)))
    there, back = _plan(_decided()), _plan(_decided(catalog=backwards), backwards)
    assert replace(there, placements=()).usd_per_month == replace(back, placements=()).usd_per_month
