"""The load one replica sustains: monotone in its limits, and by hand where a hand can do it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from math import exp, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.estimate.admissible import Admissible
from planner.estimate.evaluate import Evaluation, Lengths, evaluate
from planner.estimate.precision import op_formats
from planner.estimate.recipes import setup_for
from planner.estimate.spread import SPREADS, Spread
from planner.estimate.transfer import times_on
from planner.models import resolve_model
from planner.options.configurations import BATCHES
from planner.options.sustain import (
    BATCH_UTILISATION,
    MEMORY,
    NO_HEADROOM,
    OK,
    TPOT,
    TTFT,
    Slo,
    Sustained,
    _prefill_limit,
    _prefill_wait,
    sustained,
)
from planner.profiles.gpus import load_gpus
from planner.profiles.store import load_profiles
from planner.records import Layout

SLO = Slo(1.0, 0.05, 95.0)


@cache
def _evaluations() -> tuple[Evaluation, ...]:
    found = []
    for gpu in ("h100_sxm", "l40s", "rtx_4090"):
        card, model = load_gpus()[gpu], resolve_model("llama-3.1-8b")
        times = times_on(card, load_profiles(), engine="vllm", admissible=Admissible())
        assert times is not None
        formats = op_formats(model, weights="bf16", kv="bf16", gpu=card)
        found.append(evaluate(model, card, times, layout=Layout(), formats=formats, setup=setup_for("vllm"),
                              lengths=Lengths(1024, 256), batch=BATCHES))  # fmt: skip
    return tuple(found)


def _sustained(
    slo: Slo = SLO, *, demand: float = 12.0, quantile: float = 0.8, longest: float = 1024.0
) -> Sustained:
    evaluations = _evaluations()
    spreads = [SPREADS["calibrated"]] * len(evaluations)
    return sustained(evaluations, spreads, slo, demand_per_s=demand, quantile=quantile, longest_input=longest)


LIMIT = st.floats(0.02, 20.0)


@settings(max_examples=40, deadline=None)
@given(LIMIT, LIMIT, st.floats(0.005, 0.5), st.floats(0.1, 200))
def test_tightening_ttft_never_raises_the_load(a: float, b: float, tpot: float, demand: float) -> None:
    tight, loose = (_sustained(Slo(t, tpot, 95.0), demand=demand).requests_per_s for t in sorted((a, b)))
    assert (tight <= loose * (1 + 1e-9)).all()


@settings(max_examples=40, deadline=None)
@given(st.floats(0.002, 0.5), st.floats(0.002, 0.5), LIMIT, st.floats(0.1, 200))
def test_tightening_tpot_never_raises_the_load(a: float, b: float, ttft: float, demand: float) -> None:
    tight, loose = (_sustained(Slo(ttft, t, 95.0), demand=demand).requests_per_s for t in sorted((a, b)))
    assert (tight <= loose * (1 + 1e-9)).all()


@settings(max_examples=20, deadline=None)
@given(st.floats(50, 99.9), st.floats(50, 99.9), LIMIT)
def test_a_higher_percentile_never_raises_the_load(a: float, b: float, ttft: float) -> None:
    tight, loose = (_sustained(Slo(ttft, 0.05, p)).requests_per_s for p in sorted((a, b), reverse=True))
    assert (tight <= loose * (1 + 1e-9)).all()


@settings(max_examples=20, deadline=None)
@given(st.floats(0.5, 0.99), st.floats(0.5, 0.99))
def test_planning_further_on_the_safe_side_never_raises_the_load(a: float, b: float) -> None:
    safe, bold = (_sustained(quantile=q).requests_per_s for q in sorted((a, b), reverse=True))
    assert (safe <= bold * (1 + 1e-9)).all()


def test_longer_prompts_at_the_percentile_never_raise_the_load() -> None:
    rates = [_sustained(longest=n).requests_per_s for n in (1024.0, 2048.0, 8192.0)]
    assert (rates[0] >= rates[1]).all() and (rates[1] >= rates[2]).all()


@settings(max_examples=30, deadline=None)
@given(LIMIT, st.floats(0.005, 0.5))
def test_what_is_sustained_keeps_its_limits(ttft: float, tpot: float) -> None:
    found = _sustained(Slo(ttft, tpot, 95.0))
    ok = found.verdict == OK
    assert (found.tpot_s[ok] <= tpot).all()
    assert (found.ttft_s[ok] <= ttft * (1 + 1e-6)).all()
    assert (found.requests_per_s[~ok] == 0).all()
    assert (found.utilisation[ok] < 1).all()


def test_verdicts_name_the_limit_that_binds() -> None:
    assert set(_sustained(Slo(1.0, 0.0001, 95.0)).verdict.tolist()) == {TPOT}
    assert set(_sustained(Slo(0.0001, 0.05, 95.0)).verdict.tolist()) == {TTFT}


def test_the_best_of_a_missed_limit_is_that_of_one_request() -> None:
    found = _sustained(Slo(None, 0.0001, 95.0))
    margin = exp(0.8416 * SPREADS["calibrated"].tpot)
    best = [1e3 * e.served.tpot_s[0] * margin for e in _evaluations()]
    assert found.best_ms == pytest.approx(np.array(best), rel=1e-3)


def test_a_limit_just_above_the_best_is_met_or_leaves_no_headroom() -> None:
    best = _sustained(Slo(0.0001, None, 95.0)).best_ms.max()
    found = _sustained(Slo(1.001 * best / 1e3, None, 95.0))
    assert set(found.verdict.tolist()) <= {OK, NO_HEADROOM}


def test_weights_that_do_not_fit_are_named_before_any_limit() -> None:
    card, model = load_gpus()["rtx_4090"], resolve_model("llama-3.1-70b")
    times = times_on(card, load_profiles(), engine="vllm", admissible=Admissible())
    assert times is not None
    formats = op_formats(model, weights="bf16", kv="bf16", gpu=card)
    large = evaluate(model, card, times, layout=Layout(), formats=formats, setup=setup_for("vllm"),
                     lengths=Lengths(1024, 256), batch=BATCHES)  # fmt: skip
    found = sustained(
        [large], [Spread(0.1, 0.1, "measured")], SLO, demand_per_s=1, quantile=0.8, longest_input=1024
    )
    assert found.verdict.tolist() == [MEMORY]


def test_a_batch_without_a_limit_runs_at_the_utilisation_of_full_slots() -> None:
    found = _sustained(replace(SLO, ttft_s=None, tpot_s=None, interactive=False))
    assert found.utilisation == pytest.approx(BATCH_UTILISATION)


def test_quiet_hours_use_less_of_each_replica_and_the_peak_all_of_it() -> None:
    found, rows = _sustained(demand=100.0), np.arange(3)
    factors = found.pooling(rows, peak_per_s=100.0, rates_per_s=(100.0, 30.0, 3.0), slo=SLO)
    assert (factors[0] == 1).all()
    assert (factors[2] <= factors[1]).all() and (factors[1] <= factors[0]).all()
    assert (factors[2] > 0).all()


def test_batches_pool_nothing() -> None:
    batch = replace(SLO, interactive=False)
    found = _sustained(batch, demand=100.0)
    assert (found.pooling(np.arange(3), peak_per_s=100.0, rates_per_s=[1.0], slo=batch) == 1).all()


def test_the_wait_for_prompts_by_hand() -> None:
    """rho = 0.5, s = 0.1 s, 5 % exceed: s / (2 (1 - rho)) ln(rho / 0.05) = 0.1 ln 10."""
    assert _prefill_wait(np.array([0.5]), np.array([0.1]), 0.05)[0] == pytest.approx(0.1 * log(10))


def test_nobody_waits_for_prompts_where_fewer_arrivals_meet_one_than_may_wait() -> None:
    assert _prefill_wait(np.array([0.04]), np.array([0.1]), 0.05)[0] == 0.0


@given(st.floats(0.001, 10), st.floats(0.001, 1), st.sampled_from([0.001, 0.01, 0.05, 0.5]))
def test_the_rate_that_prompts_allow_spends_the_budget_and_no_more(
    budget: float, prefill: float, share: float
) -> None:
    rate = _prefill_limit(np.array([budget]), np.array([prefill]), share)
    busy = rate * prefill
    assert _prefill_wait(busy, np.array([prefill]), share)[0] <= budget * (1 + 1e-9)
    if busy[0] < 0.94:
        assert _prefill_wait(busy + 0.001, np.array([prefill]), share)[0] >= budget * (1 - 1e-9)
