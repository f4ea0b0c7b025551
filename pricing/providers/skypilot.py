"""The SkyPilot catalogue: one CSV per cloud, no key, no date; a second opinion rather than a first.

Left out: Google Cloud (accelerator and machine are separate rows there), Vast (names cut short, hosts
invented), Mithril (bid floor booked as price). Rows of several zones become the cheapest zone.
"""

from __future__ import annotations

import ast
import csv
from collections.abc import Iterator, Mapping

from planner.pricing.providers.answers import parse_text
from planner.pricing.providers.errors import FetchError
from planner.pricing.providers.records import Item, Listing, Provider, Quarantined
from planner.pricing.providers.session import Session
from planner.pricing.providers.shape import Row, columns, read_rows
from planner.profiles.errors import ProfileError
from planner.profiles.gpus import load_gpus, resolve_gpu

ROOT = "https://raw.githubusercontent.com/skypilot-org/skypilot-catalog/master/catalogs"
FILES: Mapping[str, str] = {
    "aws": "v8/aws", "azure": "v6/azure", "digitalocean": "v6/do", "fluidstack": "v6/fluidstack",
    "hyperbolic": "v8/hyperbolic", "hyperstack": "v8/hyperstack", "ibm": "v5/ibm", "jarvislabs": "v8/jarvislabs",
    "lambda": "v8/lambda", "nebius": "v8/nebius", "oci": "v8/oci", "ovhcloud": "v6/ovhcloud",
    "paperspace": "v6/paperspace", "primeintellect": "v8/primeintellect", "runpod": "v8/runpod",
    "scaleway": "v6/scaleway", "seeweb": "v8/seeweb", "shadeform": "v8/shadeform", "verda": "v8/verda",
}  # fmt: skip
COLUMNS = ("InstanceType", "AcceleratorName", "AcceleratorCount", "vCPUs", "MemoryGiB", "GpuInfo", "Price",
           "SpotPrice", "Region")  # fmt: skip
BROKERS = frozenset({"primeintellect", "shadeform"})
Table = list[dict[str, str]]


def fetch(session: Session, env: Mapping[str, str]) -> Iterator[Item]:
    """Every file that can be had; one that cannot is quarantined by name."""
    urls = {seller: f"{ROOT}/{path}/vms.csv" for seller, path in FILES.items()}
    errors: list[FetchError] = []
    for seller, text in session.documents(urls, "csv", parse_text):
        session.next_page()
        if isinstance(text, FetchError):
            errors.append(text)
            yield Quarantined(f"skypilot {seller}", f"file: {text}")
            continue
        try:
            yield from _offers(seller, text)
        except FetchError as error:
            errors.append(error)
            yield Quarantined(f"skypilot {seller}", f"file: {error}")
    if len(errors) == len(urls):
        raise errors[0]


def _offers(seller: str, text: str) -> Iterator[Item]:
    cheapest: dict[tuple[str, ...], Listing] = {}
    for item in read_rows("skypilot", _table(text), lambda row: _read(row, seller)):
        price = _number(str(item.price)) if isinstance(item, Listing) else None
        if not isinstance(item, Listing) or price is None:
            yield item
            continue
        key = (str(item.instance), str(item.region), item.term, str(item.gpu))
        known = cheapest.get(key)
        if known is None or price < (_number(str(known.price)) or 0):
            cheapest[key] = item
    yield from cheapest.values()


def _table(text: str) -> Iterator[dict[str, str]]:
    reader = csv.reader(text.splitlines())
    try:
        places = columns(next(reader, []), COLUMNS, provider="skypilot")
        for cells in reader:
            yield {name: cells[at] for name, at in places.items() if at < len(cells)}
    except csv.Error as error:
        raise FetchError(f"skypilot: not a CSV table: {error}") from error


def _read(row: Row, seller: str) -> Iterator[Listing]:
    gpu, count = row.text("AcceleratorName"), _number(row.text("AcceleratorCount"))
    spot = row.text("SpotPrice")
    if not gpu or not row.text("InstanceType"):
        return
    zoned = ("cheapest_zone",) if row.maybe("AvailabilityZone") and seller == "aws" else ()
    for term, price in (("on_demand", row.text("Price")), ("spot", spot)):
        if term == "spot" and _number(price) is None:
            continue  # empty and 0.00 both mean that there is none
        if term == "on_demand" and not price and _number(spot):
            continue
        yield Listing(
            seller=seller, instance=row.text("InstanceType"), gpu=gpu, gpu_count=row.text("AcceleratorCount"),
            gpu_memory_gib=memory_of(row.text("GpuInfo"), gpu, count or 1), vcpus=row.text("vCPUs"),
            host_memory_gib=row.text("MemoryGiB"), region=row.text("Region"), term=term, price=price,
            source=f"skypilot-org/skypilot-catalog:catalogs/{FILES[seller]}/vms.csv",
            flags=("archive", *(zoned if term == "spot" else ()), *(("broker",) if seller in BROKERS else ())),
        )  # fmt: skip


def memory_of(info: str, gpu: str, count: float) -> float | None:
    """GiB per GPU out of `GpuInfo`, which is written with single quotes and in different units per cloud.

    MiB per GPU, MiB over all, GiB in the field named MiB: the reading that a GPU of this name has is taken,
    and none where no reading fits.

    >>> memory_of("{'Gpus': [{'Name': 'L4', 'MemoryInfo': {'SizeInMiB': 24576}}]}", "L4", 1)
    24.0
    """
    try:
        gpus = ast.literal_eval(info)["Gpus"] if len(info) < 2000 else []
        stated = float(gpus[0]["MemoryInfo"]["SizeInMiB"])
        members = [load_gpus()[key] for key in resolve_gpu(gpu).keys]
    except (
        ValueError,
        SyntaxError,
        KeyError,
        IndexError,
        TypeError,
        MemoryError,
        RecursionError,
        ProfileError,
    ):
        return None
    readings = (stated / 1024, stated / 1024 / max(count, 1), stated)
    return next((r for r in readings if any(member.has_memory(r) for member in members)), None)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 < number < float("inf") else None


PROVIDER = Provider(
    name="skypilot",
    needs=(),
    documents=(
        "skypilot-org/skypilot-catalog catalogs/*/vms.csv (columns; differences between files)",
        "skypilot-org/skypilot sky/catalog/data_fetchers (what each file is made from)",
    ),
    fetch=fetch,
    live=False,
)
