"""Predictions for the rows of a file: one evaluation per curve, all its batch sizes at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from planner.errors import PlannerError
from planner.estimate.admissible import Admissible
from planner.estimate.evaluate import Evaluation, Lengths, evaluate
from planner.estimate.optimes import TableTimes
from planner.estimate.precision import op_formats
from planner.models import resolve_model
from planner.profiles.gpus import load_gpus
from planner.profiles.store import Profiles
from planner.validate.cases import INPUT_COLUMNS, RANDOM_LENGTH_SHARE, Case, read_case
from planner.validate.settings import kv_precision, published_setup


@dataclass(frozen=True, slots=True)
class Prediction:
    """Client TTFT and TPOT in milliseconds, or the reason there is none."""

    reason: str = ""
    ttft_ms: float = float("nan")
    tpot_ms: float = float("nan")
    basis: str = ""

    @property
    def ok(self) -> bool:
        """Whether the row is answered."""
        return not self.reason


def predict(rows: Iterable[Mapping[str, str]], profiles: Profiles) -> list[Prediction]:
    """One prediction per row, in order. Only `INPUT_COLUMNS` of a row are looked at."""
    found: list[Prediction] = []
    curves: dict[Case, list[tuple[int, float]]] = {}
    for i, row in enumerate(rows):
        try:
            case, batch = read_case({name: row[name] for name in INPUT_COLUMNS})
            curves.setdefault(case, []).append((i, batch))
            found.append(Prediction("not answered"))
        except PlannerError as error:
            found.append(Prediction(str(error)))
    for case, points in curves.items():
        for i, prediction in _predict_curve(case, points, profiles):
            found[i] = prediction
    return found


def _predict_curve(
    case: Case, points: list[tuple[int, float]], profiles: Profiles
) -> Iterable[tuple[int, Prediction]]:
    batch = np.array(sorted({b for _, b in points}))
    try:
        result = evaluate_case(case, batch, profiles)
    except PlannerError as error:
        return [(i, Prediction(str(error))) for i, _ in points]
    at = {b: j for j, b in enumerate(batch.tolist())}
    ttft, tpot = 1e3 * result.served.ttft_s, 1e3 * result.served.tpot_s
    return [(i, Prediction("", float(ttft[at[b]]), float(tpot[at[b]]), "calibrated")) for i, b in points]


def evaluate_case(case: Case, batch: np.ndarray[tuple[int], np.dtype[np.float64]], profiles: Profiles) -> Evaluation:
    """Evaluate one curve; raises `PlannerError` with the reason where it cannot be."""
    model, gpu = resolve_model(case.model), load_gpus()[case.gpu]
    formats = op_formats(model, weights=case.weights, kv=kv_precision(case, model, gpu), gpu=gpu)
    share = RANDOM_LENGTH_SHARE if case.random_lengths else 1.0
    return evaluate(
        model, gpu, _times(case.gpu, case.engine, profiles), layout=case.layout, formats=formats,
        setup=published_setup(case, model), batch=batch,
        lengths=Lengths(share * case.input_tokens, share * case.output_tokens),
    )  # fmt: skip


@cache
def _times(gpu: str, engine: str, profiles: Profiles) -> TableTimes:
    return TableTimes(load_gpus()[gpu], profiles, engine=engine, admissible=Admissible())
