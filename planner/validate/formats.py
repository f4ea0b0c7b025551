"""Files of measurements: recognised by their header, read into questions and answers kept apart.

The predictor gets a question built from a format's `asked` columns; times, ids and sources stay with
the scorer.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from pathlib import Path

from planner.errors import DataError, PlannerError
from planner.validate import measurements
from planner.validate.cases import INPUT_COLUMNS, BadCell, Case, is_sane, read_case

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Format:
    """How one kind of file spells questions and answers."""

    name: str
    asked: tuple[str, ...]  # columns of the question; all must be there
    id: str  # column, may be missing
    ttft_ms: str  # columns of the answer, may be missing
    tpot_ms: str
    read: Callable[[Row], tuple[Case, float]]
    counts: Callable[[Row], bool]  # whether the row is one that accuracy is about
    sane: Callable[[Row], bool]
    may_state: tuple[str, ...] = ()  # columns of the question that may be missing


FORMATS: tuple[Format, ...] = (
    Format("published end-to-end sample", INPUT_COLUMNS, "id", "silicon_ttft_ms", "silicon_tpot_ms",
           read_case, lambda row: row["mode"] == "agg", is_sane),
    Format("planner measurements", measurements.COLUMNS, "id", "ttft_ms", "tpot_ms",
           measurements.read_case, lambda row: True, lambda row: True, tuple(measurements.SETTINGS)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Question:
    """What the predictor sees of a row: a case and a batch size, or the reason there is none."""

    case: Case | None
    batch: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """What only the scorer sees of a row; nan where the file has no value."""

    id: str
    ttft_ms: float
    tpot_ms: float
    counts: bool
    sane: bool


@dataclass(frozen=True, slots=True)
class Table:
    """A file of measurements, row by row."""

    format: str
    questions: tuple[Question, ...]
    measured: tuple[Measured, ...]


def read_table(path: Path | str) -> Table:
    """Questions and answers of a CSV file.

    Raises DataError naming the file, and the row, column and value where a cell is wrong.
    """
    return table_of(read_rows(path), path)


def table_of(rows: Sequence[Row], path: object) -> Table:
    """Questions and answers of rows that are already apart."""
    form = _recognise(tuple(rows[0]) if rows else (), path)
    questions, measured = [], []
    for line, row in enumerate(rows, start=2):  # the header is line 1
        try:
            questions.append(_question(form, row))
            measured.append(_measured(form, row))
        except BadCell as error:
            raise DataError(f"row {line - 1}: {error}", path=path, hint="correct or remove the row") from None
    return Table(form.name, tuple(questions), tuple(measured))


def read_rows(path: Path | str) -> list[dict[str, str]]:
    """Rows of a CSV file; DataError where it is no table."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise DataError("not text in UTF-8", path=path, hint="save it as CSV") from None
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", path=path) from None
    try:
        found = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise DataError(f"not a CSV file: {error}", path=path) from None
    cells = [row for row in found if row]
    if len(cells) < 2:
        raise DataError("has no rows", path=path, hint="a header and at least one measurement")
    header = [name.strip() for name in cells[0]]
    if twice := {name for name in header if name and header.count(name) > 1}:
        raise DataError(f"header: column {sorted(twice)[0]!r} is there twice", path=path)
    for n, row in enumerate(cells[1:], start=1):
        if len(row) != len(header):
            raise DataError(f"row {n}: {len(row)} cells under {len(header)} columns", path=path)
    return [dict(zip(header, row, strict=True)) for row in cells[1:]]


def _recognise(header: tuple[str, ...], path: object) -> Format:
    for form in FORMATS:
        if set(form.asked) <= set(header):
            return form
    near = min(FORMATS, key=lambda f: len(set(f.asked) - set(header)))
    missing = ", ".join(name for name in near.asked if name not in header)
    known = "; ".join(f"{f.name} ({', '.join(f.asked[:3])} ...)" for f in FORMATS)
    raise DataError(f"header: no recognised format; nearest is {near.name}, which also needs {missing}",
                    path=path, hint=f"recognised: {known}")  # fmt: skip


def _question(form: Format, row: Row) -> Question:
    known = {*form.asked, *form.may_state}
    try:
        case, batch = form.read(
            {**dict.fromkeys(form.may_state, ""), **{k: v for k, v in row.items() if k in known}}
        )
    except BadCell:
        raise
    except PlannerError as refusal:
        return Question(None, nan, str(refusal))
    return Question(case, batch)


def _measured(form: Format, row: Row) -> Measured:
    counts = form.counts(row)
    return Measured(
        row.get(form.id, ""),
        _time(row, form.ttft_ms),
        _time(row, form.tpot_ms),
        counts=counts,
        sane=counts and form.sane(row),
    )


def _time(row: Row, name: str) -> float:
    text = row.get(name, "").strip()
    if not text:
        return nan
    try:
        value = float(text)
    except ValueError:
        value = nan
    if not (isfinite(value) and value > 0):
        raise BadCell(f"{name}: {text!r} is not a time above 0")
    return value
