"""Vast.ai bundles: no key; every offer is one machine of one host, which may be gone in minutes.

The price is the base price plus the disk a job needs (the total the answer states contains another disk);
traffic is charged on top. Hosts below 95 % reliability are not asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from planner.pricing.providers.errors import ShapeError
from planner.pricing.providers.records import Item, Listing, Provider
from planner.pricing.providers.session import Session
from planner.pricing.providers.shape import Row, kind_of, read_rows

URL = "https://console.vast.ai/api/v0/bundles/"
LIMIT = 3000
MOST = 1e12
"""Figures beyond it are no figures; an integer of 400 digits cannot even be added to."""
DISK_GB = 100
"""Room for weights and an image of a model of some ten billion parameters."""
HOURS_PER_DISK_MONTH = 30 * 24
"""Storage is charged per GB and month of 30 days."""
GPU_NAMES = {
    "Q RTX 8000": "Quadro RTX 8000",
    "Q RTX 6000": "Quadro RTX 6000",
    "RTX 4070S Ti": "RTX 4070 Ti Super",
}


def fetch(session: Session, env: Mapping[str, str]) -> Iterator[Item]:
    """One search over everything rentable, cheapest first."""
    session.next_page()
    query = {
        "rentable": {"eq": True}, "rented": {"eq": False}, "reliability2": {"gte": 0.95}, "type": "on-demand",
        "order": [["dph_total", "asc"]], "limit": LIMIT,
    }  # fmt: skip
    answer = Row(session.json(URL, params={"q": json.dumps(query)}), "vast")
    yield from read_rows("vast", answer.items("offers"), _read)


def _read(row: Row) -> Iterator[Listing]:
    machine, gpu, count = row.value("machine_id"), row.text("gpu_name"), row.value("num_gpus")
    disk = _number(row, "storage_cost") * DISK_GB / HOURS_PER_DISK_MONTH
    for term, name in (("on_demand", "dph_base"), ("spot", "min_bid")):
        price = row.value(name)
        usable = isinstance(price, int | float) and not isinstance(price, bool) and 0 < price < MOST
        yield Listing(
            seller="vast", instance=f"{count}x {gpu} #{machine}", gpu=GPU_NAMES.get(gpu, gpu), gpu_count=count,
            gpu_memory_gib=_number(row, "gpu_ram") / 1024, vcpus=row.value("cpu_cores_effective"),
            host_memory_gib=_host_memory(row), region=_place(row.value("geolocation")), term=term,
            price=price + disk if usable else price, currency=row.maybe("currency") or "USD", availability=1.0,
            source="console.vast.ai bundles", flags=("marketplace",),
        )  # fmt: skip


def _number(row: Row, name: str) -> float:
    value = row.value(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < MOST:
        raise ShapeError(f"vast.{name}: is {kind_of(value)}, not a usable number")
    return float(value)


def _host_memory(row: Row) -> float | None:
    """The share of the host's memory that goes with its cores; GB, as the site counts."""
    values = [row.value(name) for name in ("cpu_ram", "cpu_cores_effective", "cpu_cores")]
    if not all(isinstance(v, int | float) and not isinstance(v, bool) and 0 < v < MOST for v in values):
        return None
    ram, effective, cores = values
    return float(ram * effective / cores / 1000)


def _place(place: object) -> object:
    return place.strip(" ,") if isinstance(place, str) else None


PROVIDER = Provider(
    name="vast",
    needs=(),
    documents=(
        "dstackai/gpuhunt src/gpuhunt/providers/vastai.py",
        "hemgo-lexsi/gpu-price-dashboard scripts/fetch_prices.py",
    ),
    fetch=fetch,
)
