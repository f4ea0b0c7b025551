"""Predictions for files of published figures, recognised by their header.

`validate_rows` answers `llm_decode_prefill.csv`, `training_throughput.csv` and `other_inference.csv`, and
returns None for any other header. Measured columns, ids, dates, notes and sources are never looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from planner.errors import DoesNotFit, ScenarioError
from planner.local import query, training
from planner.local.predict import predict
from planner.records import Quantity

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RowPrediction:
    """What is said about one row; `values` has the file's value columns, None where there is no figure."""

    reason: str = ""
    values: Mapping[str, Quantity | None] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def status(self) -> str:
        """`ok` or `refused`."""
        return "refused" if self.reason else "ok"


@dataclass(frozen=True, slots=True)
class Predictions:
    """Predictions of a file, one per row in order; `columns` names its measured value columns."""

    format: str
    columns: tuple[str, ...]
    rows: tuple[RowPrediction, ...]


@dataclass(frozen=True, slots=True)
class _Format:
    name: str
    asked: tuple[str, ...]
    columns: tuple[str, ...]
    answer: Callable[[Sequence[Row]], Iterable[RowPrediction]]


def _local(rows: Sequence[Row]) -> list[RowPrediction]:
    out: list[RowPrediction] = []
    asked: list[tuple[int, query.Query]] = []
    for i, row in enumerate(rows):
        try:
            asked.append((i, query.read_query(row)))
            out.append(RowPrediction())
        except (ScenarioError, DoesNotFit) as error:
            out.append(RowPrediction(str(error)))
    for (i, _), speed in zip(asked, predict([q for _, q in asked]), strict=True):
        values = {"prefill_tok_s": speed.prefill_tokens_per_s, "decode_tok_s": speed.decode_tokens_per_s}
        out[i] = RowPrediction(values=values, notes=speed.notes)
    return out


def _training(rows: Sequence[Row]) -> Iterable[RowPrediction]:
    for row in rows:
        try:
            yield RowPrediction(values={"tok_s_per_gpu": training.tokens_per_s(row)})
        except (ScenarioError, DoesNotFit) as error:
            yield RowPrediction(str(error))


def _other(rows: Sequence[Row]) -> Iterable[RowPrediction]:
    for row in rows:
        yield RowPrediction(f"no model of {row['model'][:40]}: only language models are predicted")


_FORMATS = (
    _Format("published LLM speeds", query.INPUT_COLUMNS, ("prefill_tok_s", "decode_tok_s"), _local),
    _Format("published training speeds", training.INPUT_COLUMNS, ("tok_s_per_gpu",), _training),
    _Format("published other inference", ("device", "count", "framework", "model", "precision", "metric",
            "unit"), ("value",), _other),
)  # fmt: skip


def validate_rows(header: Sequence[str], rows: Iterable[Row]) -> Predictions | None:
    """Predictions for a file's rows, or None when the header is none of ours."""
    for form in _FORMATS:
        if set(form.asked) <= set(header):
            asked = [{name: row[name] for name in form.asked} for row in rows]
            return Predictions(form.name, form.columns, tuple(form.answer(asked)))
    return None
