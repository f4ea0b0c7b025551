"""`validate`: a file of measurements in, our accuracy on it out."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from planner.calibration.store import Calibration, load_calibration
from planner.canonical import from_data
from planner.files import write_atomically
from planner.profiles.store import load_profiles
from planner.validate.accuracy import (
    Accuracy,
    AccuracyRow,
    DecisionRow,
    Scored,
    accuracy_rows,
    answered,
    decision_rows,
    fingerprint,
    scored,
)
from planner.validate.chart import Point, check_chart, write_chart
from planner.validate.formats import Table, read_rows, table_of
from planner.validate.predict import Bounds, Prediction, predict
from planner.validate.speeds import SpeedAccuracy, validate_speeds

COLUMNS = (
    "row", "id", "status", "reason", "ttft_ms", "ttft_low", "ttft_high", "tpot_ms", "tpot_low", "tpot_high",
    "basis", "tpot_admit_ms",
)  # fmt: skip
SEEN = "in sample: measurements the calibration was fitted on"
NEW = "new to the calibration"


def validate(
    path: Path | str,
    predictions: Path | str | None = None,
    *,
    cross_validate: str | None = None,
    calibration: Path | str | None = None,
    chart: Path | str | None = None,
) -> Accuracy | SpeedAccuracy:
    """Score our predictions against the measurements in `path`; `predictions` receives one line per row.

    Measurements the shipped calibration has seen and new ones are scored apart; beside them stand the
    cross-validated figures of the fit, or those of this file under the scheme `cross_validate` (curve, model,
    system, pair, point). `calibration` is a file of `planner calibrate` to predict with; `chart` receives predicted
    against measured by engine as SVG or PNG, of the cross-validated predictions where `cross_validate` is given.
    Raises DataError naming file, row, column and value where a file cannot be read, MissingExtra for a chart without
    the report extra. Files of published speeds (tokens per second) are scored as such.
    """
    picture = None if chart is None else Path(chart)
    if picture is not None:
        check_chart(picture)
    rows_read = read_rows(path)
    speeds = validate_speeds(rows_read, predictions, picture)
    if speeds is not None:
        return speeds
    table, used = table_of(rows_read, path), load_calibration()
    if calibration is not None:
        from planner.calibration.own import load_own

        used = load_own(calibration, used)
    found = predict(table.questions, load_profiles(), used)
    if predictions is not None:
        write_predictions(Path(predictions), table, found)
    known, seen = scored(table, found), set(used.report["seen"])
    parts = {SEEN: [s for s in known if fingerprint(s.case, s.measured) in seen],
             NEW: [s for s in known if fingerprint(s.case, s.measured) not in seen]}  # fmt: skip
    rows = [r for name, part in parts.items() for r in accuracy_rows(part, name) if part]
    decisions = [d for name, part in parts.items() for d in decision_rows(part, name)]
    left = _left_out(table, cross_validate, used)
    if picture is not None:
        said = left.name or f"{len(parts[SEEN]):,} of {len(known):,} rows in sample"
        write_chart(picture, list(_points(left.scored or known)), title=f"Predicted against measured, {said}")
    return Accuracy(
        file_format=table.format, answered=answered(table, found), calibration=used.digest,
        rows=(*rows, *left.rows), decisions=(*decisions, *left.decisions),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class LeftOutLines:
    """Lines of the accuracy table and of the decisions, and the predictions behind them where they were made here."""

    rows: Sequence[AccuracyRow]
    decisions: Sequence[DecisionRow]
    scored: Sequence[Scored] = ()
    name: str = ""


def _left_out(table: Table, scheme: str | None, calibration: Calibration) -> LeftOutLines:
    """Cross-validated lines: of this file under `scheme`, else those the calibration carries."""
    if scheme is None:
        stored = calibration.report
        return LeftOutLines([from_data(AccuracyRow, row) for row in stored["rows"]],
                            [from_data(DecisionRow, row) for row in stored["decisions"]])  # fmt: skip
    from planner.calibration.points import curves_of
    from planner.validate.crossvalidate import NAMES, cross_validate

    found = cross_validate(table, curves_of(table, load_profiles()), scheme)
    name = NAMES[scheme]
    return LeftOutLines(accuracy_rows(found, name), decision_rows(found, name), found, name)


def _points(found: Iterable[Scored]) -> Iterator[Point]:
    """TPOT, then TTFT, of every scored row."""
    for quantity, name in (("TPOT, ms", "tpot"), ("TTFT, ms", "ttft")):
        for s in found:
            bounds, measured = getattr(s, name), getattr(s.measured, f"{name}_ms")
            inside = bounds.low <= measured <= bounds.high
            yield Point(s.case.engine, quantity, measured, bounds.value, inside)


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
