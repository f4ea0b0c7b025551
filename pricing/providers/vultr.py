"""Vultr: no key; cloud GPU plans by the hour, bare metal by the month, one row per plan and all its places.

A cloud plan states the card and its memory in total; a share of a card has a share of its memory, and the
count follows from the two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from planner.pricing.money import HOURS_PER_MONTH
from planner.pricing.providers.errors import ShapeError
from planner.pricing.providers.records import Item, Listing, Provider, Quarantined
from planner.pricing.providers.session import Session
from planner.pricing.providers.shape import Row, read_rows, shown
from planner.profiles.errors import ProfileError
from planner.profiles.gpus import MEMORY_TOLERANCE, load_gpus, resolve_gpu

ROOT = "https://api.vultr.com/v2"
METAL_GPU = re.compile(r"-(?:(\d+)-)?([a-z]+\d+[a-z]*)-gpu$")
"""`vbm-64c-2048gb-8-l40-gpu`: the count may be missing and is one then."""


def fetch(session: Session, env: Mapping[str, str]) -> Iterator[Item]:
    """Cloud plans, then bare metal."""
    yield from read_rows("vultr", _walk(session, "plans", "plans", {"type": "vcg"}), _read_cloud)
    yield from read_rows("vultr", _walk(session, "plans-metal", "plans_metal", {}), _read_metal)


def _walk(session: Session, path: str, name: str, params: Mapping[str, str]) -> Iterator[Any]:
    cursor = ""
    while True:
        session.next_page()
        asked = {**params, "per_page": "500", **({"cursor": cursor} if cursor else {})}
        page = Row(session.json(f"{ROOT}/{path}", params=asked), "vultr")
        yield from page.items(name)
        found = page.row("meta").row("links").value("next")
        if found == cursor != "":
            raise ShapeError("vultr.next: the page after this one is this one")
        cursor = found if isinstance(found, str) else ""
        if not cursor:
            return


def _read_cloud(row: Row) -> Iterator[Listing | Quarantined]:
    if row.text("type") != "vcg":
        return
    name, gpu, memory = row.text("id"), row.text("gpu_type"), row.value("gpu_vram_gb")
    try:
        count = gpus_in(gpu, memory)
    except (ProfileError, ValueError) as error:
        yield Quarantined(shown(f"vultr {name} {gpu} {memory}"), f"unknown_gpu: {error}")
        return
    for place in row.items("locations") or [None]:
        yield Listing(
            seller="vultr", instance=name, gpu=gpu, gpu_count=count, gpu_memory_gib=memory / max(count, 1),
            vcpus=row.value("vcpu_count"), host_memory_gib=_gib(row.value("ram")), region=place,
            price=row.value("hourly_cost"), currency=row.maybe("currency") or "USD", source="api.vultr.com plans",
            availability=None if place else 0.0, flags=() if place else ("no_stock_when_fetched",),
        )  # fmt: skip


def _read_metal(row: Row) -> Iterator[Listing]:
    name = row.text("id")
    match = METAL_GPU.search(name)
    if match is None:
        return
    for place in row.items("locations"):
        yield Listing(
            seller="vultr", instance=name, gpu=match[2], gpu_count=match[1] or 1, vcpus=row.value("cpu_count"),
            host_memory_gib=_gib(row.value("ram")), region=place, price=row.value("monthly_cost"),
            scale=Decimal(1) / HOURS_PER_MONTH, currency=row.maybe("currency") or "USD",
            source="api.vultr.com plans-metal", flags=("bare_metal", "billed_monthly"),
        )  # fmt: skip


def gpus_in(gpu: str, memory_gib: object) -> float:
    """How many cards (or what share of one) a memory in total makes; of several cards the largest counts.

    >>> gpus_in("NVIDIA_L40S", 48), gpus_in("NVIDIA_A40", 24), gpus_in("NVIDIA_A100", 640)
    (1.0, 0.5, 8.0)
    """
    if isinstance(memory_gib, bool) or not isinstance(memory_gib, int | float) or not 0 < memory_gib < 1e5:
        raise ValueError(f"memory {shown(memory_gib)} is not a positive number")
    card = max(load_gpus()[key].memory_gib for key in resolve_gpu(gpu).keys)
    count = memory_gib / card
    if count < 1 - MEMORY_TOLERANCE:
        return round(count, 6)
    if abs(count - round(count)) > MEMORY_TOLERANCE * count:
        raise ValueError(f"{memory_gib:g} GB is no number of cards of {card:g} GiB")
    return float(round(count))


def _gib(mib: object) -> object:
    usable = isinstance(mib, int | float) and not isinstance(mib, bool) and 0 < mib < 1e12
    return mib / 1024 if usable else None  # type: ignore[operator]


PROVIDER = Provider(
    name="vultr",
    needs=(),
    documents=(
        "dstackai/gpuhunt src/gpuhunt/providers/vultr.py",
        "docs.vultr.com terraform data source vultr_plan (gpu_vram, gpu_type, monthly_cost)",
    ),
    fetch=fetch,
)
