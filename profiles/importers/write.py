"""Prepared blocks to files: one Parquet file per system (one row group per block) and one JSON index with
digests."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from planner.profiles.importers.prepare import LeftOut, Prepared

INDEX = "index.json"
SCHEMA = "planner.profiles/1"
_FIELDS = pa.schema(
    [("keys", pa.list_(pa.int32())), ("x", pa.list_(pa.int32())), ("y", pa.list_(pa.float32()))]
)  # fmt: skip


def _table(block: Prepared) -> pa.Table:
    axes = block.keys.shape[1]
    rows = len(block.keys)
    keys = pa.ListArray.from_arrays(pa.array(range(0, rows * axes + 1, axes), pa.int32()), block.keys.ravel())
    ends = pa.array(block.start, pa.int32())
    columns = [keys, pa.ListArray.from_arrays(ends, block.x), pa.ListArray.from_arrays(ends, block.y)]
    return pa.Table.from_arrays(columns, schema=_FIELDS)


def write_system(path: Path, blocks: Sequence[Prepared]) -> None:
    """One row group per block, in order. Encodings are the smallest of those tried (bytes per point in the
    README)."""
    with pq.ParquetWriter(
        path, _FIELDS, compression="zstd", compression_level=19, write_statistics=False, store_schema=False,
        use_dictionary=["keys.list.element"], write_page_index=False,
        column_encoding={"x.list.element": "PLAIN", "y.list.element": "BYTE_STREAM_SPLIT"},
    ) as writer:  # fmt: skip
        for block in blocks:
            writer.write_table(_table(block), row_group_size=max(1, len(block.keys)))


def _column(values: list[Any]) -> Any:
    """Repeated values as a small dictionary: {"values": [...], "codes": [...]}."""
    texts = [json.dumps(v, separators=(",", ":")) for v in values]
    distinct = list(dict.fromkeys(texts))
    if len(distinct) * 4 > len(texts):
        return values
    number = {t: i for i, t in enumerate(distinct)}
    return {"values": [json.loads(t) for t in distinct], "codes": [number[t] for t in texts]}


def write_index(folder: Path, headers: Sequence[dict[str, Any]]) -> str:
    """Headers as columns, one line each, with the digest of every data file; returns the store digest."""
    files = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
             for name in sorted({h["file"] for h in headers})}  # fmt: skip
    columns = {name: _column([h[name] for h in headers]) for name in headers[0]}
    body = json.dumps(columns, separators=(",", ":"))
    digest = hashlib.sha256("\n".join([*files.values(), body]).encode()).hexdigest()
    lines = [f'"{name}":{json.dumps(value, separators=(",", ":"))}' for name, value in columns.items()]
    text = (
        f'{{"schema":"{SCHEMA}","digest":"{digest}",\n"files":{json.dumps(files, indent=1)},\n'
        f'"rows":{len(headers)},\n"columns":{{\n' + ",\n".join(lines) + "\n}}\n"
    )
    (folder / INDEX).write_text(text, encoding="utf-8")
    return digest


def write_left_out(path: Path, left_out: LeftOut) -> None:
    """The rows that do not ship, with one example per reason."""
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["table", "reason", "rows", "example"])
        for (table, reason), rows in sorted(left_out.counts.items()):
            out.writerow([table, reason, rows, left_out.examples[table, reason]])


def write_store(folder: Path, blocks: Iterable[Prepared]) -> str:
    """Every system's file and the index; blocks keep their order inside a system."""
    by_system: dict[str, list[Prepared]] = {}
    for block in blocks:
        by_system.setdefault(block.header["system"], []).append(block)
    headers = []
    for system, own in sorted(by_system.items()):
        name = f"ops_{system}.parquet"
        write_system(folder / name, own)
        headers += [b.header | {"file": name, "row_group": i} for i, b in enumerate(own)]
    return write_index(folder, headers)
