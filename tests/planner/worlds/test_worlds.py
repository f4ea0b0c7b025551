"""Sampled worlds: reproducible, correlated where errors are, and only as wrong as was measured."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.calibration.store import load_calibration
from planner.decide import Decided, decide
from planner.errors import DataError, InputError
from planner.estimate.floor import decode_floor_s
from planner.inputs import loads
from planner.options.interruptions import INTERRUPTIONS_PER_HOUR
from planner.options.sustain import sustained
from planner.options.table import tokens_at
from planner.pricing.catalog import Catalog, gated, parse_offer
from planner.profiles.store import load_profiles
from planner.worlds.chance import slo_probability
from planner.worlds.draws import Draws
from planner.worlds.outlook import CERTAIN, Outlook, share_away
from planner.worlds.residuals import POOLS, load_error_curves, pool_of, read_error_curves
from planner.worlds.score import clairvoyant, cost, extension, fleet_of, kept, planned
from planner.worlds.speeds import Sampled, Shifted, _margins, group_of, rates
from planner.worlds.worlds import reach_of, worlds_of

HEAD = "pool,group,curve,batch,tpot_sd,ttft_sd\n"


@cache
def catalog() -> Catalog:
    rows = (
        ("verda", "l40s", "1", "FI", "on_demand", "0.9"),
        ("aws", "l4", "1", "US", "on_demand", "0.5"),
        ("aws", "l40s", "1", "US", "spot", "0.4"),
        ("lambda", "h100_sxm", "1", "US", "on_demand", "2.9"),
        ("lambda", "h200_sxm", "1", "US", "committed_1y", "2.6"),
        ("vast", "rtx_6000_ada", "1", "US", "on_demand", "0.8"),
    )
    names = ("seller", "gpu", "gpu_count", "country", "term", "usd_per_hour")
    made = [parse_offer({"instance": f"{r[1]}-{i}", **dict(zip(names, r, strict=True))}, where=f"row {i}")
            for i, r in enumerate(rows)]  # fmt: skip
    return gated(made)


@cache
def decided(
    demand: str = "requests_per_s = 12",
    limits: str = "",
    model: str = "llama-3.1-8b",
    precisions: tuple[str, ...] = ("bf16",),
) -> Decided:
    scenario = loads(
        f'[workloads.chat]\nmodel = "{model}"\n{demand}\ninput_tokens = 1024\noutput_tokens = 256\n'
        f"ttft_ms = 1000\ntpot_ms = 50\nweight_precisions = {list(precisions)}\n[constraints]\n{limits}\n"
    )
    return decide(scenario, catalog(), load_profiles())


def sampled(draws: Draws) -> Sampled:
    return Sampled(draws, load_calibration())


OFFICE = 'demand = {preset = "office_hours", peak_requests_per_s = 40}'
QUESTIONS = ((), (OFFICE,), ("requests_per_s = 12", "spare_replicas = 1"), (OFFICE, "spare_replicas = 2"))


# -- what is shipped ---------------------------------------------------------------------------------------


def test_every_error_curve_is_finite_and_rises_in_batch_size() -> None:
    for pool in load_error_curves().pools.values():
        assert len(pool) > 300
        for curve in pool:
            assert (np.diff(curve.log_batch) > 0).all()
            assert np.isfinite([*curve.tpot, *curve.ttft]).all() and "|" in curve.group


@pytest.mark.parametrize("pool", POOLS)
def test_errors_are_as_large_as_the_intervals_say(pool: str) -> None:
    curves = load_error_curves().pools[pool]
    for off in (np.concatenate([c.tpot for c in curves]), np.concatenate([c.ttft for c in curves])):
        assert 0.75 < (np.abs(off) <= 1.2816).mean() < 0.85  # 80 % intervals
        assert abs(np.median(off)) < 0.2


def test_a_table_without_a_pool_or_with_words_for_numbers_is_refused() -> None:
    with pytest.raises(DataError, match="pool: expected known, new_model, new_system, found known"):
        read_error_curves(HEAD + "known,a|b|c,1,4,0.1,0.2\n")
    with pytest.raises(DataError, match=r"residual_curves.csv: line 2: not an error curve"):
        read_error_curves(HEAD + "known,a|b|c,1,four,0.1,0.2\n")


def test_measured_combinations_draw_from_errors_of_known_ones_and_borrowed_gpus_do_not() -> None:
    d = decided(model="llama-3.1-70b", precisions=("bf16", "fp8"))
    pools: dict[tuple[str, str], set[str]] = {}
    for c in d.ways[0].configurations:
        pools.setdefault((c.evaluation.gpu.key, c.weights), set()).add(pool_of(c, load_calibration()))
    assert pools["h200_sxm", "fp8"] == {"known", "new_model"}  # not every engine was measured
    assert pools["h200_sxm", "bf16"] == {"new_model"}
    borrowed = decided().ways[0].configurations
    assert {
        pool_of(c, load_calibration()) for c in borrowed if c.evaluation.gpu.key in ("rtx_6000_ada", "l40s")
    } == {"new_system"}


# -- draws -------------------------------------------------------------------------------------------------


@given(st.integers(0, 2**32 - 1), st.integers(1, 300), st.text(max_size=20), st.integers(1, 50))
def test_the_same_seed_and_name_draw_the_same_and_go_round_evenly(
    seed: int, count: int, name: str, size: int
) -> None:
    draws = Draws(seed, count)
    members = draws.members(name, size)
    assert (members == Draws(seed, count).members(name, size)).all()
    assert np.ptp(np.bincount(members, minlength=size)) <= 1
    assert np.sort(draws.normal(name)) == pytest.approx(np.sort(Draws(7, count).normal("x")))


@pytest.mark.parametrize(("seed", "count"), [(-1, 5), (2**32, 5), (0, 0), (0, 10_001)])
def test_a_seed_or_count_out_of_range_is_bad_input(seed: int, count: int) -> None:
    with pytest.raises(InputError, match="is not between"):
        Draws(seed, count)


# -- speeds ------------------------------------------------------------------------------------------------


def test_no_error_is_the_prediction_and_the_quantile_is_its_shift() -> None:
    way = decided().ways[0]
    every = np.arange(len(way.configurations))
    for shift, quantile in ((0.0, 0.5), (0.8416212335729143, 0.8)):
        again = sustained([c.evaluation for c in way.configurations], [c.spread for c in way.configurations],
                          way.slo, demand_per_s=12.0, quantile=quantile,
                          longest_input=tokens_at(way.workload, 95.0)).requests_per_s  # fmt: skip
        assert rates(way, every, Shifted(({},), rest=shift))[0] == pytest.approx(again, rel=1e-6)


def test_slower_than_predicted_never_carries_more() -> None:
    way = decided().ways[0]
    shifts = np.linspace(-2, 2, 9)
    one = np.stack(
        [rates(way, np.arange(len(way.configurations)), Shifted(({},), rest=s))[0] for s in shifts]
    )
    assert (np.diff(one, axis=0) <= 1e-9).all() and (one[0] > one[-1]).any()


def test_one_group_is_wrong_together_and_others_apart() -> None:
    way, draws = decided().ways[0], Draws(0, 200)
    errors = sampled(draws)
    by_group: dict[object, list[np.ndarray]] = {}
    for c in way.configurations:
        by_group.setdefault((group_of(c), pool_of(c, load_calibration())), []).append(errors.of(c)[0][:, 5])
    assert all(np.array_equal(series[0], other) for series in by_group.values() for other in series)
    apart = np.corrcoef(np.stack([series[0] for series in by_group.values()]))
    assert np.abs(apart[~np.eye(len(apart), dtype=bool)]).max() < 0.4


def test_no_error_beats_the_roofline() -> None:
    errors = sampled(Draws(0, 400))
    for c in decided().ways[0].configurations[::20]:
        tpot, _ = _margins(c, errors)
        least = np.minimum(decode_floor_s(c.evaluation), c.evaluation.served.tpot_s)
        assert (c.evaluation.served.tpot_s * np.exp(tpot) >= least * (1 - 1e-9)).all()


# -- plans in worlds ---------------------------------------------------------------------------------------


def test_with_nothing_uncertain_the_plan_keeps_its_limits_and_costs_what_it_says() -> None:
    for question in QUESTIONS:
        d = decided(*question)
        reach, draws = reach_of(d), Draws(0, 1)
        planning = Shifted(({},), rest=0.8416212335729143)
        worlds = worlds_of(d, reach, planning, CERTAIN, draws)
        fleet = planned(reach, d.decision)
        assert kept(worlds, fleet).all()
        assert extension(worlds, fleet) == pytest.approx([0.0])
        assert cost(worlds, fleet) == pytest.approx([d.decision.usd_per_hour])


@pytest.mark.parametrize("question", QUESTIONS)
def test_who_knows_the_world_regrets_nothing_and_nobody_pays_less(question: tuple[str, ...]) -> None:
    d, draws = decided(*question), Draws(1, 12)
    reach = reach_of(d)
    worlds = worlds_of(d, reach, sampled(draws), Outlook(), draws)
    signed = cost(worlds, planned(reach, d.decision))
    for w in range(draws.count):
        known = clairvoyant(worlds, w)
        assert known is not None
        fleet, usd = known
        here = worlds.some(np.array([w]))
        assert cost(here, fleet) == pytest.approx([usd], rel=1e-6)
        # the search may stop half a percent above its optimum
        assert signed[w] >= usd * (1 - 0.006)


@given(seed=st.integers(0, 1000), units=st.lists(st.integers(0, 6), min_size=6, max_size=6))
@settings(max_examples=15, deadline=None)
def test_more_units_never_break_a_limit(seed: int, units: list[int]) -> None:
    d, draws = decided(limits="spare_replicas = 1"), Draws(seed, 30)
    reach = reach_of(d)
    worlds = worlds_of(d, reach, sampled(draws), Outlook(), draws)
    n = np.resize(np.array(units), len(reach.kept))
    choice = np.zeros(len(n), np.int64)
    weight = reach.problem.eligible.astype(float)
    few, many = (fleet_of(reach, _with(d, reach, m), choice) for m in (n, n + 1))
    assert (weight == few.weight).all()
    assert (kept(worlds, many) >= kept(worlds, few)).all()
    assert (extension(worlds, many) <= extension(worlds, few) + 1e-9).all()


def _with(d: Decided, reach: object, units: np.ndarray) -> object:
    from dataclasses import replace

    return replace(d.decision, units=units, shares=np.zeros((len(d.problem.classes), len(units))))


# -- the chance in the plan --------------------------------------------------------------------------------


def test_the_chance_is_reproducible_between_0_and_1_and_settles_with_more_worlds() -> None:
    d = decided()
    chances = [
        slo_probability(d, Draws(seed, count)) for seed, count in ((0, 1000), (0, 1000), (1, 1000), (2, 4000))
    ]
    assert all(c is not None and 0 <= c <= 1 for c in chances)
    assert chances[0] == chances[1]
    assert chances[2] == pytest.approx(chances[0], abs=0.03)
    assert chances[3] == pytest.approx(chances[0], abs=0.03)


def test_a_workload_more_is_a_limit_more_to_break() -> None:
    text = ('[workloads.{}]\nmodel = "llama-3.1-8b"\nrequests_per_s = 12\ninput_tokens = 1024\noutput_tokens = {}\n'
            "ttft_ms = 1000\ntpot_ms = 50\n")  # fmt: skip
    one, two = (decide(loads(t), catalog(), load_profiles())
                for t in (text.format("a", 256), text.format("a", 256) + text.format("b", 100)))  # fmt: skip
    assert (slo_probability(two) or 0) <= (slo_probability(one) or 0)


def test_spot_that_vanishes_lowers_the_chance_by_as_much_as_it_is_gone() -> None:
    d = decided(limits='terms = ["spot"]\nspot_fallback = "on_demand"')
    reach, draws = reach_of(d, only_used=True), Draws(0, 4000)
    worlds = worlds_of(d, reach, sampled(draws), CERTAIN, draws)
    gone = worlds.away.any(axis=1)
    (start,) = {o.cold_start.value for o in reach.options if o is not None}
    assert gone.mean() == pytest.approx(share_away(INTERRUPTIONS_PER_HOUR.value, start), abs=0.003)
    fleet = planned(reach, d.decision)
    assert not kept(worlds, fleet)[gone].any()


# -- hosted APIs -------------------------------------------------------------------------------------------


@cache
def with_api(usd_per_million: float) -> Decided:
    return decide(
        loads(
            '[workloads.chat]\nmodel = "llama-3.1-8b"\nrequests_per_s = 12\ninput_tokens = 1024\noutput_tokens = 256\n'
            'ttft_ms = 1000\ntpot_ms = 50\n[[prices]]\nseller = "me"\ninstance = "api"\nterm = "api"\n'
            'model = "llama-3.1-8b"\nttft_ms = 400\ntpot_ms = 20\n'
            f"usd_per_million_input_tokens = {usd_per_million}\nusd_per_million_output_tokens = {usd_per_million}\n"
        ),
        catalog(),
        load_profiles(),
    )


def test_a_plan_that_only_calls_an_api_is_as_sure_as_the_api_and_pays_for_what_comes() -> None:
    d = with_api(0.0001)
    assert not d.decision.units.any()
    assert slo_probability(d) == 1.0
    reach, draws = reach_of(d), Draws(0, 50)
    worlds = worlds_of(d, reach, sampled(draws), Outlook(), draws)
    paid = cost(worlds, planned(reach, d.decision))
    assert paid == pytest.approx(d.decision.usd_per_hour * worlds.demand[:, 0] / 12.0)


def test_an_api_bounds_what_missing_capacity_can_cost() -> None:
    d, draws = with_api(0.2), Draws(0, 100)
    reach = reach_of(d)
    worlds = worlds_of(d, reach, sampled(draws), Outlook(demand_sd=0.5), draws)
    fleet = planned(reach, d.decision)
    all_hosted = d.problem.load_usd_per_hour.max() * worlds.demand[:, 0] / 12.0
    assert (extension(worlds, fleet) <= all_hosted + 1e-9).all()
    known = [clairvoyant(worlds, w) for w in range(10)]
    assert all(k is not None and k[1] <= all_hosted[w] * (1 + 1e-6) for w, k in enumerate(known))
