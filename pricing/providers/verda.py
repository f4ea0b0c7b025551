"""Verda (formerly DataCrunch): no key; on-demand and spot price per instance as text.

Locations are another document that lists every type everywhere, so no region is claimed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from planner.pricing.providers.errors import ShapeError
from planner.pricing.providers.records import Item, Listing, Provider
from planner.pricing.providers.session import Session
from planner.pricing.providers.shape import Row, kind_of, read_rows

URL = "https://api.datacrunch.io/v1/instance-types"
COUNT = re.compile(r"^\d+x\s+")
PRICES = (("on_demand", "price_per_hour"), ("spot", "spot_price"))


def fetch(session: Session, env: Mapping[str, str]) -> Iterator[Item]:
    """One list has every type."""
    session.next_page()
    answer = session.json(URL, conditional=True)
    if not isinstance(answer, list):
        raise ShapeError(f"verda.instance_types: answer is {kind_of(answer)}, not a list")
    yield from read_rows("verda", answer, _read)


def _read(row: Row) -> Iterator[Listing]:
    gpu = row.row("gpu")
    count, description = gpu.value("number_of_gpus"), gpu.text("description")
    if count == 0:
        return
    prices = [(term, row.value(name)) for term, name in PRICES]
    for term, price in prices:
        if price is None and any(other is not None for _, other in prices):
            continue  # a type may have only one of the two
        yield Listing(
            seller="verda", instance=row.text("instance_type"), gpu=COUNT.sub("", description), gpu_count=count,
            gpu_memory_gib=row.row("gpu_memory").value("size_in_gigabytes"), memory_of_all=True,
            vcpus=row.row("cpu").value("number_of_cores"),
            host_memory_gib=row.row("memory").value("size_in_gigabytes"), term=term, price=price,
            currency=_currency(row), source="api.datacrunch.io instance-types", flags=("presence_unverified",),
        )  # fmt: skip


def _currency(row: Row) -> object:
    stated = row.maybe("currency") or "USD"
    return stated.upper() if isinstance(stated, str) else stated


PROVIDER = Provider(
    name="verda",
    needs=(),
    documents=(
        "hemgo-lexsi/gpu-price-dashboard scripts/fetch_prices.py (fields)",
        "dstackai/gpuhunt src/gpuhunt/providers/verda.py (spelling of the descriptions, memory over all GPUs)",
    ),
    fetch=fetch,
)
