"""Accuracy on what the fit has not seen: curves, model families, systems, whole combinations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from planner.calibration.apply import ADMIT_MARGIN, Z80
from planner.calibration.points import Curve
from planner.calibration.priors import QUANTITIES
from planner.calibration.split import SCHEMES, LeftOut, left_out
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
    """Every distinct answered row predicted by a fit that has not seen it.

    `point` is `pair` with one measured point handed back. Raises InputError for an unknown scheme.
    """
    if scheme not in NAMES:
        raise InputError(f"cross-validate: {scheme!r} is not known",
                         hint=did_you_mean(scheme, NAMES) or f"one of {', '.join(SCHEMES)}")  # fmt: skip
    given = 1 if scheme == "point" else 0
    found = list(left_out(curves, "pair" if given else scheme, seed=seed, given=given))
    part = np.random.default_rng(seed).integers(PARTS, size=len(found))
    return [
        s for i, out in enumerate(found) for s in _scored(table, out, _widths(found, part != part[i], out))
    ]


def conformal(ratios: Array, level: float) -> float:
    """Multiplier of the standard deviation that holds `level` of the next ratio.

    >>> conformal(np.arange(1.0, 10.0), 0.8)
    8.0
    """
    n = len(ratios)
    return float(np.sort(ratios)[min(n - 1, int(np.ceil((n + 1) * level)) - 1)])


def widths(found: Iterable[LeftOut], quantity: str) -> tuple[float, float]:
    """Half widths of the 80 % and 95 % intervals in standard deviations."""
    ratios = np.concatenate([np.abs(out.miss(quantity)) / out.sd[quantity] for out in found])
    return conformal(ratios, 0.80), conformal(ratios, 0.95)


def _widths(
    found: Sequence[LeftOut], use: NDArray[np.bool_], like: LeftOut
) -> dict[str, tuple[float, float]]:
    engine = like.curve.case.engine
    others = [f for f, u in zip(found, use.tolist(), strict=True) if u and f.curve.case.engine == engine]
    same = [f for f in others if f.known == like.known] or others or list(found)
    return {q: widths(same, q) for q in QUANTITIES}


def _scored(table: Table, out: LeftOut, half: dict[str, tuple[float, float]]) -> Iterable[Scored]:
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
    table: Table, curves: Sequence[Curve], scheme: str, *, detail: bool = True
) -> tuple[list[AccuracyRow], list[DecisionRow]]:
    """Lines of the accuracy table and of the decisions for one scheme."""
    found = cross_validate(table, curves, scheme)
    return accuracy_rows(found, NAMES[scheme], detail=detail), decision_rows(found, NAMES[scheme])
