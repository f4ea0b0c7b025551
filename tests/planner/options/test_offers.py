"""Every rule turns away exactly the offers it names."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Any

import pytest

from planner.options.offers import consider
from planner.options.owned import owned_offers
from planner.pricing.catalog import Catalog, load_catalog
from planner.pricing.offer import Offer
from planner.profiles.gpus import load_gpus
from planner.scenario import Constraints, OwnedGpu, Site


@cache
def _market() -> Catalog:
    return load_catalog().aged(date(2026, 11, 22))


def _turned_away(**limits: Any) -> dict[str, set[str]]:
    found = consider(_market().offers, Constraints(consumer_in_datacenter=True, **limits)).rejected
    return {why: set(labels) for why, labels in found.items()}


ALWAYS = set(_turned_away())


def _labels(test: Any) -> set[str]:
    """Labels of offers that pass what always holds and fail `test`."""
    kept = consider(_market().offers, Constraints(consumer_in_datacenter=True)).offers
    return {o.label for o in kept if not test(o)}


def _gpu(offer: Offer) -> Any:
    return load_gpus()[offer.gpu]


RULES: tuple[tuple[dict[str, Any], str, Any], ...] = (
    ({"terms": ("on_demand",)}, "term is not in", lambda o: o.term == "on_demand"),
    ({"marketplace": False}, "marketplace", lambda o: "marketplace" not in o.flags),
    ({"gpus": ("h100_sxm", "l4")}, "GPU is not in", lambda o: o.gpu in ("h100_sxm", "l4")),
    ({"vendors": ("amd",)}, "vendor is not in", lambda o: _gpu(o).vendor == "amd"),
    ({"sellers": ("aws", "runpod")}, "seller is not in", lambda o: o.seller in ("aws", "runpod")),
    (
        {"regions": ("us-*",)},
        "region matches no pattern",
        lambda o: (o.region or "").casefold().startswith("us-"),
    ),
)


@pytest.mark.parametrize(("limits", "reason", "test"), RULES, ids=[r[1] for r in RULES])
def test_a_rule_turns_away_what_breaks_it_and_nothing_else(
    limits: dict[str, Any], reason: str, test: Any
) -> None:
    found = _turned_away(**limits)
    (why,) = [w for w in found if w not in ALWAYS and reason in w]
    assert found[why] >= _labels(test)
    kept = consider(_market().offers, Constraints(consumer_in_datacenter=True, **limits)).offers
    assert kept and all(test(o) for o in kept)


def test_an_offer_of_unknown_place_never_meets_residency_and_is_counted_apart() -> None:
    found = _turned_away(zones=("eu",))
    unknown = {o.label for o in _market().offers if o.zone is None}
    counted = {label for why, labels in found.items() if "zone is unknown" in why for label in labels}
    assert counted and counted <= unknown
    kept = consider(_market().offers, Constraints(zones=("eu",))).offers
    assert kept and all(o.zone == "eu" for o in kept)


def test_countries_are_stricter_than_their_zone() -> None:
    german = consider(_market().offers, Constraints(countries=("DE",))).offers
    assert german and all(o.country == "DE" and o.zone == "eu" for o in german)


def test_geforce_in_a_data_centre_needs_a_yes_but_not_under_a_desk() -> None:
    kept = consider(_market().offers, Constraints()).offers
    assert not [o for o in kept if _gpu(o).segment == "consumer" and _gpu(o).vendor == "nvidia"]
    own = list(owned_offers([OwnedGpu(gpu="rtx_4090", count=2, purchase_usd=1600, site=Site())]))
    assert consider(own, Constraints()).offers == tuple(own)


def test_every_offer_is_kept_or_turned_away_once() -> None:
    found = consider(_market().offers, Constraints(zones=("us",), terms=("spot",), marketplace=False))
    assert len(found.offers) + sum(len(v) for v in found.rejected.values()) == len(_market().offers)


def test_nothing_unplannable_gets_through() -> None:
    assert all(
        _gpu(o).plannable and o.gpu_count >= 1 for o in consider(_market().offers, Constraints()).offers
    )


@pytest.mark.parametrize(("count", "sizes"), [(1, [1]), (3, [1, 2]), (4, [1, 2, 4]), (9, [1, 2, 4, 8])])
def test_owned_gpus_come_in_every_size_that_fits(count: int, sizes: list[int]) -> None:
    offers = list(owned_offers([OwnedGpu(gpu="h100_sxm", count=count, purchase_usd=25000, site=Site())]))
    assert [o.gpu_count for o in offers] == sizes
    assert [o.availability for o in offers] == [count // n for n in sizes]


def test_two_entries_of_one_gpu_stay_apart() -> None:
    entry = OwnedGpu(gpu="l4", count=1, purchase_usd=2500, site=Site())
    flags = {f for o in owned_offers([entry, entry]) for f in o.flags if f.startswith("owned_entry")}
    assert len(flags) == 2
