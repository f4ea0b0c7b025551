"""Hosted prices per token: what is stated, in which tier, and nothing where nothing is."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from planner.pricing.errors import PriceError
from planner.pricing.tokens import TokenPrice, blended, token_prices

pytest.importorskip("genai_prices")
NOW = datetime(2026, 11, 22, tzinfo=UTC)
PRICES = token_prices(at=NOW)


def test_many_sellers_and_models_are_priced_per_million_tokens() -> None:
    assert len(PRICES) > 500
    assert len({price.seller for price in PRICES}) > 20
    assert all(price.source.startswith("genai-prices ") for price in PRICES)


def test_a_price_is_stated_or_unknown_and_free_only_where_it_says_so() -> None:
    for price in PRICES:
        stated = [
            price.input_usd_per_million,
            price.cached_input_usd_per_million,
            price.output_usd_per_million,
        ]
        assert any(value is not None for value in stated)
        assert all(value is None or value >= 0 for value in stated)
        assert (0 in stated) == ("stated_as_free" in price.flags)


def test_longer_prompts_cost_what_their_tier_says() -> None:
    tiered = [price for price in PRICES if price.tiers]
    assert tiered
    assert all(price.tiers.startswith("from ") and " tokens: " in price.tiers for price in tiered)


def test_a_part_of_a_name_finds_models_in_any_case() -> None:
    found = token_prices("LLAMA-3.3-70B", at=NOW)
    assert found
    assert all("llama-3.3-70b" in f"{p.model} {p.name}".lower() for p in found)
    assert token_prices("no such model", at=NOW) == ()


def test_a_seller_narrows_and_an_unknown_one_is_named() -> None:
    assert {price.seller for price in token_prices(seller="groq", at=NOW)} == {"groq"}
    with pytest.raises(PriceError, match="seller: 'nobody' is not known"):
        token_prices(seller="nobody", at=NOW)


def test_an_old_day_has_the_prices_of_that_day() -> None:
    then = {(p.seller, p.model): p for p in token_prices(at=datetime(2024, 1, 1, tzinfo=UTC))}
    assert any(then.get((p.seller, p.model), p) != p for p in PRICES)


def test_a_request_without_a_stated_price_has_none() -> None:
    price = TokenPrice("s", "m", None, 1.0, None, 2.0, None, "", "", ())
    assert blended(price, input_tokens=1e6, output_tokens=1e6) == 3.0
    with pytest.raises(PriceError, match="no price for cached input tokens"):
        blended(price, input_tokens=10, output_tokens=0, cached=0.5)
    with pytest.raises(PriceError, match="is not a share"):
        blended(price, input_tokens=10, output_tokens=0, cached=2)
