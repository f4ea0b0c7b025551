"""RunPod GraphQL: no key; price per GPU, linear in the count, secure and community cloud apart.

Machines are named by `displayName` and told apart by `id`. Bids are left out: what the API gave for spot has
differed from what could be had, and no published catalogue trusts it any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from planner.pricing.providers.errors import FetchError, ShapeError
from planner.pricing.providers.records import Item, Listing, Provider
from planner.pricing.providers.session import Session
from planner.pricing.providers.shape import Row, read_rows, shown
from planner.profiles.errors import ProfileError
from planner.profiles.gpus import resolve_gpu

URL = "https://api.runpod.io/graphql"
FIELDS = "id displayName memoryInGb secureCloud communityCloud securePrice communityPrice maxGpuCount"
QUERY = f"query {{ gpuTypes {{ {FIELDS} }} }}"
CLOUDS = (("secure", "secureCloud", "securePrice"), ("community", "communityCloud", "communityPrice"))
MOST_GPUS = 8


def fetch(session: Session, env: Mapping[str, str]) -> Iterator[Item]:
    """One query answers all."""
    session.next_page()
    answer = Row(session.json(URL, body={"query": QUERY}), "runpod")
    if errors := answer.maybe("errors"):
        raise FetchError(f"runpod: the query was refused: {shown(errors)}")
    yield from read_rows("runpod", answer.row("data").items("gpuTypes"), _read)


def _read(row: Row) -> Iterator[Listing]:
    id, name = row.text("id"), row.text("displayName")
    most = row.value("maxGpuCount")
    if name.lower() == "unknown" or id.lower() == "unknown":
        return
    if most is not None and (isinstance(most, bool) or not isinstance(most, int)):
        raise ShapeError(f"runpod.maxGpuCount: {shown(most)} is not a count")
    for cloud, offered, price in CLOUDS:
        if not row.value(offered):
            continue
        for count in (1, 2, 4, 8):
            if count > min(most or 1, MOST_GPUS):
                break
            yield Listing(
                seller="runpod", instance=f"{count}x {name} ({cloud})", gpu=_spelling(id, name), gpu_count=count,
                gpu_memory_gib=row.value("memoryInGb"), region="Global (lowest)", price=row.value(price),
                per_gpu=True, currency=row.maybe("currency") or "USD", source="api.runpod.io gpuTypes",
                flags=("marketplace",) if cloud == "community" else (),
            )  # fmt: skip


def _spelling(id: str, name: str) -> str:
    """The id, unless the label only makes it clearer (`H100 SXM` for `NVIDIA H100 80GB HBM3`)."""
    try:
        by_id, by_name = set(resolve_gpu(id).keys), set(resolve_gpu(name).keys)
    except ProfileError:
        return id
    return name if by_name < by_id else id


PROVIDER = Provider(
    name="runpod",
    needs=(),
    documents=(
        "dstackai/gpuhunt src/gpuhunt/providers/runpod.py",
        "hemgo-lexsi/gpu-price-dashboard scripts/fetch_prices.py",
    ),
    fetch=fetch,
)
