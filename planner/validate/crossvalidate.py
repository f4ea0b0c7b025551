"""Accuracy on what the fit has not seen: curves, model families, systems, whole combinations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from planner.calibration.apply import ADMIT_MARGIN, Z80
from planner.calibration.points import Curve
from planner.calibration.priors import QUANTITIES
from planner.calibration.split import SCHEMES, LeftOut, left_out
from planner.calibration.store import AllWidths, width_for
from planner.calibration.width import widths_of
from planner.errors import InputError, did_you_mean
from planner.validate.accuracy import AccuracyRow, DecisionRow, Scored, accuracy_rows, decision_rows
from planner.validate.formats import Question, Table
from planner.validate.predict import Bounds, Prediction

Array = NDArray[np.float64]
PARTS = 5  # the widths of one part come from the others
NAMES = {
    "curve": "cross-validated: known combination, new curve",
    "model": "cross-validated: model family left out",
    "system": "cross-validated: system left out",
    "pair": "cross-validated: system x model x engine left out",
    "point": "cross-validated: the same, one measured point given",
}


def cross_validate(table: Table, curves: Sequence[Curve], scheme: str, *, seed: int = 0) -> list[Scored]:
    """Every distinct answered row predicted by a fit that has not seen it; raises what `unseen` raises."""
    return scored_unseen(table, unseen(curves, scheme, seed=seed), seed=seed)


def unseen(curves: Sequence[Curve], scheme: str, *, seed: int = 0) -> list[LeftOut]:
    """Every curve predicted by a fit that has not seen it.

    `point` is `pair` with one measured point handed back. Raises InputError for an unknown scheme.
    """
    if scheme not in NAMES:
        raise InputError(f"cross-validate: {scheme!r} is not known",
                         hint=did_you_mean(scheme, NAMES) or f"one of {', '.join(SCHEMES)}")  # fmt: skip
    given = 1 if scheme == "point" else 0
    return list(left_out(curves, "pair" if given else scheme, seed=seed, given=given))


def scored_unseen(table: Table, found: Sequence[LeftOut], *, seed: int = 0) -> list[Scored]:
    """Rows of curves predicted unseen; the interval widths of each come from the other parts' curves."""
    part = np.random.default_rng(seed).integers(PARTS, size=len(found))
    width = [
        widths_of([f for f, p in zip(found, part.tolist(), strict=True) if p != k]) for k in range(PARTS)
    ]
    return [s for out, p in zip(found, part.tolist(), strict=True) for s in _scored(table, out, width[p])]


def _scored(table: Table, out: LeftOut, width: AllWidths) -> Iterable[Scored]:
    subject = out.curve.subject
    half = {q: width_for(width[subject.engine, q], subject.family, known=out.known) for q in QUANTITIES}
    value = {q: np.exp(out.physics[q] + out.mean[q]) for q in QUANTITIES}
    value["tpot"] = np.maximum.accumulate(value["tpot"])
    for j, row in enumerate(out.curve.rows):
        tpot, ttft = (
            Bounds.around(float(value[q][j]), sd=float(out.sd[q][j]), z80=half[q][0], z95=half[q][1])
            for q in QUANTITIES
        )
        margin = np.exp(ADMIT_MARGIN * half["tpot"][0] / Z80 * float(out.sd["tpot"][j]))
        prediction = Prediction(ttft, tpot, tpot.value * float(margin), "calibrated")
        question = Question(out.curve.case, float(out.curve.batch[j]))
        yield Scored(question, out.curve.case, prediction, tpot, ttft, table.measured[row])


def cross_validated(
    table: Table, found: Sequence[LeftOut], scheme: str, *, detail: bool = True
) -> tuple[list[AccuracyRow], list[DecisionRow]]:
    """Lines of the accuracy table and of the decisions for the curves predicted unseen under one scheme."""
    rows = scored_unseen(table, found)
    return accuracy_rows(rows, NAMES[scheme], detail=detail), decision_rows(rows, NAMES[scheme])
