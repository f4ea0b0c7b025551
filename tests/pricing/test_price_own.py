"""The user's own prices override and extend the catalogue."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from planner.pricing.catalog import load_catalog
from planner.pricing.errors import PriceError

SHIPPED = load_catalog()
P5 = {
    "seller": "aws",
    "instance": "p5.48xlarge",
    "region": "us-east-1",
    "term": "committed_1y",
    "usd_per_hour": 38.0,
}


def own(*rows: object) -> list[object]:
    known = set(SHIPPED.offers)
    return [offer for offer in SHIPPED.with_own_prices(rows).offers if offer not in known]


def test_a_new_term_is_added_with_the_hardware_of_the_instance() -> None:
    catalog = SHIPPED.with_own_prices([P5])
    assert len(catalog.offers) == len(SHIPPED.offers) + 1
    (offer,) = own(P5)
    assert (offer.gpu, offer.gpu_count, offer.usd_per_gpu_hour) == ("h100_sxm", 8, 4.75)
    assert (offer.term, offer.commitment_months, offer.flags) == ("committed_1y", 12, ("own_price",))
    assert (offer.country, offer.as_of) == ("US", None)


def test_the_same_term_replaces_the_listed_price() -> None:
    catalog = SHIPPED.with_own_prices([{**P5, "term": "on_demand", "usd_per_hour": 40.0}])
    assert len(catalog.offers) == len(SHIPPED.offers)
    key = ("aws", "p5.48xlarge", "us-east-1", "h100_sxm", "on_demand")
    assert [offer.usd_per_hour for offer in catalog.offers if offer.key == key] == [40.0]


def test_without_a_region_every_region_of_the_instance_is_priced() -> None:
    regions = {o.region for o in SHIPPED.offers if (o.seller, o.instance) == ("aws", "p5.48xlarge")}
    added = own({key: value for key, value in P5.items() if key != "region"})
    assert {offer.region for offer in added} == regions
    assert len(regions) > 1


def test_a_machine_the_catalogue_lacks_brings_its_gpu() -> None:
    row = {
        "seller": "my-dc", "instance": "rack-1", "term": "on_demand", "usd_per_hour": 8, "gpu": "H200 SXM",
        "gpu_count": 8, "country": "DE",
    }  # fmt: skip
    (offer,) = own(row)
    assert (offer.gpu, offer.zone, offer.usd_per_gpu_hour, offer.flags) == (
        "h200_sxm",
        "eu",
        1.0,
        ("own_price",),
    )


def test_records_with_attributes_work_like_mappings() -> None:
    assert own(SimpleNamespace(**P5)) == own(P5)


def test_own_prices_never_lose_an_offer_of_another_key() -> None:
    keys = {offer.key for offer in SHIPPED.offers}
    assert keys <= {offer.key for offer in SHIPPED.with_own_prices([P5]).offers}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seller": ""}, "prices[1]: seller is missing"),
        ({"usd_per_hour": None}, "prices[1]: usd_per_hour is missing"),
        ({"usd_per_hour": -3}, "prices[1]: usd_per_hour: '-3' is not above 0"),
        ({"term": "reserved"}, "prices[1]: term: 'reserved' is not one of"),
        (
            {"instance": "p5.48xlarg"},
            "prices[1]: instance: 'p5.48xlarg' is not in the catalogue (did you mean",
        ),
        ({"seller": "awz"}, "prices[1]: seller: 'awz' is not in the catalogue (did you mean aws"),
        ({"region": "moon-1"}, "prices[1]: region: 'moon-1' is not known for p5.48xlarge (known: "),
        ({"gpu": "h1000", "gpu_count": 1}, "prices[1]: gpu: 'h1000' is not known"),
    ],
)
def test_a_bad_row_is_refused_with_its_number_and_a_remedy(change: dict[str, object], message: str) -> None:
    with pytest.raises(PriceError) as caught:
        SHIPPED.with_own_prices([{**P5, **change}])
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
