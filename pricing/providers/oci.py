"""Oracle Cloud: no key; shapes of the cost estimator and the price list, one price for the whole world.

A GPU shape consumes a part priced per GPU-hour. Preemptible capacity costs half by rule, where the shape
allows it. Neither document says which region has which shape.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from planner.pricing.providers.errors import ShapeError
from planner.pricing.providers.records import Item, Listing, Provider, Quarantined
from planner.pricing.providers.session import Session
from planner.pricing.providers.shape import Row, read_rows

SHAPES = "https://www.oracle.com/a/ocom/docs/cloudestimator2/data/shapes.json"
PRICES = "https://apexapps.oracle.com/pls/apex/cetools/api/v1/products/"
LEGACY = {"GPU2": "P100", "GPU3": "V100", "GPU4": "A100", "RTXPRO": "RTX PRO 6000 Server"}
PREEMPTIBLE = Decimal("0.5")
Amounts = dict[str, tuple[Any, str]]
"""Price and currency by part number."""


def fetch(session: Session, env: Mapping[str, str]) -> Iterator[Item]:
    """Part prices, then the shapes that consume them."""
    session.next_page()
    answer = Row(session.json(PRICES, params={"currencyCode": "USD"}), "oci")
    amounts: Amounts = {}
    for item in read_rows("oci", answer.items("items"), _amount):
        if isinstance(item, Quarantined):
            yield item
        else:
            amounts[item[0]] = item[1]
    session.next_page()
    shapes = Row(session.json(SHAPES), "oci").items("items")
    yield from read_rows("oci", shapes, lambda row: _read(row, amounts))


def _amount(row: Row) -> Iterator[tuple[str, tuple[Any, str]]]:
    part = row.text("partNumber")
    for localized in row.items("currencyCodeLocalizations"):
        place = row.row_of(localized, "currencyCodeLocalizations")
        currency = place.text("currencyCode")
        for price in place.items("prices"):
            found = place.row_of(price, "prices")
            if found.text("model") == "PAY_AS_YOU_GO":
                yield part, (found.value("value"), currency)


def _read(row: Row, amounts: Amounts) -> Iterator[Listing]:
    shape = re.sub(r"\s*\([^)]*\)\s*$", "", row.text("name"))
    count = row.some("gpuQty")
    gpu = gpu_of(shape)
    if gpu is None or not count or row.value("hidden") or row.value("status") != "ACTIVE":
        return
    parts = [row.row_of(product, "products") for product in row.items("products")]
    numbers = [part.text("partNumber") for part in parts if part.row("type").text("value") == "ocpu"]
    if len(numbers) != 1:
        raise ShapeError(f"oci.products: {shape} has {len(numbers)} priced parts")
    if numbers[0] not in amounts:
        raise ShapeError(f"oci.partNumber: {numbers[0]} of {shape} has no price")
    price, currency = amounts[numbers[0]]
    half = (("spot", PREEMPTIBLE),) if row.some("allowPreemptible") is True else ()
    for term, share in (("on_demand", Decimal(1)), *half):
        yield Listing(
            seller="oci", instance=shape, gpu=gpu, gpu_count=count, gpu_memory_gib=row.some("gpuMemoryQty"),
            memory_of_all=True, host_memory_gib=row.maybe("bundleMemoryQty"), term=term, price=price, scale=share,
            per_gpu=True, currency=currency, source="oracle.com cost estimator and price list",
            flags=("presence_unverified", *(("half_of_on_demand_by_rule",) if term == "spot" else ())),
        )  # fmt: skip


def gpu_of(shape: str) -> str | None:
    """The GPU a shape is named after; None for shapes without one.

    >>> gpu_of("BM.GPU.H100.8"), gpu_of("BM.GPU4.8"), gpu_of("VM.Standard.E4.Flex")
    ('H100', 'A100', None)
    """
    words = re.split(r"[.-]", shape.upper())
    at = next((i for i, word in enumerate(words) if word.startswith("GPU")), None)
    if at is None:
        return None
    word = words[at + 1] if words[at] == "GPU" and at + 1 < len(words) else words[at]
    return LEGACY.get(word, word)


PROVIDER = Provider(
    name="oci",
    needs=(),
    documents=(
        "dstackai/gpuhunt src/gpuhunt/providers/oci.py (shapes.json, price per GPU, preemptible at half)",
        "hemgo-lexsi/gpu-price-dashboard (currencyCodeLocalizations of the price list)",
    ),
    fetch=fetch,
)
