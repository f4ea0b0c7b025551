"""The score of a file: errors by group, share answered, coverage, decisions; known and new kept apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from planner.models import resolve_model
from planner.validate.cases import Case
from planner.validate.decisions import LIMITS_MS, Decisions, Points, decide, tokens_per_s_per_gpu
from planner.validate.formats import Measured, Question, Table
from planner.validate.predict import Bounds, Prediction
from planner.validate.score import errors, first_of_each, measurement_key

SMALLEST_GROUP = 1
Grouping = Callable[[Case], str]


@dataclass(frozen=True, slots=True)
class AccuracyRow:
    """Errors of one group of distinct measurements, in percent; `figures` says how they were predicted."""

    figures: str
    group: str
    rows: int
    tpot_median: float
    tpot_mean: float
    tpot_p90: float
    tpot_bias: float
    tpot_within_80: float
    tpot_within_95: float
    ttft_median: float
    ttft_mean: float
    ttft_p90: float
    ttft_bias: float
    ttft_within_80: float
    ttft_within_95: float


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """Choices under one limit, and how they were predicted."""

    figures: str
    decisions: Decisions


@dataclass(frozen=True, slots=True)
class Answered:
    """Rows asked about and answered, of all that count and of the sane ones; shares in percent."""

    rows: int
    counted: int
    counted_share: float
    sane: int
    sane_share: float
    distinct: int
    refused: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """What `planner validate` finds."""

    file_format: str
    answered: Answered
    rows: tuple[AccuracyRow, ...]
    decisions: tuple[DecisionRow, ...]
    calibration: str = ""  # digest of the calibration behind the predictions

    def to_json(self) -> str:
        """Canonical text."""
        from planner.canonical import dumps

        return dumps(self)

    def row(self, figures: str, group: str = "all") -> AccuracyRow:
        """One line of the table; KeyError where it is not there."""
        for row in self.rows:
            if (row.figures, row.group) == (figures, group):
                return row
        raise KeyError((figures, group))


@dataclass(frozen=True, slots=True)
class Scored:
    """One distinct row with prediction and measurement."""

    question: Question
    case: Case
    prediction: Prediction
    tpot: Bounds
    ttft: Bounds
    measured: Measured


def answered(table: Table, predictions: Sequence[Prediction]) -> Answered:
    """Shares answered, and the reasons of the rest."""
    pairs = [(m, p) for m, p in zip(table.measured, predictions, strict=True) if m.counts]
    sane = [(m, p) for m, p in pairs if m.sane]
    reasons = Counter(p.reason for _, p in pairs if not p.ok)
    return Answered(
        rows=len(table.measured), distinct=int(distinct(table).sum()),
        counted=len(pairs), counted_share=_share(p.ok for _, p in pairs),
        sane=len(sane), sane_share=_share(p.ok for _, p in sane),
        refused=dict(sorted(reasons.items(), key=lambda r: (-r[1], r[0]))),
    )  # fmt: skip


def distinct(table: Table) -> NDArray[np.bool_]:
    """Rows with both times that count and repeat no earlier one."""
    scored = np.array([q.case is not None and m.counts and m.ttft_ms + m.tpot_ms > 0
                       for q, m in zip(table.questions, table.measured, strict=True)], bool)  # fmt: skip
    first = np.zeros_like(scored)
    index = np.flatnonzero(scored)
    first[index] = first_of_each(_key(table, i) for i in index.tolist())
    return first


def _key(table: Table, i: int) -> tuple[str, str, float, float]:
    case, measured = table.questions[i].case, table.measured[i]
    assert case is not None
    return measurement_key(resolve_model(case.model).family, case.gpu, measured.ttft_ms, measured.tpot_ms)


def fingerprint(case: Case, measured: Measured) -> int:
    """32 bits that recognise a measurement again, to four digits of its times; only the scorer uses it."""
    family = resolve_model(case.model).family
    key = f"{family}|{case.gpu}|{measured.ttft_ms:.4g}|{measured.tpot_ms:.4g}"
    return int.from_bytes(sha256(key.encode()).digest()[:4], "big")


def scored(table: Table, predictions: Sequence[Prediction]) -> list[Scored]:
    """Distinct answered rows."""
    found = []
    for i in np.flatnonzero(distinct(table)).tolist():
        q, m, p = table.questions[i], table.measured[i], predictions[i]
        if p.tpot is not None and p.ttft is not None and q.case is not None:
            found.append(Scored(q, q.case, p, p.tpot, p.ttft, m))
    return found


GROUPINGS: tuple[tuple[Grouping, ...], ...] = (
    (lambda c: "all",),
    (lambda c: c.engine,),
    (lambda c: c.gpu,),
    (lambda c: c.model,),
    (lambda c: c.gpu, lambda c: c.model, lambda c: c.engine),
)


def accuracy_rows(found: Sequence[Scored], figures: str, *, detail: bool = True) -> list[AccuracyRow]:
    """Errors overall, by engine, system and model, and by system x model x engine."""
    rows: list[AccuracyRow] = []
    for grouping in GROUPINGS if detail else GROUPINGS[:1]:
        groups: dict[str, list[Scored]] = {}
        for s in found:
            groups.setdefault(" / ".join(part(s.case) for part in grouping), []).append(s)
        rows.extend(_row(figures, name, members) for name, members in sorted(groups.items()))
    return rows


def _row(figures: str, group: str, found: Sequence[Scored]) -> AccuracyRow:
    tpot = _errors([s.tpot for s in found], [s.measured.tpot_ms for s in found])
    ttft = _errors([s.ttft for s in found], [s.measured.ttft_ms for s in found])
    return AccuracyRow(figures, group, len(found), *tpot, *ttft)


def _errors(bounds: Sequence[Bounds], measured: Sequence[float]) -> tuple[float, ...]:
    value, high, high95 = (
        np.array([getattr(b, name) for b in bounds]) for name in ("value", "high", "high95")
    )
    e = errors(value, measured, sd80=np.log(high / value), sd95=np.log(high95 / value))
    assert e is not None
    return e.median, e.mean, e.p90, e.bias, e.within_80, e.within_95


def decision_rows(found: Sequence[Scored], figures: str) -> list[DecisionRow]:
    """Regret and breaks at each limit."""
    points = _points(found)
    return [DecisionRow(figures, decide(points, limit_ms=limit)) for limit in LIMITS_MS] if found else []


def _points(found: Sequence[Scored]) -> Points:
    def column(values: Iterable[float | None]) -> NDArray[np.float64]:
        return np.array(list(values), float)

    sizes = {
        "requests": column(s.question.batch * s.case.layout.dp for s in found),
        "gpus": column(s.case.layout.gpus for s in found),
        "output_tokens": column(s.case.output_tokens for s in found),
    }
    tpot, ttft = column(s.tpot.value for s in found), column(s.ttft.value for s in found)
    m_tpot, m_ttft = column(s.measured.tpot_ms for s in found), column(s.measured.ttft_ms for s in found)
    return Points(
        situation=[_situation(s.case) for s in found],
        admit_ms=column(s.prediction.tpot_admit_ms for s in found),
        predicted=tokens_per_s_per_gpu(**sizes, ttft_ms=ttft, tpot_ms=tpot),
        measured_ms=m_tpot, measured=tokens_per_s_per_gpu(**sizes, ttft_ms=m_ttft, tpot_ms=m_tpot),
    )  # fmt: skip


def _situation(case: Case) -> tuple[object, ...]:
    return case.model, case.gpu, case.input_tokens, case.output_tokens


def _share(flags: Iterable[bool]) -> float:
    found = list(flags)
    return round(100.0 * sum(found) / len(found), 3) if found else 0.0
