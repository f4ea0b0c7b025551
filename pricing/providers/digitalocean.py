"""DigitalOcean: a key; one list of sizes, some of which carry `gpu_info`; a size without regions is not sold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from planner.pricing.providers.errors import ShapeError
from planner.pricing.providers.records import Item, Listing, Provider
from planner.pricing.providers.session import Session
from planner.pricing.providers.shape import Row, read_rows

KEY = "DIGITALOCEAN_TOKEN"
HOST = "api.digitalocean.com"
URL = f"https://{HOST}/v2/sizes"
PER_PAGE = 200


def fetch(session: Session, env: Mapping[str, str]) -> Iterator[Item]:
    """Every page of sizes."""
    yield from read_rows("digitalocean", _walk(session, env[KEY]), _read)


def _walk(session: Session, key: str) -> Iterator[Any]:
    number, seen = 1, 0
    while True:
        session.next_page()
        params = {"per_page": str(PER_PAGE), "page": str(number)}
        page = Row(
            session.json(URL, params=params, headers={"Authorization": f"Bearer {key}"}), "digitalocean"
        )
        sizes = page.items("sizes")
        yield from sizes
        number, seen = number + 1, seen + len(sizes)
        total = page.row("meta").value("total")
        if isinstance(total, bool) or not isinstance(total, int):
            raise ShapeError("digitalocean.total: is not a count")
        if seen >= total:
            return
        if not sizes:
            raise ShapeError(f"digitalocean.sizes: the walk ends at {seen} of {total}")


def _read(row: Row) -> Iterator[Listing]:
    if row.some("gpu_info") is None:
        return
    gpu = row.row("gpu_info")
    memory, ram = gpu.row("vram"), row.value("memory")
    usable = isinstance(ram, int | float) and not isinstance(ram, bool) and 0 < ram < 1e12
    for region in row.items("regions"):
        yield Listing(
            seller="digitalocean", instance=row.text("slug"), gpu=gpu.text("model"), gpu_count=gpu.value("count"),
            gpu_memory_gib=memory.value("amount"), memory_of_all=True, vcpus=row.value("vcpus"),
            host_memory_gib=ram / 1024 if usable else None, region=region, price=row.value("price_hourly"),
            currency=row.maybe("currency") or "USD", source=f"{HOST}/v2/sizes",
            availability=None if row.value("available") else 0.0,
        )  # fmt: skip


PROVIDER = Provider(
    name="digitalocean",
    needs=(KEY,),
    documents=(
        "https://docs.digitalocean.com/reference/api/reference/sizes/",
        "dstackai/gpuhunt src/gpuhunt/providers/digitalocean.py (gpu_info)",
    ),
    fetch=fetch,
)
