"""Load-duration curves of several workloads laid over each other."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.demand import PRESETS, Demand
from planner.options.periods import slices

DEMANDS = st.one_of(
    st.builds(Demand.constant, st.floats(0.01, 1e3)),
    st.builds(lambda name, peak: Demand.preset(name, peak_requests_per_s=peak),
              st.sampled_from(sorted(PRESETS)), st.floats(0.01, 1e3)),
    st.builds(lambda n, h: Demand.volume(n, deadline_hours=h), st.floats(1e3, 1e7), st.floats(1, 730)),
)  # fmt: skip


@given(st.lists(DEMANDS, min_size=1, max_size=4))
def test_slices_fill_the_month_and_keep_every_request(demands: list[Demand]) -> None:
    found = slices(demands)
    assert sum(s.hours for s in found) == pytest.approx(730)
    for i, demand in enumerate(demands):
        assert sum(s.hours * s.rates[i] for s in found) * 3600 == pytest.approx(
            demand.requests_per_month, rel=1e-6
        )


@given(st.lists(DEMANDS, min_size=1, max_size=4))
def test_every_workload_is_busiest_first(demands: list[Demand]) -> None:
    found = slices(demands)
    for i, demand in enumerate(demands):
        rates = [s.rates[i] for s in found]
        assert rates == sorted(rates, reverse=True)
        assert rates[0] == demand.peak_requests_per_s


@given(st.lists(DEMANDS, min_size=1, max_size=4))
def test_neighbours_differ(demands: list[Demand]) -> None:
    found = slices(demands)
    assert all(a.rates != b.rates for a, b in itertools.pairwise(found))


def test_a_constant_demand_is_one_slice() -> None:
    (only,) = slices([Demand.constant(3), Demand.constant(4)])
    assert (only.hours, only.rates) == (730.0, (3.0, 4.0))
