"""Offers as columns: the one layout of the Parquet files and the PostgreSQL table, and back to records."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from planner.pricing.errors import PriceError
from planner.pricing.offer import COLUMNS, Offer

if TYPE_CHECKING:
    import pyarrow as pa

WHOLE = frozenset({"commitment_months"})
REAL = frozenset(
    {"gpu_count", "gpu_memory_gib", "vcpus", "host_memory_gib", "usd_per_hour", "usd_per_gpu_hour",
     "upfront_usd", "interruption_per_hour", "availability"}
)  # fmt: skip
STORED = tuple(column for column in COLUMNS if column != "age_days")
"""Age is a fact about the reader's day, not about the row."""
ROW = ("provider", "taken_at", "payment", *STORED)
"""Payment is part of what makes an offer (`Offer.key`), so that SQL can tell two offers apart."""
HELD = ("provider", "reason", "label", "detail", "row")


TEXTS = tuple(name for name in ROW if name not in WHOLE | REAL)


def kind_of(column: str) -> str:
    """`text`, `real` or `whole`."""
    return "whole" if column in WHOLE else "real" if column in REAL else "text"


def row_cells(provider: str, taken_at: str, offer: Offer) -> tuple[Any, ...]:
    """The values of `ROW`; flags joined by blanks."""
    values = (getattr(offer, column) for column in STORED[:-1])
    return (provider, taken_at, offer.payment, *values, " ".join(offer.flags))


def to_table(taken_at: str, offers: Mapping[str, Iterable[Offer]]) -> pa.Table:
    """An Arrow table of the rows of every provider."""
    import pyarrow as pa

    kinds = {"text": pa.string(), "real": pa.float64(), "whole": pa.int32()}
    rows = [row_cells(name, taken_at, offer) for name in sorted(offers) for offer in offers[name]]
    columns = list(zip(*rows, strict=True)) or [()] * len(ROW)
    arrays = [pa.array(c, kinds[kind_of(name)]) for name, c in zip(ROW, columns, strict=True)]
    return pa.table(dict(zip(ROW, arrays, strict=True)))


def from_table(table: pa.Table) -> dict[str, tuple[Offer, ...]]:
    """Offers by provider; raises `PriceError` naming a missing column."""
    if missing := [column for column in ROW if column not in table.column_names]:
        raise PriceError(f"snapshot: column {missing[0]!r} is missing (written by another version)")
    return from_columns({name: _values(table.column(name)) for name in ROW})


def from_columns(columns: Mapping[str, Sequence[Any]]) -> dict[str, tuple[Offer, ...]]:
    """Offers by provider from equally long columns named as `ROW`."""
    split = {text: tuple(text.split()) for text in set(columns["flags"])}
    cells = {**columns, "flags": [split[text] for text in columns["flags"]]}
    cells["age_days"] = [None] * len(columns["flags"])
    found: dict[str, list[Offer]] = {}
    with _no_collection():
        offers = map(Offer, *(cells[column] for column in COLUMNS))
        for provider, offer in zip(columns["provider"], offers, strict=True):
            found.setdefault(provider, []).append(offer)
    return {provider: tuple(rows) for provider, rows in found.items()}


@contextmanager
def _no_collection() -> Iterator[None]:
    """While many records are made that all stay, the collector finds nothing and takes a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _values(column: pa.ChunkedArray) -> list[Any]:
    """Python values of a column. Through its dictionary: a table of prices says few things many times, and
    converting each distinct value once takes a tenth of the time of converting every cell."""
    coded = column.unify_dictionaries().combine_chunks() if _is_coded(column) else column.combine_chunks()
    coded = coded if _is_coded(coded) else coded.dictionary_encode()
    if coded.null_count == len(coded):
        return [None] * len(coded)
    known = [*coded.dictionary.to_pylist(), None]
    codes = coded.indices.fill_null(len(known) - 1).to_numpy(zero_copy_only=False)
    return [known[code] for code in codes.tolist()]


def _is_coded(column: pa.ChunkedArray) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_dictionary(column.type))
