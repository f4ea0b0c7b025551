"""Published speeds (tokens per second) against `planner.local`: another kind of file, scored on its own."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from planner.files import write_atomically
from planner.local import Predictions, validate_rows
from planner.local.tables import resolve_engine
from planner.records import Quantity
from planner.validate.chart import Point, write_chart

FIGURES = "shipped calibration, whatever it was fitted on; whole devices left out: docs/local-engines.md"
LEAST_ROWS = 10  # groups with fewer are not shown


@dataclass(frozen=True, slots=True)
class SpeedRow:
    """Errors of one quantity in one group, in percent."""

    figures: str
    quantity: str
    group: str
    rows: int
    median: float
    mean: float
    p90: float
    bias: float
    within_80: float


@dataclass(frozen=True, slots=True)
class SpeedAccuracy:
    """What `planner validate` finds in a file of speeds; shares in percent."""

    file_format: str
    rows_in_file: int
    answered: int
    answered_share: float
    refused: Mapping[str, int]
    rows: tuple[SpeedRow, ...]

    def to_json(self) -> str:
        """Canonical text."""
        from planner.canonical import dumps

        return dumps(self)


def validate_speeds(
    rows: Sequence[Mapping[str, str]], predictions: Path | str | None, chart: Path | None = None
) -> SpeedAccuracy | None:
    """Score the rows; None where their header is not one of published speeds.

    `predictions` receives `row,id,status,reason`, then each value column with `_low` and `_high`, and `basis`;
    `chart` predicted against measured by engine.
    """
    found = validate_rows(tuple(rows[0]), rows) if rows else None
    if found is None:
        return None
    if predictions is not None:
        _write(Path(predictions), rows, found)
    if chart is not None:
        write_chart(chart, list(_points(rows, found)), title="Predicted against published speeds")
    answered = sum(r.status == "ok" for r in found.rows)
    return SpeedAccuracy(
        found.format, len(rows), answered, round(100.0 * answered / len(rows), 3),
        dict(Counter(r.reason for r in found.rows if r.reason).most_common()), tuple(_scores(rows, found)),
    )  # fmt: skip


def _scores(rows: Sequence[Mapping[str, str]], found: Predictions) -> Iterator[SpeedRow]:
    for column in found.columns:
        yield from _groups(column, _pairs(rows, found, column))


def _pairs(
    rows: Sequence[Mapping[str, str]], found: Predictions, column: str
) -> list[tuple[Mapping[str, str], Quantity, float]]:
    """Rows that have both a prediction and a measurement of `column`."""
    pairs = []
    for row, said in zip(rows, found.rows, strict=True):
        value, seen = said.values.get(column), row.get(column, "").strip()
        if value is not None and seen:
            pairs.append((row, value, float(seen)))
    return pairs


def _points(rows: Sequence[Mapping[str, str]], found: Predictions) -> Iterator[Point]:
    for column in found.columns:
        for row, q, measured in _pairs(rows, found, column):
            engine = resolve_engine(row["framework"], "").name  # answered rows resolve
            yield Point(engine, column, measured, q.value, q.low <= measured <= q.high)


def _groups(column: str, pairs: Sequence[tuple[Mapping[str, str], Quantity, float]]) -> Iterator[SpeedRow]:
    by: dict[str, list[int]] = {"all": list(range(len(pairs)))}
    for i, (row, _, _) in enumerate(pairs):
        by.setdefault(row["device"], []).append(i)
    for group, members in sorted(by.items(), key=lambda g: (g[0] != "all", -len(g[1]), g[0])):
        if group != "all" and len(members) < LEAST_ROWS:
            continue
        said = [pairs[i][1] for i in members]
        value, low, high = (np.array([getattr(q, name) for q in said]) for name in ("value", "low", "high"))
        measured = np.array([pairs[i][2] for i in members])
        if not measured.size:
            continue
        signed = 100.0 * (value - measured) / measured
        size, inside = np.abs(signed), (low <= measured) & (measured <= high)
        shown = (
            np.median(size),
            size.mean(),
            np.percentile(size, 90),
            np.median(signed),
            100.0 * inside.mean(),
        )
        yield SpeedRow(FIGURES, column, group, len(members), *(round(float(x), 3) for x in shown))


def _write(path: Path, rows: Sequence[Mapping[str, str]], found: Predictions) -> None:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    values = [name for c in found.columns for name in (c, f"{c}_low", f"{c}_high")]
    writer.writerow(["row", "id", "status", "reason", *values, "basis"])
    for n, (row, said) in enumerate(zip(rows, found.rows, strict=True), start=1):
        cells = [text for c in found.columns for text in _cells(said.values.get(c))]
        basis = next((q.basis for q in said.values.values() if q is not None), "")
        writer.writerow([n, row.get("id", ""), said.status, said.reason, *cells, basis])
    write_atomically(path, out.getvalue())


def _cells(q: Quantity | None) -> tuple[str, str, str]:
    return ("", "", "") if q is None else (f"{q.value:.6g}", f"{q.low:.6g}", f"{q.high:.6g}")
