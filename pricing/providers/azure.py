"""Azure Retail Prices: no key, pages linked by `NextPageLink`, six rows per size of which two are wanted.

Kept: Linux, consumption (on demand and spot) and reservations. Dropped before any price is read: Windows,
low priority, dedicated hosts, `Cloud Services` under the same service name, dev/test, and all sizes without
a GPU. Number and kind of GPU come from `data/machines.csv`: the answer has neither.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from planner.pricing.money import HOURS_PER_YEAR
from planner.pricing.providers.machines import machine_of
from planner.pricing.providers.records import Item, Listing, Provider, Quarantined
from planner.pricing.providers.session import Session
from planner.pricing.providers.shape import Row, read_rows

HOST = "prices.azure.com"
URL = f"https://{HOST}/api/retail/prices"
GPU_SIZE = re.compile(r"^Standard_N[CDGV]")
"""NP sizes carry FPGAs."""
COMMON = ("serviceName eq 'Virtual Machines'", "contains(armSkuName, 'Standard_N')",
          "contains(productName, 'Windows') eq false")  # fmt: skip
FILTERS: Mapping[str, str] = {
    "Consumption": " and ".join((*COMMON, "priceType eq 'Consumption'")),
    "Reservation": " and ".join((*COMMON, "priceType eq 'Reservation'")),
}
UNWANTED = ("Windows", "Dedicated", "Cloud Services", "CloudServices", "Promo")
"""In productName or skuName."""
RESERVED = {"1 Year": ("committed_1y", 1), "3 Years": ("committed_3y", 3)}
"""A reservation row gives the price of the whole term, whatever its unitOfMeasure says."""


def fetch(session: Session, env: Mapping[str, str]) -> Iterator[Item]:
    """Every page of both walks."""
    yield from read_rows("azure", _walk(session), _read)


def _walk(session: Session) -> Iterator[Any]:
    for query in FILTERS.values():
        params: Mapping[str, str] | None = {"api-version": "2023-01-01-preview", "$filter": query}
        url: str | None = URL
        while url:
            session.next_page()
            page = Row(session.json(url, params=params), "azure")
            yield from page.items("Items")
            link = page.value("NextPageLink")
            url = session.same_host(link, field="NextPageLink", host=HOST) if isinstance(link, str) else None
            params = None  # the link carries them


def _read(row: Row) -> Iterator[Listing | Quarantined]:
    size, product, sku = row.text("armSkuName"), row.text("productName"), row.text("skuName")
    meter = row.text("meterName")
    if not GPU_SIZE.match(size) or any(word in product or word in sku for word in UNWANTED):
        return
    if "Low Priority" in meter or "Low Priority" in sku:
        return
    kind = row.text("type")
    if kind == "Reservation":
        term, years = RESERVED.get(row.text("reservationTerm"), ("", 0))
        if not years:
            return
        scale = Decimal(1) / (years * HOURS_PER_YEAR)
    elif kind == "Consumption" and row.text("unitOfMeasure") == "1 Hour":
        term, scale = "spot" if "Spot" in meter else "on_demand", Decimal(1)
    else:
        return
    yield Listing(
        seller="azure", instance=size, gpu=_unlisted(size), gpu_count=None, region=row.text("armRegionName"), term=term,
        price=row.value("retailPrice"), scale=scale, currency=row.value("currencyCode"),
        stated_on=row.value("effectiveStartDate"), source=f"{HOST}/api/retail/prices",
    )  # fmt: skip


def _unlisted(size: str) -> str | None:
    """A spelling that no GPU has, for a size that the table does not know: it ends in the quarantine."""
    return None if machine_of("azure", size) else f"azure {size}"


PROVIDER = Provider(
    name="azure",
    needs=(),
    documents=(
        "https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices (general knowledge)",
        "dstackai/gpuhunt src/gpuhunt/providers/azure.py",
        "hemgo-lexsi/gpu-price-dashboard scripts/fetch_prices.py",
    ),
    fetch=fetch,
)
