"""What hosted APIs charge per token, from the tables of `genai-prices` (MIT); no network.

The tables ship with that package, so their age is that of the installed version. They come with the `store`
extra and not with the core: the wheel is small (0.2 MB, 3 MB on disk), but brings a second HTTP client along,
and a plan on GPUs needs none of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from planner.pricing.errors import MissingPartError, PriceError

PARTS = {"input": "input_mtok", "cached": "cache_read_mtok", "output": "output_mtok"}
"""Our word to that package's."""


@dataclass(frozen=True, slots=True)
class TokenPrice:
    """USD per million tokens; None where the seller states no such price (not: free)."""

    seller: str
    model: str
    name: str | None
    input_usd_per_million: float | None
    cached_input_usd_per_million: float | None
    output_usd_per_million: float | None
    context_tokens: int | None
    tiers: str
    """`from N tokens: input / output` where a longer prompt costs another rate; empty where none does."""
    source: str
    flags: tuple[str, ...]


def token_prices(
    model: str | None = None, *, seller: str | None = None, at: datetime
) -> tuple[TokenPrice, ...]:
    """Prices in force `at` a moment, by seller and model; `model` is any part of a model's id or name.

    Raises `MissingPartError` without `genai-prices`, and `PriceError` for a seller it does not have.
    """
    wanted = (model or "").casefold()
    sellers = _sellers()
    if seller is not None and seller not in {s.id for s in sellers}:
        raise PriceError(f"seller: {seller!r} is not known (one of {', '.join(s.id for s in sellers)})")
    found = (
        price
        for s in sellers
        if seller in (None, s.id)
        for price in _prices(s, at)
        if wanted in f"{price.model} {price.name or ''}".casefold()
    )
    return tuple(sorted(found, key=lambda p: (p.seller, p.model)))


def tables_version() -> str:
    """Version of the installed tables: the only date they carry."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("genai-prices")
    except PackageNotFoundError as error:
        raise _missing() from error


def blended(price: TokenPrice, *, input_tokens: float, output_tokens: float, cached: float = 0.0) -> float:
    """USD of one request; `cached` is the share of input tokens read from the cache.

    Raises `PriceError` where the needed price is not stated. Tiers are not applied.

    >>> price = TokenPrice("s", "m", None, 2.0, 0.5, 8.0, None, "", "", ())
    >>> blended(price, input_tokens=1000, output_tokens=500, cached=0.5)
    0.00525
    """
    if not 0 <= cached <= 1:
        raise PriceError(f"cached: {cached:g} is not a share from 0 to 1")
    amounts = (
        ("input", price.input_usd_per_million, input_tokens * (1 - cached)),
        ("cached input", price.cached_input_usd_per_million, input_tokens * cached),
        ("output", price.output_usd_per_million, output_tokens),
    )
    total = 0.0
    for what, usd, tokens in amounts:
        if tokens > 0 and usd is None:
            raise PriceError(f"{price.seller} {price.model}: no price for {what} tokens is stated")
        total += tokens * (usd or 0.0) / 1e6
    return total


def _missing() -> MissingPartError:
    return MissingPartError('token prices need genai-prices: pip install "openclaw-planner[store]"')


def _sellers() -> Iterable[Any]:
    try:
        from genai_prices.data import providers
    except ModuleNotFoundError as error:
        raise _missing() from error
    return providers


def _prices(seller: Any, at: datetime) -> Iterator[TokenPrice]:
    source = f"genai-prices {tables_version()}"
    urls = " ".join(seller.pricing_urls or ())
    for model in seller.models:
        stated = model.get_prices(at)
        figures = {part: getattr(stated, name, None) for part, name in PARTS.items()}
        if all(value is None for value in figures.values()):
            continue  # priced by the image, the second or the request: not by tokens
        usd = {part: _first(value) for part, value in figures.items()}
        flags: tuple[str, ...] = ("deprecated",) if model.deprecated else ()
        if any(value == 0 for value in usd.values() if value is not None):
            flags += ("stated_as_free",)
        yield TokenPrice(
            seller.id, model.id, model.name, usd["input"], usd["cached"], usd["output"],
            model.context_window, _tiers(figures), f"{source} {urls}".strip(), flags,
        )  # fmt: skip


def _first(value: Any) -> float | None:
    """The price of a short prompt."""
    if value is None:
        return None
    return float(value if isinstance(value, Decimal | int | float) else value.base)


def _tiers(figures: dict[str, Any]) -> str:
    starts = sorted({tier.start for value in figures.values() for tier in getattr(value, "tiers", ())})

    def at(part: str, start: int) -> str:
        value = figures[part]
        found = [tier.price for tier in getattr(value, "tiers", ()) if tier.start <= start]
        price = found[-1] if found else _first(value)
        return "-" if price is None else f"{price:g}"

    return "; ".join(f"from {start} tokens: {at('input', start)} / {at('output', start)}" for start in starts)
