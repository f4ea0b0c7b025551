"""One source table to prepared blocks: bad rows out and listed, repeated keys merged, curves sorted and
thinned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.parquet as pq

from planner.profiles.importers.quality import Quality
from planner.profiles.importers.tables import DTYPES, Table
from planner.profiles.importers.thin import TOLERANCE, keep_mask, thinning_error

MANTISSA_BITS = 12
"""Kept of each float32: 0.012 % at most, a quarter of what the source's four digits hold; halves the
files."""


@dataclass
class LeftOut:
    """Rows that do not ship, by table and reason."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, table: str, reason: str, rows: int, example: str) -> None:
        """Count rows; the first example of a reason is kept."""
        if rows:
            self.counts[table, reason] += rows
            self.examples.setdefault((table, reason), example)


@dataclass(frozen=True)
class Prepared:
    """A block ready to be written: the header's fields and its arrays."""

    header: dict[str, Any]
    keys: npt.NDArray[np.int32]
    start: npt.NDArray[np.int64]
    x: npt.NDArray[np.int32]
    y: npt.NDArray[np.float32]


def shorten(y: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Float32 rounded to the mantissa bits that carry information.

    >>> float(shorten(np.array([1.0]))[0])
    1.0
    """
    drop = np.uint32(23 - MANTISSA_BITS)
    bits = y.astype(np.float32).view(np.uint32)
    rounded: npt.NDArray[np.uint32] = (bits + (np.uint32(1) << (drop - np.uint32(1)))) >> drop << drop
    return rounded.view(np.float32)


def curves_of(
    points: npt.NDArray[np.int64], y: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Sorted unique points (median of repeats), the offsets of their curves, and the values.

    The last column of `points` runs along the curve, the others name it.
    """
    order = np.lexsort(points.T[::-1])
    points, y = points[order], y[order]
    fresh = np.ones(len(points), bool)
    fresh[1:] = (np.diff(points, axis=0) != 0).any(axis=1)
    if not fresh.all():
        group = np.cumsum(fresh) - 1
        y = np.asarray(pd.Series(y).groupby(group).median(), np.float64)
        points = points[fresh]
    heads = np.ones(len(points), bool)
    heads[1:] = (np.diff(points[:, :-1], axis=0) != 0).any(axis=1)
    return points, np.append(np.flatnonzero(heads), len(points)), y


def pack(header: dict[str, Any], points: npt.NDArray[np.int64], y: npt.NDArray[np.float64]) -> Prepared:
    """Curves of one block, thinned; the header gains its row counts and quality measures."""
    rows = len(points)
    points, start, y = curves_of(points, y)
    stored = shorten(y)
    x = points[:, -1].astype(float)
    kept = keep_mask(start, x, stored.astype(float), tolerance=TOLERANCE - 2.0**-MANTISSA_BITS)
    keep_count = np.add.reduceat(kept, start[:-1])
    falls = (np.diff(y) < -0.1 * y[:-1]) & (np.diff(x) > 0)
    falls[start[1:-1] - 1] = False
    guess_error = thinning_error(start, x, np.where(kept, stored, y), kept)
    header |= {
        "rows_source": rows,
        "rows_kept": int(kept.sum()),
        "non_monotone": int(falls.sum()),
        "thinning_error": round(guess_error, 6),
    }
    return Prepared(
        header,
        points[start[:-1], :-1].astype(np.int32),
        np.concatenate([[0], np.cumsum(keep_count)]).astype(np.int64),
        points[kept, -1].astype(np.int32),
        stored[kept],
    )


def _detail(table: Table, row: dict[str, str]) -> tuple[tuple[str, str], ...]:
    pairs = [
        (ours, str(row[theirs])) for ours, theirs in table.detail.items() if row[theirs] not in ("", "nan")
    ]
    return tuple((k, DTYPES.get(v, v) if k == "gemm_dtype" else v) for k, v in pairs)


def _header_columns(table: Table) -> list[str]:
    wanted = ["system", "framework", "framework_version", "op", "kernel_source", table.dtype, table.kv_dtype]
    return [c for c in dict.fromkeys([*wanted, *table.detail.values()]) if c]


def _read(table: Table, folder: Path) -> pd.DataFrame:
    names = set(pq.read_schema(folder / f"{table.file}.parquet").names)
    header = [c for c in _header_columns(table) if c in names]
    columns = [
        *header,
        *table.axes.values(),
        table.x[1],
        table.value,
        *([table.where[0]] if table.where else []),
    ]
    rows = pq.read_table(folder / f"{table.file}.parquet", columns=list(dict.fromkeys(columns)))
    frame: pd.DataFrame = rows.to_pandas()
    for column in header:
        frame[column] = frame[column].fillna("").astype("category")
    if table.where:
        frame = frame[frame[table.where[0]] == table.where[1]]
    return frame


def _drop_unusable(frame: pd.DataFrame, table: Table, left_out: LeftOut) -> pd.DataFrame:
    bad = ~(frame[table.value] > 0) | ~(frame[table.x[1]] > 0)
    left_out.add(
        table.file, "no time or no size", int(bad.sum()), str(frame[bad].head(1).to_dict("records"))[:300]
    )
    frame = frame[~bad]
    if table.op == "attention_prefill":
        # The decode kernel was timed one query at a time there; it is not how prefill runs (reference 2.4).
        wrong = frame["kernel_source"].isin(["vllm_flashinfer_trtllmdecode", "vllm_flashinfer_fidecode"])
        left_out.add(table.file, "decode kernel in the prefill table", int(wrong.sum()),
                     "vllm: vllm_flashinfer_trtllmdecode, vllm_flashinfer_fidecode")  # fmt: skip
        frame = frame[~wrong]
    return frame


def prepare(table: Table, folder: Path, quality: Quality, left_out: LeftOut) -> Iterator[Prepared]:
    """Blocks of one source table, without the registry's variant name."""
    frame = _drop_unusable(_read(table, folder), table, left_out)
    header_columns = [c for c in _header_columns(table) if c in frame]
    size_columns = [*table.axes.values(), table.x[1]]
    for values, rows in frame.groupby(header_columns, observed=True, sort=True):
        row = dict(zip(header_columns, map(str, values), strict=True))
        source_op = row.get("op", "")
        header = {
            "system": row["system"],
            "op": table.op.format(op=table.names.get(source_op, source_op)),
            "engine": row["framework"],
            "engine_version": row["framework_version"],
            "kernel_source": row["kernel_source"],
            "dtype": _dtype(row, table.dtype),
            "kv_dtype": _dtype(row, table.kv_dtype),
            "detail": _detail(table, row),
            "axes": tuple(table.axes),
            "x": table.x[0],
            "value": table.quantity,
        }
        points = rows[size_columns].to_numpy(np.int64)
        y = rows[table.value].to_numpy(np.float64) * table.unit
        header |= quality.judge(table, row, header, points, y)
        yield pack(header, points, y)


def _dtype(row: dict[str, str], column: str | None) -> str:
    spelled = row.get(column or "", "")
    return DTYPES[spelled] if spelled else ""
