"""The gpuhunt catalogue of dstack: one archive per cloud with one CSV in it, no key, refreshed on its own.

Left out: Google Cloud, whose figures mix calendar-mode with on-demand prices. The archive states no date
inside; rows keep none.
"""

from __future__ import annotations

import csv
import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping

from planner.pricing.providers.errors import FetchError, RetryableError
from planner.pricing.providers.records import Item, Listing, Provider, Quarantined
from planner.pricing.providers.session import Session
from planner.pricing.providers.shape import Row, columns, read_rows

ROOT = "https://dstack-gpu-pricing.s3.eu-west-1.amazonaws.com/v3"
SELLERS: Mapping[str, str] = {
    "aws": "aws", "azure": "azure", "verda": "verda", "lambdalabs": "lambda", "nebius": "nebius", "oci": "oci",
    "runpod": "runpod", "cloudrift": "cloudrift",
}  # fmt: skip
"""Name in the archive -> our name."""
COLUMNS = (
    "instance_name",
    "location",
    "price",
    "cpu",
    "memory",
    "gpu_count",
    "gpu_name",
    "gpu_memory",
    "spot",
)
MOST_BYTES = 256 << 20
OTHER_KINDS = ("dws", "calendar", "reserved", "capacity-block")
"""Words in `flags` of prices that are neither on demand nor spot."""


def fetch(session: Session, env: Mapping[str, str]) -> Iterator[Item]:
    """Every archive that can be had; one that cannot is quarantined by name."""
    urls = {name: f"{ROOT}/{name}/latest/catalog.zip" for name in SELLERS}
    errors: list[FetchError] = []
    for name, text in session.documents(urls, "zip", unzipped):
        session.next_page()
        try:
            if isinstance(text, FetchError):
                raise text
            yield from read_rows("gpuhunt", _table(text), _reader(name))
        except FetchError as error:
            errors.append(error)
            yield Quarantined(f"gpuhunt {name}", f"file: {error}")
    if len(errors) == len(urls):
        raise errors[0]


def unzipped(body: bytes) -> str:
    """The one CSV of an archive; a broken archive may be half of one, so it is worth another attempt."""
    tables = _tables(body)
    if len(tables) != 1:
        raise FetchError(f"archive has {len(tables)} CSV files, not one")
    if len(tables[0]) > MOST_BYTES:
        raise FetchError(f"archive unpacks to more than {MOST_BYTES} bytes")
    try:
        return tables[0].decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FetchError("archive holds no UTF-8 text") from error


def _tables(body: bytes) -> list[bytes]:
    """The CSV files of an archive, each read to just past the limit."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            names = [name for name in archive.namelist() if name.endswith(".csv")]
            return [archive.open(name).read(MOST_BYTES + 1) for name in names[:2]]
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, LookupError, ValueError,
            NotImplementedError, RuntimeError, OverflowError) as error:  # fmt: skip
        raise RetryableError("archive is broken") from error


def _table(text: str) -> Iterator[dict[str, str]]:
    reader = csv.reader(text.splitlines())
    try:
        places = columns(next(reader, []), COLUMNS, provider="gpuhunt")
        for cells in reader:
            yield {name: cells[at] for name, at in places.items() if at < len(cells)}
    except csv.Error as error:
        raise FetchError(f"gpuhunt: not a CSV table: {error}") from error


def _reader(name: str) -> Callable[[Row], Iterator[Listing]]:
    def read(row: Row) -> Iterator[Listing]:
        gpu, count, flags = row.text("gpu_name"), row.text("gpu_count"), str(row.maybe("flags", "")).lower()
        if not gpu or count in ("", "0") or any(word in flags for word in OTHER_KINDS):
            return
        yield Listing(
            seller=SELLERS[name], instance=row.text("instance_name"), gpu=gpu, gpu_count=count,
            gpu_memory_gib=row.text("gpu_memory"), vcpus=row.text("cpu"), host_memory_gib=row.text("memory"),
            region=row.text("location"), term="spot" if row.text("spot").lower() == "true" else "on_demand",
            price=row.text("price"), currency=row.maybe("currency") or "USD",
            source=f"dstackai/gpuhunt catalogue v3/{name}", flags=("archive",),
        )  # fmt: skip

    return read


PROVIDER = Provider(
    name="gpuhunt",
    needs=(),
    documents=(
        "dstackai/gpuhunt src/gpuhunt/_internal/catalog.py and models.py (address, columns)",
        "price-sources survey of this project (v3 layout, one archive per provider)",
    ),
    fetch=fetch,
    live=False,
)
