"""Batches that wait for quiet hours, starts that are paid, spot that vanishes: from the scenario to the dollars."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.answer.assemble import plan_of
from planner.answer.placements import layers, usd_per_month
from planner.decide import Decided, decide
from planner.demand import Demand
from planner.inputs import loads
from planner.options.columns import Column, paid_hours
from planner.options.interruptions import failure_domain, interruptions_per_hour
from planner.options.periods import WEEK_H, Slice, slices
from planner.pricing.catalog import Catalog, gated, parse_offer
from planner.pricing.money import HOURS_PER_MONTH
from planner.profiles.store import load_profiles

TODAY = date(2026, 11, 22)
ROWS = (
    ("verda", "h100_sxm", "1", "FI", "on_demand", "2.9"),
    ("lambda", "h100_sxm", "1", "US", "committed_1y", "1.9"),
)
CHAT = ("[workloads.chat]\nmodel = 'llama-3.1-8b'\ndemand = {preset = 'office_hours', peak_requests_per_s = 60}\n"
        "input_tokens = 1024\noutput_tokens = 256\nttft_ms = 1000\ntpot_ms = 50\n")  # fmt: skip
BATCH = ("[workloads.nightly]\nkind = 'batch'\nmodel = 'llama-3.1-8b'\nrequests = {n}\ndeadline_hours = {h}\n"
         "input_tokens = 2000\noutput_tokens = 300\n")  # fmt: skip


def _catalog(*rows: tuple[str, ...]) -> Catalog:
    names = ("seller", "gpu", "gpu_count", "country", "term", "usd_per_hour", "region")
    made = [
        parse_offer({"instance": f"{row[1]}-{i}", **dict(zip(names, row, strict=False))}, where=f"row {i}")
        for i, row in enumerate(rows)
    ]
    return gated(made).aged(TODAY)


def _decided(text: str, *rows: tuple[str, ...], limits: str = "") -> Decided:
    return decide(loads(f"{text}[constraints]\n{limits}\n"), _catalog(*rows), load_profiles())


def _dollars(decided: Decided) -> float:
    return decided.decision.usd_per_hour * HOURS_PER_MONTH


@pytest.fixture(scope="module")
def together() -> Decided:
    return _decided(CHAT + BATCH.format(n=20_000_000, h=720), *ROWS)


def test_a_batch_works_on_the_units_that_chat_leaves_idle(together: Decided) -> None:
    held = [
        (c, n)
        for c, n in zip(together.columns, together.decision.units.tolist(), strict=True)
        if c.held and n
    ]
    assert {c.option.workload for c, _ in held} == {0, 1}
    alone = sum(_dollars(_decided(text, *ROWS)) for text in (CHAT, BATCH.format(n=20_000_000, h=720)))
    assert _dollars(together) < 0.95 * alone


def test_the_dollars_of_all_placements_are_the_cost_of_the_decision(together: Decided) -> None:
    catalog = _catalog(*ROWS)
    plan = plan_of(together, catalog, load_profiles(), as_of=TODAY)
    assert sum(p.usd_per_month for p in plan.placements) == pytest.approx(_dollars(together), rel=1e-9)
    assert all(0 < p.hours_per_month <= HOURS_PER_MONTH for p in plan.placements)
    assert {p.workload for p in plan.placements} == {"chat", "nightly"}


def test_hardware_that_changes_roles_is_used_no_longer_than_the_month(together: Decided) -> None:
    p, units = together.problem, together.decision.units
    used = sum(
        layer.units * layer.hours for layer in layers(together) if layer.option.offer.term == "committed_1y"
    )
    assert used <= p.held(units).sum() * HOURS_PER_MONTH + 1e-6


def test_a_batch_alone_rents_the_hours_it_needs() -> None:
    text = BATCH.format(n=300_000, h=400)
    decided = _decided(text, ROWS[0])
    (layer,) = layers(decided)
    needed = 300_000 / 3600 / layer.option.capacity_per_s
    assert layer.hours * layer.units == pytest.approx(needed, abs=1.5)
    assert layer.hours < 400
    assert usd_per_month(layer, decided) == pytest.approx(_dollars(decided))


def test_a_tighter_deadline_never_costs_less() -> None:
    costs = [
        _dollars(_decided(CHAT + BATCH.format(n=4_000_000, h=h), *ROWS)) for h in (700, 400, 169, 100, 12)
    ]
    assert all(b >= a * (1 - 0.01) for a, b in itertools.pairwise(costs))


DEADLINES = st.one_of(st.floats(1, WEEK_H, exclude_max=True), st.floats(WEEK_H, HOURS_PER_MONTH))


@given(DEADLINES, st.floats(1e3, 1e7))
def test_the_open_hours_of_a_deadline_add_up_to_it(deadline: float, requests: float) -> None:
    office = Demand.preset("office_hours", peak_requests_per_s=9)
    found = slices([office, Demand.volume(requests, deadline_hours=deadline)], [None, deadline])
    open_ = [s for s in found if s.rates[1] > 0]
    assert sum(s.open_hours(1) for s in open_) == pytest.approx(deadline)
    assert sum(s.hours for s in found) == pytest.approx(HOURS_PER_MONTH)
    assert sum(s.hours * s.rates[0] for s in found) * 3600 == pytest.approx(office.requests_per_month)


def test_a_unit_pays_its_starts_unless_it_runs_all_month(together: Decided) -> None:
    option = next(c.option for c in together.columns if c.option.offer.term == "on_demand" and not c.window_h)
    months = (Slice(100.0, (2.0,)), Slice(630.0, (1.0,)))
    busy, quiet = (paid_hours(Column(option, t), months) for t in (0, 1))
    start_h = option.cold_start.value / 3600
    assert busy == pytest.approx(100 + 365 / 12 * start_h)
    assert busy + quiet == pytest.approx(HOURS_PER_MONTH)
    assert option.cold_start.low < option.cold_start.value < option.cold_start.high


def test_a_measured_cold_start_replaces_the_assumed_one() -> None:
    text = CHAT.replace("tpot_ms = 50", "tpot_ms = 50\ncold_start_s = 77")
    decided = _decided(text, ROWS[0])
    assert {o.cold_start.value for o in decided.options} == {77.0}
    plan = plan_of(decided, _catalog(ROWS[0]), load_profiles(), as_of=TODAY)
    assert next(a.value for a in plan.assumptions if a.name == "chat cold start") == "77 s"


SPOT = [("verda", "h100_sxm", "1", "FI", "spot", "1.0", region) for region in ("FIN-01", "FIN-02", "FIN-03")]
STEADY = CHAT.replace("demand = {preset = 'office_hours', peak_requests_per_s = 60}", "requests_per_s = 60")


def test_interactive_spot_survives_the_loss_of_any_region() -> None:
    decided = _decided(STEADY, ROWS[0], *SPOT)
    by_domain: dict[str, float] = {}
    for layer in layers(decided):
        place = failure_domain(layer.option.offer) or "steady"
        by_domain[place] = by_domain.get(place, 0.0) + layer.units * layer.option.capacity_per_s
    assert len(by_domain) > 2
    for place, lost in by_domain.items():
        if place != "steady":
            assert sum(by_domain.values()) - lost >= 60 * (1 - 1e-6)


def test_one_region_of_spot_is_no_fallback_for_itself() -> None:
    same = [replace_region(row, "FIN-01", i) for i, row in enumerate(SPOT)]
    decided = _decided(STEADY, ROWS[0], *same)
    assert {layer.option.offer.term for layer in layers(decided)} == {"on_demand"}
    relaxed = _decided(STEADY, ROWS[0], *same, limits="spot_fallback = 'on_demand'")
    assert {layer.option.offer.term for layer in layers(relaxed)} == {"spot"}


def replace_region(row: tuple[str, ...], region: str, number: int) -> tuple[str, ...]:
    return (*row[:5], f"{1.0 + number / 10}", region)


def test_restarts_make_spot_slower_for_a_batch() -> None:
    chat = _decided(STEADY, ROWS[0], SPOT[0], limits="spot_fallback = 'on_demand'")
    spot = next(o for o in chat.options if o.offer.term == "spot")
    steady = next(o for o in chat.options if o.offer.term == "on_demand")
    share = 0.02 / 3600 * spot.cold_start.value
    assert spot.capacity_per_s == steady.capacity_per_s
    batch = _decided(BATCH.format(n=100_000, h=300), ROWS[0], SPOT[0])
    slow = next(o for o in batch.options if o.offer.term == "spot")
    full = next(o for o in batch.options if o.offer.term == "on_demand")
    assert slow.capacity_per_s < full.capacity_per_s / (1 + share) * (1 + 1e-9)


def test_a_known_rate_of_interruption_replaces_the_assumed_one() -> None:
    (offer,) = _catalog(SPOT[0]).offers
    assert interruptions_per_hour(offer) == 0.02
    assert interruptions_per_hour(replace(offer, interruption_per_hour=0.2)) == 0.2
    assert interruptions_per_hour(replace(offer, term="on_demand")) == 0.0


def test_an_api_beside_shared_hardware_and_spot() -> None:
    api = ("[[prices]]\nseller = 'acme'\ninstance = 'fast'\nterm = 'api'\nmodel = 'llama-3.1-8b'\n"
           "usd_per_million_input_tokens = 9.0\nusd_per_million_output_tokens = 9.0\n")  # fmt: skip
    text = CHAT + BATCH.format(n=20_000_000, h=720)
    scenario = loads(f"{text}{api}")
    decided = decide(scenario, _catalog(*ROWS, *SPOT), load_profiles())
    assert [x.workload for x in decided.hosted] == [
        1
    ]  # chat has limits on latency, and nothing is known of it
    assert decided.problem.holding_usd_per_hour is not None and decided.problem.limits.losses
    assert decided.decision.status == "optimal"
    without = _decided(text, *ROWS, *SPOT)
    assert _dollars(decided) == pytest.approx(_dollars(without))


def test_own_prices_carry_stock_and_interruptions_into_the_offer() -> None:
    from planner.decide import market

    scenario = loads(
        CHAT + "[[prices]]\nseller = 'verda'\ninstance = 'h100_sxm-0'\nterm = 'spot'\nusd_per_hour = 1.0\n"
        "available = 3\ninterruption_per_hour = 0.1\n"
    )  # fmt: skip
    own = next(o for o in market(scenario, _catalog(ROWS[0])) if o.term == "spot")
    assert (own.availability, own.interruption_per_hour) == (3, 0.1)
