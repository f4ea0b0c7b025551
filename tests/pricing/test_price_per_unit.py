"""What a dollar buys, and on what evidence."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from planner.pricing.catalog import load_catalog
from planner.pricing.errors import PriceError
from planner.pricing.offer import Offer
from planner.pricing.per_unit import DATASHEET, MEASURED, PER, compute_of, normalised, ranked
from planner.profiles.gpus import load_gpus
from planner.profiles.store import load_profiles

MakeOffer = Callable[..., Offer]
GPUS = load_gpus()


def test_each_price_times_its_unit_is_the_price_of_the_gpu(make_offer: MakeOffer) -> None:
    found, h100 = normalised(make_offer(usd_per_hour=2.0)), GPUS["h100_sxm"]
    assert found.usd_per_gpu_hour == 2.0
    assert found.usd_per_gib_hour * 80 == pytest.approx(2.0)
    assert found.usd_per_tbps_hour * h100.memory_bytes_per_s / 1e12 == pytest.approx(2.0)
    assert found.usd_per_tflops_hour * compute_of("h100_sxm").flops / 1e12 == pytest.approx(2.0)


def test_measured_compute_is_used_where_it_was_measured_and_never_above_the_peak() -> None:
    for gpu in load_profiles().systems:
        compute = compute_of(gpu)
        if load_profiles().blocks(system=gpu, op="gemm", dtype="bf16"):
            assert compute.basis == MEASURED
        assert 0.5 < compute.flops / GPUS[gpu].dense_flops["bf16"] <= 1.0


def test_a_card_nobody_measured_has_its_data_sheet_and_says_so() -> None:
    assert compute_of("h100_pcie").basis == DATASHEET
    assert compute_of("v100_sxm_16gb").flops == GPUS["v100_sxm_16gb"].dense_flops["fp16"]


def test_a_slice_of_a_card_is_priced_as_the_whole(make_offer: MakeOffer) -> None:
    whole = make_offer(gpu="l4", gpu_memory_gib=24.0, usd_per_hour=0.8)
    slice_ = make_offer(gpu="l4", gpu_memory_gib=3.0, gpu_count=0.125, usd_per_hour=0.1)
    assert normalised(slice_).usd_per_gib_hour == pytest.approx(normalised(whole).usd_per_gib_hour)


def test_every_shipped_offer_has_a_price_per_gib_and_positive_figures() -> None:
    for offer in load_catalog().offers:
        found = normalised(offer)
        assert found.usd_per_gib_hour > 0
        assert all(figure is None or figure > 0 for figure in (read(found) for read in PER.values()))
        assert (found.usd_per_tflops_hour is None) == (found.tflops_basis is None)


@pytest.mark.parametrize("per", list(PER))
def test_offers_are_ranked_by_the_first_unit_and_unknowns_come_last(per: str) -> None:
    figures = [PER[per](figures) for _, figures in ranked(load_catalog().offers, [per, "gpu"])]
    known = [figure for figure in figures if figure is not None]
    assert known == sorted(known)
    assert figures[: len(known)] == known


def test_the_same_card_emits_what_the_grid_of_its_place_does(make_offer: MakeOffer) -> None:
    france, poland, nowhere = (
        normalised(make_offer(country=country, region=None)).grams_co2_per_gpu_hour
        for country in ("FR", "PL", None)
    )
    assert 0 < france < poland
    assert nowhere is None
    region = normalised(make_offer(seller="gcp", country="US", region="us-west1")).grams_co2_per_gpu_hour
    assert region != normalised(make_offer(seller="gcp", country="US", region=None)).grams_co2_per_gpu_hour


def test_an_unknown_unit_is_refused(make_offer: MakeOffer) -> None:
    with pytest.raises(PriceError, match="'watt' is not known"):
        ranked([make_offer()], ["watt"])
