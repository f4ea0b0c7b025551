"""Predictions for questions: one evaluation per curve, all its batch sizes at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import exp

import numpy as np
from numpy.typing import NDArray

from planner.calibration.apply import Z80, Z95, calibrated
from planner.calibration.groups import Subject, family_of, version_group
from planner.calibration.store import Calibration
from planner.errors import PlannerError
from planner.estimate.admissible import Admissible
from planner.estimate.evaluate import Evaluation, Lengths, evaluate
from planner.estimate.optimes import OpTimes
from planner.estimate.precision import op_formats
from planner.estimate.transfer import times_on
from planner.models import resolve_model
from planner.profiles.gpus import load_gpus
from planner.profiles.store import Profiles
from planner.validate.cases import RANDOM_LENGTH_SHARE, Case, Refused
from planner.validate.formats import Question
from planner.validate.settings import kv_precision, setup_of

Array = NDArray[np.float64]
GRID = 2.0 ** np.arange(10)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Milliseconds: a predicted time with its 80 % and 95 % intervals."""

    value: float
    low: float
    high: float
    low95: float
    high95: float

    @classmethod
    def around(cls, value: float, *, sd: float, z80: float = Z80, z95: float = Z95) -> Bounds:
        """Symmetric in the logarithm: `sd` is the standard deviation of the log error.

        >>> Bounds.around(10.0, sd=0.0).high
        10.0
        """
        a, b = exp(z80 * sd), exp(z95 * sd)
        return cls(value, value / a, value * a, value / b, value * b)


@dataclass(frozen=True, slots=True)
class Prediction:
    """Client TTFT and TPOT, or the reason there are none.

    `tpot_admit_ms` is the value to compare with a limit: the estimate plus a margin for its error.
    """

    ttft: Bounds | None = None
    tpot: Bounds | None = None
    tpot_admit_ms: float | None = None
    basis: str = ""
    reason: str = ""

    @property
    def ok(self) -> bool:
        """Whether the row is answered."""
        return not self.reason


def predict(
    questions: Iterable[Question], profiles: Profiles, calibration: Calibration | None = None
) -> list[Prediction]:
    """One prediction per question, in order; `calibration` is the shipped one unless given."""
    found: list[Prediction] = []
    curves: dict[Case, list[tuple[int, float]]] = {}
    for i, question in enumerate(questions):
        found.append(Prediction(reason=question.reason or "not answered"))
        if question.case is not None:
            curves.setdefault(question.case, []).append((i, question.batch))
    for case, points in curves.items():
        for i, prediction in _predict_curve(case, points, profiles, calibration):
            found[i] = prediction
    return found


def _predict_curve(
    case: Case, points: Sequence[tuple[int, float]], profiles: Profiles, calibration: Calibration | None
) -> Iterator[tuple[int, Prediction]]:
    batch = np.union1d(GRID, [b for _, b in points])  # the same steps below every asked point
    try:
        result = evaluate_case(case, batch, profiles)
    except PlannerError as error:
        yield from ((i, Prediction(reason=str(error))) for i, _ in points)
        return
    found = calibrated(result, subject_of(case, result), calibration)
    served, spread = found.evaluation.served, found.spread
    for i, b in points:
        j = int(np.searchsorted(served.batch, b))
        yield i, Prediction(
            _bounds(served.ttft_s[j], spread.ttft, found.ttft_half95, j),
            _bounds(served.tpot_s[j], spread.tpot, found.tpot_half95, j),
            1e3 * float(found.tpot_admit_s[j]), spread.basis,
        )  # fmt: skip


def _bounds(seconds: float, sd: Array | float, half95: Array, j: int) -> Bounds:
    one = float(np.asarray(sd)[j])
    return Bounds.around(1e3 * float(seconds), sd=one, z95=float(half95[j]) / one)


def subject_of(case: Case, evaluation: Evaluation) -> Subject:
    """The case as the calibration sees it."""
    layout = case.layout
    return Subject(
        engine=case.engine, version=version_group(case.version, evaluation.setup.recipe.version),
        family=family_of(evaluation.model), model=case.model, system=case.gpu, weights=case.weights,
        gpus=layout.gpus, ep=layout.ep, dp=layout.dp, isl=case.input_tokens, osl=case.output_tokens,
        random_lengths=case.random_lengths,
        speculative=evaluation.setup.accepted_tokens > 1.0,
    )  # fmt: skip


def evaluate_case(case: Case, batch: Array, profiles: Profiles) -> Evaluation:
    """Evaluate one curve; raises `PlannerError` with the reason where it cannot be."""
    model, gpu = resolve_model(case.model), load_gpus()[case.gpu]
    kv = kv_precision(case, model, gpu)
    formats = op_formats(model, weights=case.weights, kv=kv, gpu=gpu)
    share = RANDOM_LENGTH_SHARE if case.random_lengths else 1.0
    return evaluate(
        model, gpu, _times(case.gpu, case.engine, profiles), layout=case.layout, formats=formats,
        setup=setup_of(case, model), batch=batch,
        lengths=Lengths(share * case.input_tokens, share * case.output_tokens),
    )  # fmt: skip


def _times(gpu: str, engine: str, profiles: Profiles) -> OpTimes:
    # One object per curve: it remembers which attention backend it chose, and rows must not depend on others.
    times = times_on(load_gpus()[gpu], profiles, engine=engine, admissible=Admissible())
    if times is None:
        raise Refused(f"{gpu} has no measured relative to take times from")
    return times
