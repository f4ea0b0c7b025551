"""The closed form of serving against numbers worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.errors import InputError
from planner.estimate.recipes import RECIPES, SETTINGS, Recipe, Setup, recipe_for, setup_for
from planner.estimate.serving import Steps, serve
from planner.estimate.spread import SPREADS, spread_of
from planner.profiles.gpus import load_gpus

PLAIN = Recipe("plain", 0.9, 0.0, False, False, "mixed", 16, "1", 0.0, 0.0, 0.01, 2.0, 2.0, 0.5, 0.1, 1.0)
STEPS = Steps(np.array([1.0, 10.0]), np.array([0.010, 0.020]), np.array([0.060, 0.080]), 0.05)


def test_tpot_is_the_decode_step_plus_the_prefills_of_the_others() -> None:
    served = serve(STEPS, Setup(PLAIN), output_tokens=100)
    assert served.tpot_s[0] == pytest.approx(0.010 + (1 / 100) * 0.050)
    assert served.tpot_s[1] == pytest.approx(0.020 + (10 / 100) * 0.060)


def test_equal_lengths_feel_only_the_lockstep_share_of_the_prefills() -> None:
    served = serve(STEPS, replace(Setup(PLAIN), random_lengths=False), output_tokens=100)
    assert served.tpot_s[1] == pytest.approx(0.020 + 0.5 * (10 / 100) * 0.060)
    assert served.burst_s[1] == pytest.approx(0.1 * 10 * 0.060)


def test_first_token_takes_the_fixed_part_the_mixed_step_and_the_stream() -> None:
    served = serve(STEPS, Setup(PLAIN), output_tokens=100)
    assert served.server_ttft_s[0] == pytest.approx(0.01 + 0.060)
    assert served.ttft_s[0] == pytest.approx(0.01 + 0.060 + 2 * served.tpot_s[0])


def test_rate_is_requests_in_flight_over_their_residence() -> None:
    """Little's law."""
    served = serve(STEPS, Setup(PLAIN), output_tokens=100)
    residence = served.server_ttft_s + 99 * served.tpot_s
    assert served.requests_per_s == pytest.approx(STEPS.batch / residence)


def test_data_parallel_ranks_multiply_the_rate() -> None:
    one, eight = (serve(STEPS, Setup(PLAIN), output_tokens=100, ranks=r) for r in (1, 8))
    assert eight.requests_per_s == pytest.approx(8 * one.requests_per_s)


def test_requests_beyond_the_cache_wait_outside_the_batch() -> None:
    served = serve(STEPS, Setup(PLAIN), output_tokens=100, max_running=5)
    assert served.running.tolist() == [1.0, 5.0]
    assert served.queue_s[0] == 0.0
    assert served.queue_s[1] == pytest.approx((10 / 5 - 1) * 100 * served.tpot_s[1])


def test_speculation_divides_the_decode_step_and_not_the_prompts_of_the_others() -> None:
    plain, fast = (
        serve(STEPS, replace(Setup(PLAIN), accepted_tokens=a), output_tokens=100) for a in (1.0, 1.6)
    )
    assert plain.tpot_s - fast.tpot_s == pytest.approx(STEPS.decode * (1 - 1 / 1.6))


def test_streaming_in_chunks_delays_the_first_token_only() -> None:
    one, four = (serve(STEPS, replace(Setup(PLAIN), stream_interval=n), output_tokens=100) for n in (1, 4))
    assert four.tpot_s == pytest.approx(one.tpot_s)
    assert four.stream_s - one.stream_s == pytest.approx(3 * one.tpot_s)


@given(st.floats(1, 4096), st.floats(1e-4, 0.1), st.floats(0, 1))
def test_tpot_is_never_below_the_decode_step(output: float, decode: float, prefill: float) -> None:
    steps = Steps(
        np.array([1.0, 8.0]), np.array([decode, 2 * decode]), np.array([decode, 2 * decode]) + prefill, 0.1
    )
    assert (serve(steps, Setup(PLAIN), output_tokens=output).tpot_s >= steps.decode).all()


def test_settings_nobody_stated_are_named_as_assumed() -> None:
    assert setup_for("vllm").assumed == tuple(SETTINGS)
    stated = {"scheduler": "mixed", "stream_interval": 4, "random_lengths": False}
    assert set(setup_for("vllm", **stated).assumed) == set(SETTINGS) - set(stated)


def test_an_engine_without_a_recipe_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean vllm"):
        setup_for("vlm")


def test_an_unknown_scheduler_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean mixed"):
        setup_for("vllm", scheduler="mixde")


def test_a_version_has_the_recipe_of_its_time_and_a_nightly_the_newest() -> None:
    assert recipe_for("vllm", "0.7.3").scheduler == "prefill_first"
    for version in (None, "", "0.8.0", "0.24.0", "99.0", "nightly-5b8c30d"):
        assert recipe_for("vllm", version) == RECIPES["vllm"]
    assert {recipe_for(engine, "0.0.1").engine for engine in RECIPES} == set(RECIPES)


def test_another_scheduler_borrows_the_constants_of_an_engine_that_schedules_so() -> None:
    """Prompts that go first are felt less by those that run, and delay the first token more."""
    steps = Steps(np.array([1.0, 64.0]), np.array([0.010, 0.020]), np.array([0.060, 0.080]), 0.05)
    mixed, first = (
        serve(steps, setup_for("vllm", scheduler=s, random_lengths=False), output_tokens=100)
        for s in ("mixed", "prefill_first")
    )
    assert first.tpot_s[1] < mixed.tpot_s[1]
    assert first.ttft_s[1] > mixed.ttft_s[1]
    own = setup_for("sglang").recipe
    assert setup_for("sglang", scheduler="prefill_first").recipe == own == RECIPES["sglang"]
    assert setup_for("sglang", scheduler="mixed").recipe.lockstep_share == RECIPES["vllm"].lockstep_share


def test_every_recipe_leaves_memory_to_the_cache_and_time_to_the_host() -> None:
    for recipe in RECIPES.values():
        assert 0.5 < recipe.memory_share <= 1
        assert 0 <= recipe.host_s_per_layer < 1e-3 and 0 <= recipe.host_s_per_sequence < 1e-3


def test_a_borrowed_gpu_is_less_certain_than_a_measured_one() -> None:
    """80 % intervals widen from checked, to measured, to borrowed, to borrowed from far."""
    order = [SPREADS[k] for k in ("calibrated", "interpolated", "transferred", "transferred_far")]
    assert [s.tpot for s in order] == sorted(s.tpot for s in order)
    assert [s.ttft for s in order] == sorted(s.ttft for s in order)


@pytest.mark.parametrize(
    ("gpu", "basis"),
    [
        ("h100_sxm", "calibrated"),
        ("l40s", "interpolated"),
        ("gb200", "interpolated"),
        ("a100_pcie", "transferred"),
        ("rtx_4090", "transferred"),
    ],
)
def test_the_word_for_the_evidence_follows_the_gpu(gpu: str, basis: str) -> None:
    gpus = load_gpus()
    assert spread_of(gpus[gpu], reference=gpus.get(gpus[gpu].reference or "")).basis == basis


def test_another_segment_carries_less_far_than_a_sibling() -> None:
    gpus = load_gpus()
    sibling = spread_of(gpus["a100_pcie"], reference=gpus["a100_sxm"])
    stranger = spread_of(gpus["rtx_4090"], reference=gpus["l40s"])
    assert stranger.tpot > sibling.tpot
