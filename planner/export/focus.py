"""A forecast in FOCUS form: what the bills of the planned months would say.

FOCUS 1.3, Cost and Usage: every mandatory column, the conditional ones that apply, and the two provider names that
1.3 deprecates, for readers of 1.2. The column list is written out, so that a new field of ours cannot change it.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import date

from planner.plan import Placement, Plan
from planner.render.listing import harmless

VERSION = "1.3"
MANDATORY = (
    "BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd",
    "BillingPeriodStart", "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargePeriodEnd",
    "ChargePeriodStart", "ContractedCost", "EffectiveCost", "HostProviderName", "InvoiceIssuerName", "ListCost",
    "PricingQuantity", "PricingUnit", "ServiceCategory", "ServiceName", "ServiceProviderName",
)  # fmt: skip
NULLABLE = ("BillingAccountName", "ChargeClass", "ChargeDescription", "PricingQuantity", "PricingUnit")
"""Mandatory columns whose cells may be empty."""
ALSO = (
    "ChargeFrequency", "CommitmentDiscountCategory", "CommitmentDiscountId", "CommitmentDiscountStatus",
    "CommitmentDiscountType", "ConsumedQuantity", "ConsumedUnit", "ContractedUnitPrice", "ListUnitPrice",
    "PricingCategory", "ProviderName", "PublisherName", "RegionId", "RegionName", "ResourceId", "ResourceName",
    "ResourceType", "ServiceSubcategory", "SkuId", "SkuMeter", "SkuPriceDetails", "SkuPriceId", "Tags",
)  # fmt: skip
OURS = ("x_PlannerForecast", "x_PlanDigest", "x_Workload")
COLUMNS = (*MANDATORY, *ALSO, *OURS)
CATEGORIES = {"spot": "Dynamic", "committed_1y": "Committed", "committed_3y": "Committed"}
"""PricingCategory by term; anything else is Standard."""


def focus(plan: Plan, *, start: date, months: int = 12, account: str = "forecast") -> str:
    """CSV of `months` months from that of `start`: one row per placement and month, BilledCost as forecast."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for n in range(months):
        first, after = _month(start, n), _month(start, n + 1)
        for i, p in enumerate(plan.placements):
            row = dict(_row(plan, p, i, first, after, account))
            writer.writerow({name: harmless(row.get(name, "")) for name in COLUMNS})
    return out.getvalue()


def _month(start: date, n: int) -> date:
    """First day of the n-th month after that of `start`.

    >>> _month(date(2026, 11, 22), 2)
    datetime.date(2027, 1, 1)
    """
    index = start.year * 12 + start.month - 1 + n
    return date(index // 12, index % 12 + 1, 1)


def _row(
    plan: Plan, p: Placement, i: int, first: date, after: date, account: str
) -> Iterator[tuple[str, object]]:
    offer, api = p.offer, p.term == "api"
    seller = "own hardware" if p.term == "owned" else offer.seller
    yield from dict.fromkeys(
        ("BilledCost", "ContractedCost", "EffectiveCost", "ListCost"), p.usd_per_month
    ).items()
    yield from (("BillingAccountId", account), ("BillingAccountName", ""), ("BillingCurrency", "USD"))
    for kind in ("Billing", "Charge"):
        yield f"{kind}PeriodStart", f"{first.isoformat()}T00:00:00Z"
        yield f"{kind}PeriodEnd", f"{after.isoformat()}T00:00:00Z"
    yield from (("ChargeCategory", "Usage"), ("ChargeClass", ""), ("ChargeFrequency", "Usage-Based"))
    yield "ChargeDescription", f"forecast: {p.units} x {offer.instance} for {p.workload}"
    for name in (
        "HostProviderName",
        "InvoiceIssuerName",
        "ServiceProviderName",
        "ProviderName",
        "PublisherName",
    ):
        yield name, seller
    yield "ServiceCategory", "AI and Machine Learning" if api else "Compute"
    yield "ServiceSubcategory", "Generative AI" if api else "Virtual Machines"
    yield "ServiceName", offer.instance if api else "GPU compute"
    yield "PricingCategory", CATEGORIES.get(p.term, "Standard")
    yield from (("RegionId", offer.region or ""), ("RegionName", offer.region or ""))
    yield from (
        ("SkuId", offer.instance),
        ("SkuPriceId", f"{offer.instance}/{p.term}"),
        ("SkuMeter", "Machine hours"),
    )
    details = {"x_Gpu": p.gpu, "x_GpuCount": offer.gpu_count, "x_Term": p.term}
    yield "SkuPriceDetails", json.dumps(details, sort_keys=True)
    yield "Tags", json.dumps({"workload": p.workload, "x_PlannerForecast": "true"}, sort_keys=True)
    yield from (
        ("x_PlannerForecast", "true"),
        ("x_PlanDigest", plan.question.digest),
        ("x_Workload", p.workload),
    )
    if not api:
        hours = p.units * p.hours_per_month
        yield from dict.fromkeys(("PricingQuantity", "ConsumedQuantity"), hours).items()
        yield from dict.fromkeys(("PricingUnit", "ConsumedUnit"), "Hours").items()
        yield from dict.fromkeys(("ListUnitPrice", "ContractedUnitPrice"), offer.usd_per_hour).items()
        yield from (
            ("ResourceId", f"{p.workload}/{i}"),
            ("ResourceName", p.workload),
            ("ResourceType", "GPU machine"),
        )
    if p.term.startswith("committed"):
        yield from (("CommitmentDiscountCategory", "Usage"), ("CommitmentDiscountStatus", "Used"))
        yield from (
            ("CommitmentDiscountType", p.term),
            ("CommitmentDiscountId", f"forecast/{offer.seller}/{p.term}"),
        )
