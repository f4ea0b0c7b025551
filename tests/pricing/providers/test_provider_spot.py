"""Spot prices over the zones of a region: the cheapest is the price, the spread stands beside it."""

from __future__ import annotations

from typing import Any

import pytest

from planner.pricing.terms import published_terms, spread_of


def spot_with(asking: Any, kit: Any, prices: dict[str, Any]) -> Any:
    """The result of the sample with the p5.48xlarge quoted at these prices by zone."""
    case = kit.cases["aws_spot"]
    documents = case.fresh()
    items = case.rows(documents)
    items[:1] = [items[0] | {"availabilityZone": zone, "spotPrice": price} for zone, price in prices.items()]
    return asking.result(case, kit.serving(case, documents))


def of(result: Any, instance: str) -> Any:
    assert result.status == "ok", result.message
    return next(offer for offer in result.offers if offer.instance == instance)


def test_the_cheapest_zone_is_the_price_and_the_spread_stands_beside_it(asking: Any, kit: Any) -> None:
    result = spot_with(asking, kit, {"us-east-1a": "22.10", "us-east-1b": "19.70", "us-east-1c": "41.5"})
    offer = of(result, "p5.48xlarge")
    assert offer.usd_per_hour == 19.7
    assert offer.flags == ("cheapest_zone", "zone:us-east-1b", "zone_spread:19.7-41.5/3")
    spread = spread_of(offer)
    assert spread
    assert (spread.low, spread.high, spread.zones) == (19.7, 41.5, 3)
    assert published_terms(result.offers)[0].zone_spread == "1"


def test_an_instance_quoted_in_one_zone_has_no_spread(asking: Any, kit: Any) -> None:
    result = spot_with(asking, kit, {"us-east-1a": "22.10", "us-east-1b": "19.70"})
    assert spread_of(of(result, "g6.xlarge")) is None


def test_a_zone_listed_twice_is_one_zone(asking: Any, kit: Any) -> None:
    case = kit.cases["aws_spot"]
    documents = case.fresh()
    items = case.rows(documents)
    items += [items[0] | {"spotPrice": "21.00"}, items[0] | {"spotPrice": "23.00"}]
    offer = of(asking.result(case, kit.serving(case, documents)), "p5.48xlarge")
    assert (offer.usd_per_hour, spread_of(offer)) == (21.0, None)


@pytest.mark.parametrize(
    ("price", "reason"),
    [(None, "missing_price"), ("0", "price_not_positive: 0"), ("-1", "price_not_positive: -1"),
     ("inf", "price_not_finite: inf"), ("nan", "price_not_finite: nan"), ("0.001", "price_out_of_band"),
     ("90000", "price_out_of_band"), ("ask us", "price_not_a_number")],
)  # fmt: skip
def test_a_zone_with_a_bad_price_is_quarantined_and_enters_no_spread(
    price: str | None, reason: str, asking: Any, kit: Any
) -> None:
    result = spot_with(asking, kit, {"us-east-1a": "22.10", "us-east-1b": price, "us-east-1c": "25"})
    offer = of(result, "p5.48xlarge")
    assert offer.flags == ("cheapest_zone", "zone:us-east-1a", "zone_spread:22.1-25/2")
    assert [row.reason.startswith(reason) for row in result.quarantined] == [True], result.quarantined
