"""What must hold for any market and any question: monotone in offers, prices and limits, solved to gap 0."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.answer.assemble import plan_of
from planner.decide import Decided, decide
from planner.inputs import loads
from planner.pricing.catalog import Catalog, gated, parse_offer
from planner.profiles.store import Profiles, load_profiles
from planner.scenario import Scenario

TODAY = date(2026, 11, 22)
Row = tuple[str, str, int, str, str, float]
MARKET: tuple[Row, ...] = (
    # seller, GPU, GPUs, country, term, USD an hour
    ("aws", "l4", 1, "US", "on_demand", 0.80),
    ("aws", "l4", 4, "US", "on_demand", 3.10),
    ("aws", "h100_sxm", 8, "US", "on_demand", 31.00),
    ("aws", "h100_sxm", 8, "DE", "spot", 16.00),
    ("lambda", "a100_sxm", 1, "US", "on_demand", 1.80),
    ("verda", "l40s", 1, "FI", "on_demand", 0.90),
    ("verda", "l40s", 1, "FI", "spot", 0.40),
    ("verda", "h200_sxm", 1, "FI", "on_demand", 3.20),
    ("runpod", "rtx_4090", 1, "RO", "on_demand", 0.45),
    ("tensorwave", "mi300x", 8, "US", "on_demand", 14.00),
)
WORKLOAD = {
    "model": '"llama-3.1-8b"', "requests_per_s": "12", "input_tokens": "1024", "output_tokens": "256",
    "ttft_ms": "1000", "tpot_ms": "50", "weight_precisions": '["bf16", "fp8"]', "kv_precisions": '["bf16", "fp8"]',
}  # fmt: skip
LIMITS = {"consumer_in_datacenter": "true"}
KERNELS = ("any", "open", "portable")


@cache
def _profiles() -> Profiles:
    return load_profiles()


def _market(rows: Sequence[Row] = MARKET, *, factor: float = 1.0) -> Catalog:
    names = ("seller", "gpu", "gpu_count", "country", "term", "usd_per_hour")
    offers = []
    for number, row in enumerate(rows):
        cells = dict(zip(names, map(str, row), strict=True))
        cells["usd_per_hour"] = repr(row[5] * factor)
        cells["instance"] = f"{row[1]} x{row[2]} {row[4]}"
        offers.append(parse_offer(cells, where=f"row {number}"))
    catalog = gated(offers)
    assert not catalog.left_out, "the gates must let the test's market through"
    return catalog


def _scenario(limits: dict[str, str] | None = None, **workload: str) -> Scenario:
    tables = {"workloads.chat": WORKLOAD | workload, "constraints": LIMITS | (limits or {})}
    return loads(
        "\n".join(f"[{n}]\n" + "\n".join(f"{k} = {v}" for k, v in t.items()) for n, t in tables.items())
    )


_EARLIER: dict[tuple[str, Any], Decided] = {}


def _decided(scenario: Scenario, catalog: Catalog, *, gap: float = 0.0) -> Decided:
    """The decision; evaluations are shared between questions about one kernel rule and set of engines."""
    key = (scenario.constraints.kernels, scenario.constraints.engines)
    decided = decide(scenario, catalog, _profiles(), gap=gap, like=_EARLIER.get(key))
    _EARLIER.setdefault(key, decided)
    return decided


def _cost(limits: dict[str, str] | None = None, *, catalog: Catalog | None = None, **workload: str) -> float:
    """Dollars a month, infinite where nothing fits; only proven answers can be compared."""
    decision = _decided(_scenario(limits, **workload), catalog or _market()).decision
    assert decision.status in ("optimal", "infeasible")
    return 730 * decision.usd_per_hour


SUBSETS = st.sets(st.integers(0, len(MARKET) - 1), min_size=1, max_size=5)


@settings(max_examples=12, deadline=None)
@given(SUBSETS, st.integers(0, len(MARKET) - 1))
def test_adding_an_offer_never_raises_the_cost(some: set[int], one_more: int) -> None:
    before = _cost(catalog=_market([MARKET[i] for i in sorted(some)]))
    after = _cost(catalog=_market([MARKET[i] for i in sorted(some | {one_more})]))
    assert after <= before * (1 + 1e-9)


@settings(max_examples=8, deadline=None)
@given(SUBSETS)
def test_doubling_every_price_doubles_the_cost(some: set[int]) -> None:
    rows = [MARKET[i] for i in sorted(some)]
    assert _cost(catalog=_market(rows, factor=2.0)) == pytest.approx(2 * _cost(catalog=_market(rows)))


@settings(max_examples=8, deadline=None)
@given(st.sets(st.integers(0, len(MARKET) - 1), min_size=2, max_size=4), st.floats(0.5, 1.0), st.data())
def test_lowering_one_price_never_raises_the_cost(some: set[int], factor: float, data: st.DataObject) -> None:
    rows = [MARKET[i] for i in sorted(some)]
    at = data.draw(st.integers(0, len(rows) - 1))
    cheaper = [(*r[:5], r[5] * factor) if i == at else r for i, r in enumerate(rows)]
    assert _cost(catalog=_market(cheaper)) <= _cost(catalog=_market(rows)) * (1 + 1e-9)


LADDERS: dict[str, tuple[Any, ...]] = {
    "tpot_ms": ("200", "100", "50", "35", "25", "15", "8"),
    "ttft_ms": ("10000", "2000", "1000", "500", "300", "150", "50"),
    "percentile": ("50", "90", "95", "99", "99.9"),
    "requests_per_s": ("0.1", "1", "3.7", "12", "30", "100"),
    "weight_precisions": ('["bf16", "fp8"]', '["bf16"]'),
    "kv_precisions": ('["bf16", "fp8"]', '["bf16"]'),
}
"""Values of a workload's field, each tighter than (or inside) the one before."""


@pytest.mark.parametrize("field", LADDERS)
def test_asking_for_more_never_costs_less(field: str) -> None:
    costs = [_cost(**{field: value}) for value in LADDERS[field]]
    assert costs[0] < float("inf")
    assert all(a <= b * (1 + 1e-9) for a, b in itertools.pairwise(costs)), costs


LIMIT_LADDERS: dict[str, tuple[dict[str, str], ...]] = {
    "zones": ({}, {"zones": '["us", "eu"]'}, {"zones": '["eu"]'}),
    "countries": ({}, {"countries": '["FI", "US", "RO"]'}, {"countries": '["US"]'}),
    "terms": ({"max_spot_share": "1.0"}, {"terms": '["on_demand"]', "max_spot_share": "1.0"}),
    "sellers": ({}, {"sellers": '["aws", "lambda", "runpod"]'}, {"sellers": '["aws"]'}),
    "vendors": ({}, {"vendors": '["nvidia"]'}, {"vendors": '["amd"]'}),
    "gpus": ({}, {"gpus": '["l4", "h100_sxm"]'}, {"gpus": '["h100_sxm"]'}),
    "engines": ({}, {"engines": '["vllm", "sglang"]'}, {"engines": '["sglang"]'}),
    "spare_replicas": tuple({"spare_replicas": n} for n in ("0", "1", "2", "5")),
    "max_spot_share": tuple({"max_spot_share": s} for s in ("1.0", "0.7", "0.5", "0.25", "0.0")),
    "quantile": tuple({"quantile": q} for q in ("0.5", "0.8", "0.9", "0.95")),
    "consumer_in_datacenter": ({"consumer_in_datacenter": "true"}, {"consumer_in_datacenter": "false"}),
    "budget_usd_per_month": tuple({"budget_usd_per_month": b} for b in ("1e6", "5000", "50")),
}
"""Constraints, each tighter than the one before."""


@pytest.mark.parametrize("name", LIMIT_LADDERS)
def test_tightening_a_limit_never_lowers_the_cost(name: str) -> None:
    costs = [_cost(limits) for limits in LIMIT_LADDERS[name]]
    assert costs[0] < float("inf")
    assert all(a <= b * (1 + 1e-9) for a, b in itertools.pairwise(costs)), costs


@pytest.mark.parametrize("row", range(len(MARKET)), ids=[f"{r[1]} x{r[2]}" for r in MARKET])
@pytest.mark.parametrize("model", ["llama-3.1-8b", "qwen3-30b-a3b"])
def test_avoiding_closed_kernels_never_costs_less(row: int, model: str) -> None:
    catalog = _market([MARKET[row]])
    costs = [_cost({"kernels": f'"{rule}"'}, catalog=catalog, model=f'"{model}"') for rule in KERNELS]
    assert all(a <= b * (1 + 1e-9) for a, b in itertools.pairwise(costs)), costs


@pytest.mark.parametrize("rule", ["open", "portable"])
def test_a_rule_on_kernels_alone_never_makes_a_plan_impossible(rule: str) -> None:
    assert _cost({"kernels": f'"{rule}"'}) < float("inf")


@settings(max_examples=10, deadline=None)
@given(
    st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.integers(0, 3), st.floats(0.5, 60),
    st.sampled_from(["constant", "office_hours", "diurnal", "bursty"]),
)  # fmt: skip
def test_a_plan_keeps_every_promise(spot: float, spare: int, peak: float, preset: str) -> None:
    limits = {"max_spot_share": str(spot), "spare_replicas": str(spare)}
    workload = {k: v for k, v in WORKLOAD.items() if k != "requests_per_s"}
    demand = f'{{preset = "{preset}", peak_requests_per_s = {peak!r}}}'
    tables = {"workloads.chat": workload | {"demand": demand}, "constraints": LIMITS | limits}
    text = "\n".join(f"[{n}]\n" + "\n".join(f"{k} = {v}" for k, v in t.items()) for n, t in tables.items())
    scenario = loads(text)
    plan = plan_of(_decided(scenario, _market(), gap=0.01), _market(), _profiles(), as_of=TODAY)
    placements = plan.placements
    assert plan.usd_per_month is not None
    assert plan.usd_per_month == pytest.approx(sum(p.usd_per_month for p in placements))
    assert plan.bound_usd_per_month is not None and plan.bound_usd_per_month <= plan.usd_per_month * (
        1 + 1e-9
    )
    for p in placements:
        assert p.usd_per_month == pytest.approx(p.units * p.offer.usd_per_hour * p.hours_per_month)
        assert p.headroom is not None and 0 <= p.headroom <= 1
        assert 0 < p.hours_per_month <= 730 + 1e-6
    if preset == "constant":
        load = sum(p.load_requests_per_s for p in placements)
        assert load == pytest.approx(peak)
        on_spot = sum(p.load_requests_per_s for p in placements if p.term == "spot")
        assert on_spot <= spot * peak * (1 + 1e-6)


def test_spares_are_units_the_load_can_do_without() -> None:
    catalog = _market([MARKET[5]])
    fleets = [_decided(_scenario({"spare_replicas": n}), catalog) for n in ("0", "1", "3")]
    units = [int(d.decision.units.sum()) for d in fleets]
    assert [n - units[0] for n in units] == [0, 1, 3]


def test_a_budget_is_kept_or_nothing_is_promised() -> None:
    free = _cost()
    assert _cost({"budget_usd_per_month": f"{free * 1.001:.2f}"}) == pytest.approx(free)
    assert _cost({"budget_usd_per_month": f"{free * 0.99:.2f}"}) == float("inf")


def test_an_offer_out_of_stock_is_not_planned_beyond_what_there_is() -> None:
    offers = _market([MARKET[5], MARKET[4]]).offers
    few = Catalog(tuple(replace(o, availability=1.0) if o.gpu == "l40s" else o for o in offers))
    found = _decided(_scenario(), few)
    units = {c.option.offer.gpu: n for c, n in zip(found.columns, found.decision.units, strict=True)}
    assert units["l40s"] <= 1 < units["a100_sxm"] + units["l40s"]


def test_what_is_remembered_between_questions_changes_no_answer() -> None:
    for limits in ({}, {"zones": '["eu"]'}, {"sellers": '["aws"]'}):
        remembered = _cost(limits)
        afresh = decide(_scenario(limits), _market(), load_profiles(), gap=0.0).decision
        assert remembered == 730 * afresh.usd_per_hour
