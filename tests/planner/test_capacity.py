"""Queueing formulas against published tables, exact recursions and each other."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner import capacity
from planner.capacity import max_utilisation, slots_needed, wait_probability, wait_tail
from planner.errors import InputError

SLOTS = [1, 2, 4, 8, 16, 32, 64, 128]
quick = settings(max_examples=60, deadline=None, derandomize=True)


@pytest.mark.parametrize(
    ("percentile", "percent"),
    [(90, [10, 25, 41, 56, 67, 76, 83, 88]), (80, [20, 37, 53, 65, 75, 82, 87, 91])],
    ids=["10 % may wait", "20 % may wait"],
)
def test_utilisation_at_which_so_many_requests_wait(percentile, percent):
    assert np.array_equal(np.round(100 * max_utilisation(SLOTS, percentile=percentile)), percent)


def erlang_b(slots, offered):
    """The recursion B(0) = 1, B(c) = R B(c-1) / (c + R B(c-1))."""
    blocked = 1.0
    for c in range(1, slots + 1):
        blocked = offered * blocked / (c + offered * blocked)
    return blocked


@pytest.mark.parametrize("slots", [1, 3, 50, 700])
@pytest.mark.parametrize("utilisation", [0.01, 0.5, 0.9, 0.999])
def test_erlang_b_and_c_match_the_recursion(slots, utilisation):
    offered = slots * utilisation
    blocked = erlang_b(slots, offered)
    assert float(capacity.blocking_probability(slots, offered)) == pytest.approx(
        blocked, rel=1e-9, abs=1e-300
    )
    waits = blocked / (1 - utilisation * (1 - blocked))
    assert float(wait_probability(slots, offered)) == pytest.approx(waits, rel=1e-9, abs=1e-300)


def test_one_slot_waits_as_often_as_it_is_busy():
    assert wait_probability(1, np.array([0.0, 0.3, 0.99])) == pytest.approx([0.0, 0.3, 0.99])


def test_overload_always_waits_forever():
    assert wait_probability([1, 5], [1.0, 9.0]).tolist() == [1.0, 1.0]
    assert wait_tail(2, 3.0, service_s=1.0, wait_s=1e9) == 1.0
    assert capacity.mean_wait_s(2, 3.0, service_s=1.0) == np.inf


def test_a_million_slots_neither_overflow_nor_lose_the_answer():
    c = 1e6
    # Halfin-Whitt: with c = R + beta sqrt(R), P(wait) -> 1 / (1 + beta Phi(beta) / phi(beta)).
    beta = 1.0
    offered = ((-beta + math.sqrt(beta**2 + 4 * c)) / 2) ** 2
    phi = math.exp(-(beta**2) / 2) / math.sqrt(2 * math.pi)
    big_phi = 0.5 * (1 + math.erf(beta / math.sqrt(2)))
    assert float(wait_probability(c, offered)) == pytest.approx(1 / (1 + beta * big_phi / phi), rel=2e-3)


def test_square_root_staffing_is_the_limit_of_many_slots():
    offered = 1e6
    beta = float((slots_needed(offered, percentile=50) - offered) / math.sqrt(offered))
    assert beta == pytest.approx(0.506, abs=0.005)  # the beta at which half of the requests wait
    assert capacity.square_root_staffing(offered, beta=beta) == pytest.approx(
        slots_needed(offered, percentile=50)
    )


def test_mean_wait_of_one_slot_is_kingmans():
    rho = np.array([0.1, 0.5, 0.95])
    ours = capacity.mean_wait_s(1, rho, service_s=2.0, ca2=4.0, cs2=0.5)
    assert ours == pytest.approx(capacity.kingman_wait_s(rho, service_s=2.0, ca2=4.0, cs2=0.5))
    assert capacity.kingman_wait_s(1.0, service_s=1.0) == np.inf


def test_mean_wait_is_the_integral_of_the_tail():
    t = np.linspace(0, 60, 600_001)
    tail = wait_tail(8, 7.0, service_s=1.0, wait_s=t)
    assert np.trapezoid(tail, t) == pytest.approx(
        float(capacity.mean_wait_s(8, 7.0, service_s=1.0)), rel=1e-4
    )


@quick
@given(
    offered=st.floats(1e-6, 1e5),
    service=st.floats(1e-3, 1e3),
    budget=st.floats(0, 10),
    percentile=st.sampled_from([50, 90, 95, 99, 99.9]),
    ca2=st.sampled_from([0.5, 1.0, 4.0]),
)
def test_slots_needed_is_the_first_number_that_meets_the_limit(offered, service, budget, percentile, ca2):
    promise = {"service_s": service, "wait_budget_s": budget, "percentile": percentile, "ca2": ca2}
    slots = float(slots_needed(offered, **promise))
    allowed = 1 - percentile / 100

    def late(c):
        return float(wait_tail(c, offered, service_s=service, wait_s=budget, ca2=ca2))

    assert slots == round(slots) >= 1
    assert late(slots) <= allowed + 1e-9
    assert slots == 1 or late(slots - 1) > allowed


@quick
@given(slots=st.integers(1, 5000), percentile=st.sampled_from([80, 95, 99]), budget=st.floats(0, 5))
def test_max_utilisation_and_slots_needed_are_inverse(slots, percentile, budget):
    promise = {"service_s": 2.0, "wait_budget_s": budget, "percentile": percentile}
    offered = float(max_utilisation(slots, **promise)) * slots
    assert float(slots_needed(offered * (1 - 1e-6), **promise)) <= slots
    assert float(slots_needed(offered * (1 + 1e-6), **promise)) >= slots


@quick
@given(slots=st.integers(1, 10_000), percentile=st.sampled_from([80, 95, 99]))
def test_more_slots_patience_or_calm_allow_more_load(slots, percentile):
    base = float(max_utilisation(slots, percentile=percentile, wait_budget_s=0.1))
    assert 0 < base < 1
    assert base <= max_utilisation(slots + 1, percentile=percentile, wait_budget_s=0.1) + 1e-12
    assert base <= max_utilisation(slots, percentile=percentile, wait_budget_s=0.2) + 1e-12
    assert base <= max_utilisation(slots, percentile=percentile, wait_budget_s=0.1, ca2=0.5) + 1e-12


def test_everything_is_vectorised_and_broadcast():
    assert max_utilisation(np.ones((3, 1)), wait_budget_s=np.zeros(4)).shape == (3, 4)
    assert slots_needed(np.ones(5), service_s=2.0).shape == (5,)


def test_only_limits_one_request_alone_breaks_are_unfixable():
    gaps = capacity.unfixable_slos(best_ttft_s=0.2, best_tpot_s=0.06, ttft_limit_s=0.3, tpot_limit_s=0.05)
    assert [gap.limit for gap in gaps] == ["tpot"]
    assert str(gaps[0]) == "tpot: 60 ms at best, the limit is 50 ms"
    free = {"ttft_limit_s": None, "tpot_limit_s": None}
    assert capacity.unfixable_slos(best_ttft_s=9, best_tpot_s=9, **free) == ()


@pytest.mark.parametrize(
    "bad",
    [
        {"percentile": 100},
        {"percentile": 0},
        {"wait_budget_s": -1},
        {"service_s": np.nan},
        {"ca2": -1},
        {"ca2": np.inf},
    ],
    ids=str,
)
def test_numbers_that_mean_nothing_are_refused(bad):
    with pytest.raises(InputError, match=next(iter(bad))):
        slots_needed(1.0, **bad)
