"""The shipped op tables: headers from one small index, curves of a block when asked for.

Only this module meets bad files; what it returns is sorted, positive and complete.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.profiles.block import Block, Curves
from planner.profiles.errors import ProfileError

__all__ = ["Block", "Curves", "Profiles", "load_profiles", "row_counts"]

INDEX = "index.json"
SCHEMA = "planner.profiles/1"


def _expand(column: Any) -> list[Any]:
    if isinstance(column, dict):
        return [column["values"][code] for code in column["codes"]]
    return list(column)


def _block(names: Sequence[str], values: Sequence[Any]) -> Block:
    row = dict(zip(names, values, strict=True))
    for name in ("axes", "quality"):
        row[name] = tuple(row[name])
    row["detail"] = tuple((k, v) for k, v in row["detail"])
    return Block(**row)


def _numbers(array: Any, dtype: type[np.generic]) -> npt.NDArray[Any]:
    """A null-free Arrow array as numpy; Arrow's own conversion would import pandas (0.25 s) for it."""
    return np.frombuffer(array.buffers()[1], dtype)[array.offset : array.offset + len(array)]


class Profiles:
    """Measured op tables of every system; cheap to open, curves are read and kept on first use."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = folder / INDEX
        try:
            index = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ProfileError(
                f"{path}: not a readable index ({error}); rebuild it with the importer"
            ) from error
        if index.get("schema") != SCHEMA:
            raise ProfileError(f"{path}: schema is {index.get('schema')!r}, not {SCHEMA!r}; rebuild it")
        self.digest: str = index["digest"]
        """sha256 over the data files' digests and the index's own columns, taken when the store was built."""
        self.file_digests: Mapping[str, str] = index["files"]
        self._names = tuple(index["columns"])
        self._columns = {name: _expand(column) for name, column in index["columns"].items()}
        self._made: dict[int, Block] = {}
        self._curves: dict[tuple[str, int], Curves] = {}
        self._open: dict[str, Any] = {}
        self._found: dict[object, tuple[Block, ...]] = {}

    @cached_property
    def _by_system_and_op(self) -> Mapping[tuple[str, str], list[int]]:
        table: dict[tuple[str, str], list[int]] = {}
        for i, key in enumerate(zip(self._columns["system"], self._columns["op"], strict=True)):
            table.setdefault(key, []).append(i)
        return table

    @property
    def systems(self) -> tuple[str, ...]:
        """Keys of the GPUs that have tables of their own."""
        return tuple(dict.fromkeys(self._columns["system"]))

    @property
    def ops(self) -> tuple[str, ...]:
        """Every op that any system has."""
        return tuple(dict.fromkeys(self._columns["op"]))

    def _header(self, i: int) -> Block:
        if i not in self._made:
            self._made[i] = _block(self._names, [self._columns[name][i] for name in self._names])
        return self._made[i]

    def blocks(
        self, *, system: str | None = None, op: str | None = None, engine: str | None = None,
        dtype: str | None = None, kv_dtype: str | None = None, variant: str | None = None,
        value: str | None = "seconds", **detail: str,
    ) -> tuple[Block, ...]:  # fmt: skip
        """Headers that match everything given, in index order; `value=None` includes power tables.

        Further keywords match `Block.detail`: `distribution="balanced"`, `scope="module"` ...
        """
        asked = (system, op, engine, dtype, kv_dtype, variant, value, *detail.items())
        if asked in self._found:
            return self._found[asked]
        systems = self.systems if system is None else (system,)
        ops = self.ops if op is None else (op,)
        rows = (i for s in systems for o in ops for i in self._by_system_and_op.get((s, o), ()))
        wanted = {"engine": engine, "dtype": dtype, "kv_dtype": kv_dtype, "variant": variant, "value": value}
        tests = [(self._columns[name], want) for name, want in wanted.items() if want is not None]
        found = (self._header(i) for i in rows if all(column[i] == want for column, want in tests))
        self._found[asked] = tuple(b for b in found if all(b.about(k) == v for k, v in detail.items()))
        return self._found[asked]

    def curves(self, block: Block) -> Curves:
        """Points of one block, read once."""
        place = (block.file, block.row_group)
        if place not in self._curves:
            self._curves[place] = self._read(block)
        return self._curves[place]

    def _read(self, block: Block) -> Curves:
        import pyarrow.parquet as pq

        if block.file not in self._open:
            path = self.folder / block.file
            if not path.is_file():
                raise ProfileError(
                    f"{path}: missing although the index names it; rebuild the store with the importer"
                )
            self._open[block.file] = pq.ParquetFile(path)
        table = self._open[block.file].read_row_group(block.row_group, use_threads=False)
        keys, x, y = (table.column(name).chunk(0) for name in ("keys", "x", "y"))
        shape = (len(keys), len(block.axes))
        return Curves(
            _numbers(keys.values, np.int32).reshape(shape),
            _numbers(x.offsets, np.int32).astype(np.int64),
            _numbers(x.values, np.int32).astype(np.float64),
            _numbers(y.values, np.float32).astype(np.float64),
        )


@lru_cache(maxsize=4)
def load_profiles(folder: Path | None = None) -> Profiles:
    """The shipped op tables, or those of a folder the importer wrote; opened once per process."""
    return Profiles(folder or Path(str(files("planner.profiles").joinpath("data"))))


def row_counts(profiles: Profiles) -> tuple[int, int]:
    """Rows of the sources and points that ship, over all blocks."""
    every = profiles.blocks(value=None)
    return sum(b.rows_source for b in every), sum(b.rows_kept for b in every)
