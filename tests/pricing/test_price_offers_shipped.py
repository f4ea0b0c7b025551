"""Integrity: facts about every shipped offer, and about the rows that were left out."""

from __future__ import annotations

import math
from collections import Counter
from datetime import date

import pytest

from planner.pricing.catalog import load_catalog
from planner.pricing.gates import USD_PER_GPU_HOUR, failed_gate, spot_above_on_demand
from planner.pricing.offer import TERMS, Offer
from planner.pricing.regions import is_listed, load_countries, zone_of
from planner.profiles.gpus import load_gpus, resolve_gpu

CATALOG = load_catalog()
KNOWN_FLAGS = {
    "marketplace", "broker", "least_checkable", "fractional_gpu", "country_unknown", "currency_unverified",
    "no_stock_when_fetched", "presence_unverified", "cheapest_zone",
    "count_from_name", "spot_equals_on_demand", "ambiguous_gpu",
}  # fmt: skip
SOURCE_ROWS, SOURCE_PRICES = 1487, 1745
"""Rows of cloud_offers.csv, and price cells in them: each is an offer or is listed as left out."""


def offers_where(wrong: object) -> list[str]:
    assert callable(wrong)
    return [offer.label for offer in CATALOG.offers if wrong(offer)]


def test_every_price_is_inside_the_gates() -> None:
    low, high = USD_PER_GPU_HOUR
    assert offers_where(lambda o: not low <= o.usd_per_gpu_hour <= high) == []
    assert offers_where(failed_gate) == []


def test_the_price_per_gpu_times_the_count_is_the_price_of_the_instance() -> None:
    def differs(o: Offer) -> bool:
        return not math.isclose(o.usd_per_gpu_hour * o.gpu_count, o.usd_per_hour, rel_tol=1e-4)

    assert offers_where(differs) == []


def test_every_gpu_is_a_key_of_the_gpu_table() -> None:
    assert offers_where(lambda o: o.gpu not in load_gpus()) == []
    assert offers_where(lambda o: o.gpu_count <= 0) == []


def test_every_listed_spelling_resolves() -> None:
    for name in {offer.gpu_name_as_listed for offer in CATALOG.offers}:
        assert resolve_gpu(name).keys


def test_an_ambiguous_listing_is_taken_as_its_slowest_member() -> None:
    ambiguous = [offer for offer in CATALOG.offers if offer.ambiguous_gpus]
    assert len(ambiguous) > 100
    for offer in ambiguous:
        ranks = [load_gpus()[key].speed_rank for key in offer.ambiguous_gpus]
        assert offer.gpu == offer.ambiguous_gpus[0]
        assert ranks == sorted(ranks)


def test_spot_is_never_above_on_demand() -> None:
    assert spot_above_on_demand(CATALOG.offers) == {}


def test_a_country_is_known_or_the_offer_is_flagged() -> None:
    assert offers_where(lambda o: (o.country is None) != ("country_unknown" in o.flags)) == []
    assert offers_where(lambda o: o.country is not None and o.country not in load_countries()) == []
    assert offers_where(lambda o: o.zone != zone_of(o.country)) == []


def test_every_spelling_of_a_region_was_reviewed() -> None:
    assert offers_where(lambda o: o.region is not None and not is_listed(o.seller, o.region)) == []


def test_the_places_that_cannot_be_told_are_these() -> None:
    unresolved = Counter(offer.region for offer in CATALOG.offers if offer.country is None)
    assert dict(unresolved) == {
        None: 193,
        "Global (lowest)": 76,
        "MON1": 13,
        "EU / US": 10,
        "NYC / TOR / AMS": 7,
        "default": 3,
        "FRA": 1,
        "FRA2": 1,
        "a3111bd4-550a-47d0-838a-0a52bff2ae3f": 1,
    }


def test_europe_is_found_whatever_its_spelling() -> None:
    european = [offer for offer in CATALOG.offers if offer.zone in {"eu", "uk", "eea"}]
    assert sum(not (offer.region or "").startswith("eu-") for offer in european) > 300


def test_every_row_names_source_licence_and_an_iso_date_or_none() -> None:
    assert offers_where(lambda o: not o.source or not o.licence) == []
    assert (
        offers_where(lambda o: o.as_of is not None and date.fromisoformat(o.as_of).isoformat() != o.as_of)
        == []
    )
    assert offers_where(lambda o: o.age_days is not None) == []
    undated = [offer for offer in CATALOG.offers if offer.as_of is None]
    assert {offer.source.split("@")[0] for offer in undated} == {"skypilot-org/skypilot-catalog"}


def test_keys_are_unique_and_terms_are_known() -> None:
    assert max(Counter(offer.key for offer in CATALOG.offers).values()) == 1
    assert {offer.term for offer in CATALOG.offers} <= set(TERMS)
    assert [offer.key for offer in CATALOG.offers] == sorted(offer.key for offer in CATALOG.offers)


def test_flags_are_from_a_fixed_vocabulary() -> None:
    assert {flag.split(":")[0] for offer in CATALOG.offers for flag in offer.flags} == KNOWN_FLAGS


def test_machines_of_marketplaces_are_single() -> None:
    for offer in CATALOG.offers:
        if offer.seller in {"vast", "lium", "akash", "salad", "simplepod"}:
            assert "marketplace" in offer.flags and offer.availability == 1
        else:
            assert offer.availability is None


def test_every_source_price_is_an_offer_or_is_listed_as_left_out() -> None:
    assert len(CATALOG.offers) + sum(found.count for found in CATALOG.left_out) == SOURCE_PRICES
    assert {found.reason: found.count for found in CATALOG.left_out} == {
        "price_out_of_band": 10,
        "memory_contradicts_gpu": 1,
    }


@pytest.mark.parametrize("seller", ["aws", "azure", "gcp", "oci"])
def test_hyperscaler_data_centre_gpus_are_told_apart_by_instance(seller: str) -> None:
    ambiguous = {
        offer.instance for offer in CATALOG.offers if offer.seller == seller and offer.ambiguous_gpus
    } - {"BM.GPU.RTXPRO.8"}
    assert ambiguous == set()


@pytest.mark.parametrize(
    ("seller", "instance", "gpu", "count"),
    [
        ("aws", "p5.48xlarge", "h100_sxm", 8),
        ("aws", "p4d.24xlarge", "a100_sxm_40gb", 8),
        ("azure", "Standard_ND96isr_H100_v5", "h100_sxm", 8),
        ("azure", "Standard_NC40ads_H100_v5", "h100_nvl", 1),
        ("gcp", "a3-megagpu-8g", "h100_sxm", 8),
        ("paperspace", "P4000", "quadro_p4000", 1),
        ("gcp", "tpu-v5litepod-8", "tpu_v5e", 8),
    ],
)
def test_known_machines_have_their_gpus(seller: str, instance: str, gpu: str, count: int) -> None:
    found = {(o.gpu, o.gpu_count) for o in CATALOG.offers if (o.seller, o.instance) == (seller, instance)}
    assert found == {(gpu, count)}


def test_most_offers_can_be_planned_on() -> None:
    plannable = sum(load_gpus()[offer.gpu].plannable for offer in CATALOG.offers)
    assert plannable / len(CATALOG.offers) > 0.95
