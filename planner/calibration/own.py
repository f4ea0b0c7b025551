"""A user's own measurements: one to a few points that pull the calibration towards their deployment."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from planner.calibration.field import extended
from planner.calibration.groups import AXES, Context
from planner.calibration.points import Curve, curves_of
from planner.calibration.priors import QUANTITIES
from planner.calibration.store import Calibration, digest_of, load_calibration
from planner.canonical import dumps, from_data
from planner.errors import DataError
from planner.profiles.store import load_profiles
from planner.validate.benchjson import read_bench
from planner.validate.formats import Table, read_table
from planner.validate.predict import Bounds, predict

MOST = 200  # configurations; each adds a row and a column to the linear system
SCHEMA = "planner.own_calibration/1"


@dataclass(frozen=True, slots=True)
class OwnPoint:
    """A measurement, reduced to what the calibration keeps; times in ms, residuals in log units.

    `axes` follow `groups.AXES`; `before` and `after` are TPOT predictions without and with the user's points.
    """

    engine: str
    context: tuple[str | None, ...]
    axes: tuple[float, ...]
    residual: Mapping[str, float]
    tpot_ms: float
    ttft_ms: float
    tpot_before_ms: float
    ttft_before_ms: float
    tpot_after_ms: float | None = None
    ttft_after_ms: float | None = None


@dataclass(frozen=True, slots=True)
class OwnCalibration:
    """What `planner calibrate` writes; `base` is the digest of the shipped calibration it extends."""

    schema: str
    base: str
    points: tuple[OwnPoint, ...]
    refused: Mapping[str, int]

    def to_json(self) -> str:
        """Canonical text, the file that `load_own` reads."""
        return dumps(self)


def calibrate(path: Path | str, **stated: str) -> OwnCalibration:
    """User calibration from a file: our CSV, the published sample's, or the JSON of vLLM bench, GuideLLM, AIPerf.

    `stated` gives what a JSON file does not hold: gpu, engine, weight_precision, tp ... (columns of our CSV).
    """
    table = read_bench(path, stated) if Path(path).suffix.lower() == ".json" else read_table(path)
    try:
        return calibrate_table(table)
    except DataError as error:
        raise DataError(str(error), path=path) from None


def calibrate_table(table: Table, base: Calibration | None = None) -> OwnCalibration:
    """The points of `table` as a user calibration; DataError when none of its rows can be used."""
    base = base or load_calibration()
    refused: dict[str, int] = {}
    for question in table.questions:
        if question.reason:
            refused[question.reason] = refused.get(question.reason, 0) + 1
    curves = [c for c in curves_of(table, load_profiles()) if base.field(c.case.engine, "tpot") is not None]
    if not curves:
        why = "; ".join(refused) or "no row has both ttft_ms and tpot_ms"
        raise DataError(f"no row can be used: {why}")
    if len(curves) > MOST:
        raise DataError(f"{len(curves)} configurations are more than a user calibration holds",
                        hint=f"at most {MOST}; python -m planner.calibration.fit fits whole collections")  # fmt: skip
    plain = predict(table.questions, load_profiles(), base)
    points = tuple(
        _point(c, j, plain[row].tpot, plain[row].ttft) for c in curves for j, row in enumerate(c.rows)
    )
    after = predict(table.questions, load_profiles(), extend(base, points))
    rows = [row for c in curves for row in c.rows]
    shown = tuple(_after(p, after[row].tpot, after[row].ttft) for p, row in zip(points, rows, strict=True))
    return OwnCalibration(SCHEMA, base.digest, shown, refused)


def _point(curve: Curve, j: int, tpot: Bounds | None, ttft: Bounds | None) -> OwnPoint:
    errors = dict(zip(QUANTITIES, curve.log_errors(curve.evaluation.setup.recipe), strict=True))
    axes = np.exp(curve.subject.at(curve.batch[j : j + 1])[0])
    return OwnPoint(
        curve.case.engine, tuple(str(k) if k is not None else None for k in curve.subject.context),
        tuple(axes.tolist()), {q: float(errors[q][j]) for q in QUANTITIES},
        float(curve.tpot_ms[j]), float(curve.ttft_ms[j]), _value(tpot), _value(ttft),
    )  # fmt: skip


def _after(point: OwnPoint, tpot: Bounds | None, ttft: Bounds | None) -> OwnPoint:
    return replace(point, tpot_after_ms=_value(tpot), ttft_after_ms=_value(ttft))


def _value(bounds: Bounds | None) -> float:
    assert bounds is not None  # rows of a curve are answered
    return bounds.value


def extend(base: Calibration, points: Sequence[OwnPoint]) -> Calibration:
    """The calibration with the user's points in it."""
    fields = dict(base.fields)
    for engine in dict.fromkeys(p.engine for p in points):
        own = [p for p in points if p.engine == engine]
        if (engine, QUANTITIES[0]) not in fields:
            continue
        x = np.log(np.array([p.axes for p in own]))
        contexts: list[Context] = [p.context for p in own]
        for q in QUANTITIES:
            fields[engine, q] = extended(
                fields[engine, q], contexts, x, np.array([p.residual[q] for p in own])
            )
    return replace(base, fields=fields, own_points=base.own_points + len(points))


def load_own(path: Path | str, base: Calibration | None = None) -> Calibration:
    """The shipped calibration with the user calibration at `path` in it; DataError when it is not one.

    The digest of the result pins both: SHA-256 of the shipped digest and the canonical text of the file.
    """
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"cannot be read: {error}", path=path) from None
    try:
        own: OwnCalibration = from_data(OwnCalibration, data)
    except DataError as error:
        raise DataError(str(error), path=path, hint="write it with planner calibrate") from None
    base = base or load_calibration()
    if own.schema != SCHEMA or own.base != base.digest:
        raise DataError("belongs to another calibration", path=path, hint="run planner calibrate again")
    if any(len(p.axes) != len(AXES) for p in own.points):
        raise DataError(f"points: axes are {', '.join(AXES)}", path=path)
    return replace(extend(base, own.points), digest=digest_of(base.digest + own.to_json()))
