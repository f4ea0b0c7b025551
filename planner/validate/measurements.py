"""Our own table of end-to-end measurements: every setting stated, nothing to decode."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from planner.errors import did_you_mean
from planner.estimate.precision import KV_BYTES
from planner.estimate.recipes import RECIPES, SCHEDULERS
from planner.kernels.ops import WEIGHT_BYTES
from planner.models import resolve_model
from planner.records import Layout
from planner.validate.cases import BadCell, Case, Refused, known_gpu, number, whole

COLUMNS = (
    "model", "gpu", "engine", "engine_version", "weight_precision", "kv_precision", "tp", "pp", "dp", "ep",
    "concurrency", "input_tokens", "output_tokens", "lengths",
)  # fmt: skip
LENGTHS = {"": False, "fixed": False, "random": True}
GRAPHS = {"on": True, "off": False}
SETTINGS: Mapping[str, Callable[[Mapping[str, str]], Any]] = {
    "scheduler": lambda row: _one_of(row, "scheduler", SCHEDULERS),
    "cuda_graphs": lambda row: GRAPHS[_one_of(row, "cuda_graphs", GRAPHS)],
    "stream_interval": lambda row: whole(row, "stream_interval"),
    "accepted_tokens": lambda row: number(row, "accepted_tokens"),
    "max_running": lambda row: whole(row, "max_running"),
}
"""Columns that may be missing or empty: the engine's default then."""


def read_case(row: Mapping[str, str]) -> tuple[Case, float]:
    """The question of one row and its batch size per attention rank.

    Raises `Refused` for what no recipe covers and `BadCell` for what cannot be read.
    """
    engine, lengths = row["engine"].strip().lower(), row["lengths"].strip().lower()
    if engine not in RECIPES:
        raise Refused(f"engine {engine!r} has no performance recipe")
    if lengths not in LENGTHS:
        raise BadCell(f"lengths: {lengths!r} is none of fixed, random")
    model, gpu = resolve_model(row["model"]), known_gpu(row["gpu"])
    layout = Layout(tp=whole(row, "tp"), pp=whole(row, "pp"), dp=whole(row, "dp"), ep=whole(row, "ep"))
    case = Case(
        model=model.name, gpu=gpu, engine=engine,
        version=row["engine_version"].strip(), layout=layout,
        weights=_one_of(row, "weight_precision", (*WEIGHT_BYTES, "fp4")) or "bf16",
        kv=_one_of(row, "kv_precision", KV_BYTES), random_lengths=LENGTHS[lengths],
        input_tokens=number(row, "input_tokens"), output_tokens=number(row, "output_tokens"),
        stated=tuple((name, read(row)) for name, read in SETTINGS.items() if row[name].strip()),
    )  # fmt: skip
    return case, number(row, "concurrency") / layout.dp


def _one_of(row: Mapping[str, str], name: str, known: Iterable[str]) -> str:
    text = row[name].strip().lower()
    names = tuple(known)
    if text and text not in names:
        raise BadCell(f"{name}: {text!r} is not known ({did_you_mean(text, names) or ', '.join(names)})")
    return text
