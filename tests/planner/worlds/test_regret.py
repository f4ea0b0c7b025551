"""Regret, what to measure next, the robust plan: never negative, zero with hindsight, the same for the same seed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import planner
from planner.calibration.store import load_calibration
from planner.canonical import dumps
from planner.decide import Decided, decide
from planner.inputs import loads
from planner.optimize.check import violations
from planner.optimize.search import as_proposal
from planner.pricing.catalog import Catalog, gated, parse_offer
from planner.profiles.store import load_profiles
from planner.worlds.draws import Draws
from planner.worlds.measure import measure_next
from planner.worlds.outlook import CERTAIN, Outlook
from planner.worlds.regret import regret, score
from planner.worlds.robust import robust_decision
from planner.worlds.score import clairvoyant, cost, planned
from planner.worlds.speeds import Shifted
from planner.worlds.worlds import reach_of, worlds_of

SIDE = 0.8416212335729143  # standard deviations of the 80 % side


def catalog(prices: tuple[float, ...] = (0.9, 0.5, 0.4, 2.9, 2.6, 0.8)) -> Catalog:
    rows = (("verda", "l40s", "FI", "on_demand"), ("aws", "l4", "US", "on_demand"), ("aws", "l40s", "US", "spot"),
            ("lambda", "h100_sxm", "US", "on_demand"), ("lambda", "h200_sxm", "US", "committed_1y"),
            ("vast", "rtx_6000_ada", "US", "on_demand"))  # fmt: skip
    return gated([
        parse_offer({"instance": f"{gpu}-{i}", "seller": seller, "gpu": gpu, "gpu_count": "1", "country": country,
                     "term": term, "usd_per_hour": f"{usd:.4f}"}, where=f"row {i}")
        for i, ((seller, gpu, country, term), usd) in enumerate(zip(rows, prices, strict=True))
    ])  # fmt: skip


def decided(rate: float = 12.0, limits: str = "", offers: Catalog | None = None) -> Decided:
    scenario = loads(
        f'[workloads.chat]\nmodel = "llama-3.1-8b"\nrequests_per_s = {rate}\ninput_tokens = 1024\n'
        f"output_tokens = 256\nttft_ms = 1000\ntpot_ms = 50\n[constraints]\n{limits}\n"
    )
    return decide(scenario, offers or catalog(), load_profiles())


PRICES = st.tuples(*[st.floats(0.2, 3.0) for _ in range(6)])
FEW = settings(max_examples=6, deadline=None)


@FEW
@given(rate=st.floats(1.0, 60.0), prices=PRICES, seed=st.integers(0, 99), spares=st.integers(0, 2))
def test_regret_is_never_negative_and_chances_are_chances(
    rate: float, prices: tuple[float, ...], seed: int, spares: int
) -> None:
    d = decided(rate, f"spare_replicas = {spares}", catalog(prices))
    found = score(d, draws=Draws(seed, 6), outlook=Outlook())
    assert (found.regret >= 0).all()
    assert (found.adapted <= found.signed).all() and (found.best <= found.adapted).all()
    r = regret(d, draws=Draws(seed, 6), outlook=Outlook())
    chances = (r.slo_probability, r.slo_probability_any_demand, r.cheapest_probability,
               *(w.share for w in r.winners), *(q.slo_probability for q in r.quantiles))  # fmt: skip
    assert all(0 <= p <= 1 for p in chances)
    assert r.cost_usd_per_month.p10 <= r.cost_usd_per_month.p50 <= r.cost_usd_per_month.p90
    assert r.expected_regret_usd_per_month == pytest.approx(found.regret.mean())


@FEW
@given(rate=st.floats(1.0, 60.0), prices=PRICES, shift=st.floats(-1.5, 1.5))
def test_the_plan_of_who_knew_regrets_nothing(rate: float, prices: tuple[float, ...], shift: float) -> None:
    d = decided(rate, offers=catalog(prices))
    reach = reach_of(d)
    worlds = worlds_of(d, reach, Shifted(({},), rest=shift), CERTAIN, Draws(0, 1))
    known = clairvoyant(worlds, 0)
    assert known is not None
    assert cost(worlds, known[0]) == pytest.approx([known[1]], rel=1e-9)
    if abs(shift - SIDE) < 1e-9:
        assert known[1] == pytest.approx(d.decision.usd_per_hour)


def test_when_everything_turns_out_as_planned_there_is_nothing_to_regret() -> None:
    d = decided()
    reach = reach_of(d)
    worlds = worlds_of(d, reach, Shifted(({},), rest=SIDE), CERTAIN, Draws(0, 1))
    known = clairvoyant(worlds, 0)
    assert known is not None
    assert cost(worlds, planned(reach, d.decision)) == pytest.approx([known[1]], rel=0.006)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    d = decided()
    one, again, other = (dumps(regret(d, draws=Draws(seed, 12), outlook=Outlook())) for seed in (3, 3, 4))
    assert one == again and one != other
    assert dumps(measure_next(d, draws=Draws(3, 12), outlook=Outlook())) == dumps(
        measure_next(d, draws=Draws(3, 12), outlook=Outlook())
    )


def test_more_worlds_settle() -> None:
    d = decided()
    few, many = (
        [score(d, draws=Draws(s, n), outlook=CERTAIN).regret.mean() for s in range(3)] for n in (8, 64)
    )
    assert np.ptp(many) < np.ptp(few)


def test_more_uncertainty_about_prices_and_demand_is_more_regret() -> None:
    d, draws = decided(), Draws(0, 30)
    wild = Outlook(gpu_price_sd=1.0, seller_price_sd=0.5, demand_sd=0.3)
    calm, wilder = (score(d, draws=draws, outlook=o).regret.mean() for o in (CERTAIN, wild))
    assert calm < wilder


# -- measure next ------------------------------------------------------------------------------------------


def test_no_measurement_removes_more_than_there_is_and_every_one_says_how_to_take_it() -> None:
    found = measure_next(decided(), draws=Draws(0, 40), outlook=Outlook())
    assert found.measurements
    removes = [m.removes_usd_per_month for m in found.measurements]
    assert removes == sorted(removes, reverse=True)
    for m in found.measurements:
        assert 0 <= m.removes_usd_per_month <= found.expected_regret_usd_per_month
        assert m.speed_low <= m.speed_high
        start, load, calibrate, again = m.commands
        assert {"vllm": "vllm serve", "sglang": "sglang", "trtllm": "trtllm-serve"}[m.engine] in start
        assert "--save-result" in load and "--random-input-len 1024 --random-output-len 256" in load
        assert f"--gpu {m.gpu} --engine {m.engine}" in calibrate and calibrate.startswith(
            "planner calibrate "
        )
        assert again.startswith("planner recommend --calibration ")


def test_the_commands_of_a_measurement_are_ones_the_program_takes(tmp_path: object) -> None:
    import shlex

    from typer.testing import CliRunner

    from planner.cli import app

    (m, *_) = measure_next(decided(), draws=Draws(0, 12), outlook=Outlook()).measurements
    program, *arguments = shlex.split(m.commands[2])
    assert program == "planner"
    said = CliRunner().invoke(app, arguments)
    assert (
        said.exit_code == 5 and "cannot be read" in said.output
    )  # every option known; only the file is missing


def test_what_is_known_already_is_not_worth_measuring() -> None:
    d = decided()
    sure = tuple(
        replace(w, configurations=tuple(
            replace(c, spread=replace(c.spread, tpot=1e-6, ttft=1e-6)) for c in w.configurations))
        for w in d.ways
    )  # fmt: skip
    found = measure_next(replace(d, ways=sure), draws=Draws(0, 12), outlook=CERTAIN)
    whole = measure_next(d, draws=Draws(0, 12), outlook=CERTAIN)
    assert max(m.speed_high - m.speed_low for m in found.measurements) < 0.01
    assert max(m.speed_high - m.speed_low for m in whole.measurements) > 0.1


# -- the robust plan ---------------------------------------------------------------------------------------


@FEW
@given(rate=st.floats(2.0, 60.0), prices=PRICES, spares=st.integers(0, 1))
def test_the_robust_plan_has_no_larger_maximum_regret_and_keeps_every_limit(
    rate: float, prices: tuple[float, ...], spares: int
) -> None:
    d = decided(rate, f"spare_replicas = {spares}", catalog(prices))
    least, record = robust_decision(d, outlook=Outlook())
    assert record.max_regret_usd_per_month <= record.max_regret_of_cheapest_usd_per_month + 1e-6
    assert record.usd_per_month >= record.cheapest_usd_per_month * (1 - 1e-6)
    assert violations(d.problem, as_proposal(least.decision)) == ()
    assert record.usd_per_month == pytest.approx(least.decision.usd_per_hour * 730)
    regrets = [s.regret_usd_per_month for s in record.scenarios]
    assert min(regrets) >= -1e-6 and max(regrets) == pytest.approx(record.max_regret_usd_per_month)
    names = [s.scenario for s in record.scenarios]
    assert len(set(names)) == len(names) and names[0] == "as predicted"
    assert any("slower" in n for n in names) and any("demand up" in n for n in names)


def test_the_calibration_of_the_question_says_what_is_known() -> None:
    assert decided().configurations.calibration.digest == load_calibration().digest


def test_a_stored_robust_plan_still_lists_its_scenarios() -> None:
    from planner.plan import parse_plan
    from planner.render import render

    made = planner.recommend(planner.load_example("eu-only"), as_of=date(2026, 11, 22), robust=True)
    assert "Regret by scenario, a month" in render(made)
    assert render(parse_plan(made.to_json())).count("slower, 90 % side") >= 2
    assert "Regret by scenario" not in render(replace(made, analyses=dict.fromkeys(made.analyses)))
