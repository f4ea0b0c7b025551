"""Shadeform: a key; a broker of some twenty clouds, prices in cents, one row per type and its places.

The same machines are sold by their owners under other names and without the mark-up: rows are flagged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from planner.pricing.providers.records import Item, Listing, Provider
from planner.pricing.providers.session import Session
from planner.pricing.providers.shape import Row, read_rows

KEY = "SHADEFORM_API_KEY"
URL = "https://api.shadeform.ai/v1/instances/types"


def fetch(session: Session, env: Mapping[str, str]) -> Iterator[Item]:
    """Types that some place has."""
    session.next_page()
    answer = session.json(URL, params={"available": "true"}, headers={"X-API-KEY": env[KEY]})
    yield from read_rows("shadeform", Row(answer, "shadeform").items("instance_types"), _read)


def _read(row: Row) -> Iterator[Listing]:
    built = row.row("configuration")
    if built.value("num_gpus") == 0:
        return
    cloud, kind = row.text("cloud"), row.text("shade_instance_type")
    for place in row.items("availability"):
        there = row.row_of(place, "availability")
        if not there.value("available"):
            continue
        yield Listing(
            seller="shadeform", instance=f"{cloud}_{kind.replace('_', '-')}",
            gpu=built.text("gpu_type").replace("_", " "), gpu_count=built.value("num_gpus"),
            gpu_memory_gib=built.maybe("vram_per_gpu_in_gb"), vcpus=built.value("vcpus"),
            host_memory_gib=built.value("memory_in_gb"), region=there.text("region"),
            price=row.value("hourly_price"), scale=Decimal("0.01"), currency=row.maybe("currency") or "USD",
            source="api.shadeform.ai instances/types", flags=("broker",),
        )  # fmt: skip


PROVIDER = Provider(
    name="shadeform",
    needs=(KEY,),
    documents=("skypilot-org/skypilot sky/catalog/data_fetchers/fetch_shadeform.py",),
    fetch=fetch,
)
