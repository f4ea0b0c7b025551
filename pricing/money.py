"""Hours, currencies and rounding. Rates live in `data/rates.csv` with their source and date."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from importlib.resources import files

from planner.pricing.errors import PriceError

HOURS_PER_MONTH = 730
"""The month every seller's calculator uses: 8760 / 12. The only place this number is written."""
HOURS_PER_YEAR = 8760
CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Rate:
    """What one unit of a currency is worth."""

    currency: str
    usd_per_unit: Decimal
    as_of: str
    source: str


@cache
def load_rates() -> Mapping[str, Rate]:
    """The shipped exchange rates by ISO code; USD is always among them."""
    text = (files("planner.pricing") / "data" / "rates.csv").read_text(encoding="utf-8")
    return {
        row["currency"]: Rate(row["currency"], Decimal(row["usd_per_unit"]), row["as_of"], row["source"])
        for row in csv.DictReader(text.splitlines())
    }


def to_usd(amount: Decimal, currency: str) -> Decimal:
    """An amount in USD at the shipped rate; raises `PriceError` for a currency without one.

    >>> to_usd(Decimal("2.50"), "USD")
    Decimal('2.50')
    """
    rate = load_rates().get(currency.upper())
    if rate is None:
        known = ", ".join(sorted(load_rates()))
        raise PriceError(f"currency: {currency!r} has no shipped rate (give the price in one of {known})")
    return amount * rate.usd_per_unit if rate.currency != "USD" else amount


def monthly(usd_per_hour: Decimal) -> Decimal:
    """Cost of running all month, to the cent.

    >>> monthly(Decimal("2.00"))
    Decimal('1460.00')
    """
    return to_cents(usd_per_hour * HOURS_PER_MONTH)


def to_cents(amount: Decimal | float) -> Decimal:
    """Half up, as an invoice rounds; floats enter through their shortest decimal form.

    >>> to_cents(0.125), to_cents(Decimal("2.675"))
    (Decimal('0.13'), Decimal('2.68'))
    """
    exact = amount if isinstance(amount, Decimal) else Decimal(repr(amount))
    return exact.quantize(CENT, rounding=ROUND_HALF_UP)
