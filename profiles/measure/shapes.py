"""What to measure: the shipped lists of shapes, or a user's own, most valuable first."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from planner.kernels.errors import KernelError
from planner.kernels.reference import load_ops
from planner.kernels.reference import op as op_named
from planner.profiles.errors import ProfileError

COLUMNS = ("op", "dtype", "shape")
"""Columns a list needs; `value` (any unit, larger first) and `calibration` (yes) may be there too."""
CALIBRATION_OPS = ("copy", "triad", "launch")


@dataclass(frozen=True, slots=True)
class Cell:
    """One op, dtype and shape; all its variants are measured together."""

    op: str
    dtype: str
    shape: Mapping[str, int]
    value: float = 0.0
    calibration: bool = False
    """Measured first and last in every session, to see whether the machine held still."""

    @property
    def title(self) -> str:
        """Op, dtype and shape for a person."""
        return f"{self.op} {self.dtype} {op_named(self.op).key(self.shape)}"


def shipped_cells(kind: str, *, known_only: bool = True) -> tuple[Cell, ...]:
    """The list for `cpu` or `accelerator`."""
    place = files("planner.profiles").joinpath(f"data/measure_{kind}.csv")
    rows = csv.DictReader(place.read_text(encoding="utf-8").splitlines())
    there = load_ops()
    return by_value(
        _cells((row for row in rows if row["op"] in there or not known_only), f"measure_{kind}.csv")
    )


def read_cells(path: Path) -> tuple[Cell, ...]:
    """A user's list: CSV with op, dtype, shape ("m=1,n=4096,k=4096") and perhaps value; raises `ProfileError`."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError(f"{path}: cannot be read ({error})") from error
    reader = csv.DictReader(text.splitlines())
    if missing := [c for c in COLUMNS if c not in (reader.fieldnames or ())]:
        raise ProfileError(
            f"{path}: column {missing[0]} is missing; a list of shapes has {', '.join(COLUMNS)}"
        )
    return by_value(_cells(reader, str(path)))


def by_value(cells: Iterable[Cell]) -> tuple[Cell, ...]:
    """Most valuable first; equal ones keep their order."""
    return tuple(sorted(cells, key=lambda c: -c.value))


def _cells(rows: Iterable[Mapping[str, Any]], where: str) -> Iterator[Cell]:
    for number, row in enumerate(rows, start=2):
        try:
            asked = op_named(row["op"])
            shape = asked.shape(row["shape"])
            asked.check(shape, row["dtype"])
            value = float(row.get("value") or 0)
        except KernelError as error:
            raise ProfileError(f"{where}:{number}: {error}") from error
        except ValueError:
            raise ProfileError(f"{where}:{number}: value: {row['value']!r} is not a number") from None
        yield Cell(row["op"], row["dtype"], shape, value, row.get("calibration") == "yes")
