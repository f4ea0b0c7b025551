"""One's own contract prices: a CSV or JSON file or address in `PLANNER_CONTRACT_PRICES`.

Columns: seller, instance, gpu, gpu_count, term and price_per_hour (whole instance, in `currency`) are needed;
currency, region, gpu_memory_gib, vcpus, host_memory_gib, upfront, valid_from and note are optional. Beside an
upfront payment price_per_hour is what is still billed by the hour, 0 where everything is paid at once.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from planner.pricing.providers.errors import FetchError, ShapeError
from planner.pricing.providers.records import Item, Listing, Provider
from planner.pricing.providers.session import Session
from planner.pricing.providers.shape import Row, columns, kind_of, read_rows

WHERE = "PLANNER_CONTRACT_PRICES"
NEEDED = ("seller", "instance", "gpu", "gpu_count", "term", "price_per_hour")
OPTIONAL = (
    "currency",
    "region",
    "gpu_memory_gib",
    "vcpus",
    "host_memory_gib",
    "upfront",
    "valid_from",
    "note",
)


def fetch(session: Session, env: Mapping[str, str]) -> Iterator[Item]:
    """The rows of the file."""
    session.next_page()
    where = env[WHERE]
    is_json = where.partition("?")[0].lower().endswith(".json")
    if where.startswith(("https://", "http://")):
        text = session.text(where, "json" if is_json else "csv", conditional=True)
    else:
        text = _local(Path(where))
    yield from read_rows("contract", _json(text) if is_json else _csv(text), _read)


def _local(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FetchError(f"contract: {path.name} cannot be read: {type(error).__name__} ({WHERE})") from error


def _csv(text: str) -> Iterator[dict[str, str]]:
    reader = csv.reader(text.splitlines())
    try:
        places = columns(next(reader, []), NEEDED, provider="contract")
        for cells in reader:
            yield {name: cells[at] for name, at in places.items() if at < len(cells)}
    except csv.Error as error:
        raise FetchError(f"contract: not a CSV table: {error}") from error


def _json(text: str) -> list[Any]:
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FetchError("contract: not JSON") from error
    if not isinstance(rows, list):
        raise ShapeError(f"contract.rows: file is {kind_of(rows)}, not a list of offers")
    return rows


def _read(row: Row) -> Iterator[Listing]:
    for name in NEEDED:
        row.value(name)
    row.only((*NEEDED, *OPTIONAL))
    yield Listing(
        seller=row.text("seller"), instance=row.text("instance"), gpu=row.text("gpu"),
        gpu_count=row.value("gpu_count"), term=row.text("term"), price=row.value("price_per_hour"),
        currency=row.maybe("currency") or "USD", region=row.maybe("region"),
        gpu_memory_gib=row.maybe("gpu_memory_gib"), vcpus=row.maybe("vcpus"),
        host_memory_gib=row.maybe("host_memory_gib"), upfront=_stated(row.maybe("upfront")),
        stated_on=row.maybe("valid_from"), source="contract file", licence="the user's own", flags=("contract",),
    )  # fmt: skip


def _stated(cell: object) -> object:
    """None for an empty cell; an upfront payment of 0 is a statement."""
    return None if cell == "" else cell


PROVIDER = Provider(
    name="contract",
    needs=(WHERE,),
    documents=("this project: docs/price-providers.md",),
    fetch=fetch,
)
