"""Lambda: a key; prices in cents, the same everywhere; the GPU stands in the description.

A type without capacity anywhere is kept with availability 0 and no region: a price, not a machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal

from planner.pricing.providers.errors import ShapeError
from planner.pricing.providers.records import Item, Listing, Provider
from planner.pricing.providers.session import Session
from planner.pricing.providers.shape import Row, read_rows
from planner.profiles.errors import ProfileError
from planner.profiles.gpus import resolve_gpu

KEY = "LAMBDA_API_KEY"
URL = "https://cloud.lambdalabs.com/api/v1/instance-types"
DESCRIPTION = re.compile(r"^(\d+)x (.+?) \((\d+) GB(?: ([A-Za-z]+\d*))?\)")
"""`8x H100 (80 GB SXM5)`."""


def fetch(session: Session, env: Mapping[str, str]) -> Iterator[Item]:
    """One answer has every type."""
    session.next_page()
    answer = session.json(URL, headers={"Authorization": f"Bearer {env[KEY]}"})
    types = Row(answer, "lambda").value("data")
    if not isinstance(types, dict):
        raise ShapeError("lambda.data: is not an object of instance types")
    yield from read_rows("lambda", types.values(), _read)


def _read(row: Row) -> Iterator[Listing]:
    kind = row.row("instance_type")
    name, specs, description = kind.text("name"), kind.row("specs"), kind.text("description")
    regions = row.items("regions_with_capacity_available")
    if "cpu" in name and "GB" not in description:
        return
    match = DESCRIPTION.match(description)
    if match is None:
        raise ShapeError(f"lambda.description: {description[:60]!r} states no GPU")
    count, gpu, memory, form = match.groups()
    places = [row.row_of(region, "regions_with_capacity_available").text("name") for region in regions]
    for place in places or [""]:
        yield Listing(
            seller="lambda", instance=name, gpu=_spelling(gpu, form), gpu_count=count,
            gpu_memory_gib=memory, vcpus=specs.value("vcpus"), host_memory_gib=specs.value("memory_gib"),
            region=place, price=kind.value("price_cents_per_hour"), scale=Decimal("0.01"),
            currency=kind.maybe("currency") or "USD", availability=None if place else 0.0,
            source="cloud.lambdalabs.com instance-types", flags=() if place else ("no_stock_when_fetched",),
        )  # fmt: skip


def _spelling(gpu: str, form: str | None) -> str:
    """With the form factor where cards of this name come in several; `A10 PCIe` is nobody's name."""
    try:
        resolve_gpu(f"{gpu} {form}")
    except ProfileError:
        return gpu
    return f"{gpu} {form}"


PROVIDER = Provider(
    name="lambda",
    needs=(KEY,),
    documents=(
        "dstackai/gpuhunt src/gpuhunt/providers/lambdalabs.py",
        "Lambda Cloud API, instance-types (general knowledge of regions_with_capacity_available)",
    ),
    fetch=fetch,
)
