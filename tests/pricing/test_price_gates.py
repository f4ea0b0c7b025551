"""Each gate stops what it is named after, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.pricing.catalog import load_catalog
from planner.pricing.gates import GATES, failed_gate, spot_above_on_demand, summarise
from planner.pricing.offer import Offer

GOOD = next(o for o in load_catalog().offers if o.gpu == "h100_sxm" and o.gpu_count == 8 and o.gpu_memory_gib)


def changed(**changes: object) -> Offer:
    return replace(GOOD, **changes)


@pytest.mark.parametrize(
    ("offer", "gate"),
    [
        (changed(usd_per_gpu_hour=0.049), "price_out_of_band"),
        (changed(usd_per_gpu_hour=50.01), "price_out_of_band"),
        (changed(gpu_memory_gib=40.0), "memory_contradicts_gpu"),
        (changed(gpu_memory_gib=640.0), "memory_contradicts_gpu"),
        (changed(gpu="l4", gpu_count=0.25, gpu_memory_gib=24.0, instance="x"), "memory_contradicts_gpu"),
        (changed(instance="4x H100 (on-demand)"), "count_contradicts_name"),
        (changed(instance="H100_PCIE_80GB::2"), "count_contradicts_name"),
        (changed(instance="gpu_1x_h100_pcie"), "count_contradicts_name"),
        (changed(), None),
        (changed(gpu_memory_gib=None), None),
        (changed(gpu_memory_gib=79.65), None),
        (changed(gpu="l4", gpu_count=0.25, gpu_memory_gib=5.59, instance="g6f.2xlarge"), None),
        (changed(instance="8x H100 (spot)"), None),
        (changed(instance="gx2-8x64x1v100"), None),
    ],
)
def test_a_gate_stops_what_it_is_named_after(offer: Offer, gate: str | None) -> None:
    found = failed_gate(offer)
    assert (found[0] if found else None) == gate
    assert found is None or found[1]


@given(st.floats(0.05, 50))
def test_a_price_inside_the_band_passes(price: float) -> None:
    assert GATES["price_out_of_band"](changed(usd_per_gpu_hour=price)) == ""


@given(st.floats(0.1, 40), st.floats(0.1, 40))
def test_spot_is_stopped_exactly_when_above_on_demand(spot: float, on_demand: float) -> None:
    pair = [changed(term="spot", usd_per_hour=spot), changed(term="on_demand", usd_per_hour=on_demand)]
    assert bool(spot_above_on_demand(pair)) == (spot > on_demand)


def test_spot_without_an_on_demand_price_is_kept() -> None:
    assert spot_above_on_demand([changed(term="spot")]) == {}


def test_counts_are_per_reason_most_frequent_first() -> None:
    rows = [("b", "1"), ("a", "2"), ("b", "3"), ("b", "4"), ("b", "5")]
    assert [(found.reason, found.count, len(found.examples)) for found in summarise(rows)] == [
        ("b", 4, 3),
        ("a", 1, 1),
    ]
