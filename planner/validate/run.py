"""`validate`: a file of measurements in, our accuracy on it out."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from planner.files import write_atomically
from planner.profiles.store import load_profiles
from planner.validate.accuracy import Accuracy, accuracy_rows, answered, decision_rows, scored
from planner.validate.formats import Table, read_table
from planner.validate.predict import Bounds, Prediction, predict

COLUMNS = (
    "row", "id", "status", "reason", "ttft_ms", "ttft_low", "ttft_high", "tpot_ms", "tpot_low", "tpot_high",
    "basis", "tpot_admit_ms",
)  # fmt: skip
SHIPPED = "shipped calibration"


def validate(path: Path | str, predictions: Path | str | None = None) -> Accuracy:
    """Score our predictions against the measurements in `path`; `predictions` receives one line per row.

    Raises DataError naming file, row, column and value where the file cannot be read.
    """
    table = read_table(path)
    found = predict(table.questions, load_profiles())
    if predictions is not None:
        write_predictions(Path(predictions), table, found)
    known = scored(table, found)
    return Accuracy(
        file_format=table.format, answered=answered(table, found),
        rows=tuple(accuracy_rows(known, SHIPPED)), decisions=tuple(decision_rows(known, SHIPPED)),
    )  # fmt: skip


def write_predictions(path: Path, table: Table, found: Sequence[Prediction]) -> None:
    """One line per input row, in order, replacing `path` in one step."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for i, (measured, p) in enumerate(zip(table.measured, found, strict=True), start=1):
        status = "ok" if p.ok else "refused"
        writer.writerow([i, measured.id, status, p.reason, *_bounds(p.ttft), *_bounds(p.tpot), p.basis,
                         _text(p.tpot_admit_ms)])  # fmt: skip
    write_atomically(path, out.getvalue())


def _bounds(b: Bounds | None) -> tuple[str, str, str]:
    return ("", "", "") if b is None else (_text(b.value), _text(b.low), _text(b.high))


def _text(x: float | None) -> str:
    return "" if x is None else f"{x:.6g}"
