"""Plan against bill: a FOCUS file of what was charged, by month and seller, beside what the plan said."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from planner.errors import DataError, did_you_mean
from planner.plan import Plan

COST = ("EffectiveCost", "BilledCost")
SELLER = ("ServiceProviderName", "ProviderName", "InvoiceIssuerName", "PublisherName")
START = ("ChargePeriodStart", "BillingPeriodStart")
COUNTED = frozenset({"Usage", "Purchase", "Adjustment", ""})
"""Charge categories compared with the plan; taxes and credits are summed apart, for prices are before tax."""
SPELLINGS = {
    "amazon web services": "aws", "amazon": "aws", "microsoft": "azure", "microsoft azure": "azure",
    "google": "gcp", "google cloud": "gcp", "google cloud platform": "gcp", "oracle": "oci",
    "oracle cloud": "oci", "lambda labs": "lambda", "vast ai": "vast", "prime intellect": "primeintellect",
}  # fmt: skip
"""How bills spell sellers, beside the plan's own spelling."""


@dataclass(frozen=True, slots=True)
class MonthOfSeller:
    """One month of one seller: planned and charged, USD; None where the other side has nothing."""

    month: str
    seller: str
    planned_usd: float | None
    charged_usd: float | None

    @property
    def difference_usd(self) -> float:
        """Charged less planned."""
        return (self.charged_usd or 0.0) - (self.planned_usd or 0.0)


@dataclass(frozen=True, slots=True)
class Actuals:
    """A bill beside a plan. `left_out` are rows not compared by reason: (reason, rows, USD)."""

    rows: tuple[MonthOfSeller, ...]
    left_out: tuple[tuple[str, int, float], ...]
    cost_column: str


def actuals(plan: Plan, text: str, *, tags: Mapping[str, str] | None = None) -> Actuals:
    """The bill `text` (FOCUS CSV) by month and seller beside the plan's month; only rows with all of `tags`.

    Raises DataError naming line and column. Sellers that the plan has nothing from are left out and counted, so
    that a whole company's bill can be read; name tags where one seller bills more than this plan.
    """
    reader = csv.DictReader(io.StringIO(text.lstrip("\ufeff")))
    columns = reader.fieldnames or []
    cost, seller, start = (_column(names, columns) for names in (COST, SELLER, START))
    planned = _planned(plan)
    charged: dict[tuple[str, str], float] = defaultdict(float)
    apart: dict[str, list[float]] = defaultdict(list)
    for line, row in enumerate(reader, start=2):
        usd = _number(row.get(cost) or "", line, cost)
        if (row.get("BillingCurrency") or "USD") != "USD":
            raise DataError(f"line {line}: BillingCurrency: {row['BillingCurrency']!r} is not USD",
                            hint="convert the bill first")  # fmt: skip
        name = seller_of(row.get(seller) or "", planned)
        why = _why_not(row, name, planned, tags or {}, line)
        if why:
            apart[why].append(usd)
        else:
            charged[_month(row.get(start) or "", line, start), name] += usd
    months = sorted({month for month, _ in charged})
    rows = [
        MonthOfSeller(month, name, planned.get(name), charged.get((month, name)))
        for month in months for name in sorted(planned)
    ]  # fmt: skip
    left = tuple((why, len(costs), sum(costs)) for why, costs in sorted(apart.items()))
    return Actuals(tuple(rows), left, cost)


def _planned(plan: Plan) -> dict[str, float]:
    dollars: dict[str, float] = defaultdict(float)
    for p in plan.placements:
        if p.term != "owned":
            dollars[p.offer.seller] += p.usd_per_month
    return dict(dollars)


def seller_of(billed: str, known: Mapping[str, float]) -> str:
    """The plan's name of a seller on a bill, or the bill's own where the plan has none.

    >>> seller_of("Amazon Web Services", {"aws": 1.0}), seller_of("LAMBDA", {"lambda": 1.0}), seller_of("x", {})
    ('aws', 'lambda', 'x')
    """
    plain = " ".join(re.sub(r"[^a-z0-9]+", " ", billed.casefold()).split())
    for name in (SPELLINGS.get(plain, plain), plain.replace(" ", ""), plain):
        if name in known:
            return name
    return billed


def _why_not(
    row: Mapping[str, str], name: str, planned: Mapping[str, float], tags: Mapping[str, str], line: int
) -> str:
    category = row.get("ChargeCategory") or ""
    if category not in COUNTED:
        return f"{category.lower()}, not a price"
    if name not in planned:
        return "seller not in the plan"
    if tags and any(_tags(row.get("Tags") or "{}", line).get(k) != v for k, v in tags.items()):
        return "without the tags asked for"
    return ""


def _tags(text: str, line: int) -> dict[str, str]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise DataError(f"line {line}: Tags: not JSON: {text[:40]!r}") from error
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def _column(names: tuple[str, ...], have: Sequence[str]) -> str:
    for name in names:
        if name in have:
            return name
    hint = did_you_mean(names[0], have) or f"a FOCUS file has {' or '.join(names)}"
    raise DataError(f"column {names[0]}: missing", hint=hint)


def _number(text: str, line: int, column: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise DataError(f"line {line}: {column}: {text[:40]!r} is not a number") from None
    if not isfinite(value):
        raise DataError(f"line {line}: {column}: {text!r} is not a finite number")
    return value


def _month(text: str, line: int, column: str) -> str:
    if not re.match(r"\d{4}-\d{2}-\d{2}", text):
        raise DataError(f"line {line}: {column}: {text[:40]!r} is not a date like 2026-11-01T00:00:00Z")
    return text[:7]
