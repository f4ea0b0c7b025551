"""Published benchmark rows, decoded: the question behind a row, without its answer.

Labels of benchmark rows are not always what they say: `decode_layout` holds the rules, each shown by
pairs of curves that agree. Where a user states a layout there is nothing to decode (`measurements`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, isqrt
from typing import Any

from planner.errors import DataError, PlannerError
from planner.models import Model, resolve_model
from planner.profiles.errors import ProfileError
from planner.profiles.gpus import resolve_gpu
from planner.records import Layout

BENCHMARK_LENGTHS = frozenset({1024, 8192})
RANDOM_LENGTH_SHARE = 0.9  # lengths drawn uniformly in [0.8 L, L] by the public benchmark's client
OPENING_BURST = 0.05  # C of 10 C requests arrive at once: (C - 1)/2 prefills for a tenth of them
INPUT_COLUMNS = (  # all the predictor may see
    "backend", "backend_version", "model_path", "system", "precision", "mode", "isl", "osl", "batch_size",
    "tp_size", "pp_size", "attention_dp_size", "moe_tp_size", "moe_ep_size",
)  # fmt: skip
_NVL72 = frozenset({"gb200", "gb300"})
_PRECISIONS = {"": "bf16", "bf16": "bf16", "fp8": "fp8", "fp4": "nvfp4", "int4": "int4"}


class Refused(PlannerError):
    """A row the model does not answer; the message is the reason."""


class BadCell(DataError):
    """A cell that cannot be read; the reader of the file adds path and row."""


@dataclass(frozen=True, slots=True)
class Case:
    """One curve's question; the batch size (requests in flight per attention rank) varies along it."""

    model: str
    gpu: str
    engine: str
    version: str
    weights: str
    layout: Layout
    input_tokens: float
    output_tokens: float
    random_lengths: bool
    kv: str = ""  # empty: not recorded
    stated: tuple[tuple[str, Any], ...] | None = None  # engine settings; None where the source records none


def read_case(row: Mapping[str, str]) -> tuple[Case, float]:
    """The question of one row and its batch size.

    Raises `Refused` with the reason for rows that cannot be asked, `BadCell` for unreadable ones.
    """
    if row["mode"] != "agg":
        raise Refused("disaggregated prefill and decode are not predicted yet")
    model = resolve_model(row["model_path"])
    isl, osl = number(row, "isl"), number(row, "osl")
    random_lengths = {isl, osl} <= BENCHMARK_LENGTHS and bool(row["attention_dp_size"])
    case = Case(
        model=model.name, gpu=known_gpu(row["system"]), engine=row["backend"],
        version=row["backend_version"], weights=_precision(row),
        layout=decode_layout(row, model, benchmark=random_lengths),
        input_tokens=isl, output_tokens=osl, random_lengths=random_lengths,
    )  # fmt: skip
    # Requests in flight are batch_size x the labelled ranks, whatever the engine's own ranks are.
    return case, number(row, "batch_size") * whole(row, "attention_dp_size") / case.layout.dp


def decode_layout(row: Mapping[str, str], model: Model, *, benchmark: bool) -> Layout:
    """Layout of the engine behind the labels.

    Benchmark rows of mixtures of experts often multiply two widths of the same GPUs: tp = p^2 with
    experts p x p is p GPUs (equal curves agree within 0.3 %), so is dp = p^2, and p / p / 1 x p^2.
    """
    tp, dp, pp = (whole(row, name) for name in ("tp_size", "attention_dp_size", "pp_size"))
    moe_tp, moe_ep = whole(row, "moe_tp_size"), whole(row, "moe_ep_size")
    if not model.num_experts:
        return Layout(tp=tp, pp=pp)
    if benchmark:
        p = isqrt(max(tp, dp))
        square = p > 1 and p * p == max(tp, dp)
        if square and (moe_tp, moe_ep) == (p, p) and min(tp, dp) == 1:
            return Layout(tp=p, ep=p, pp=pp) if tp > dp else Layout(dp=p, ep=p, pp=pp)
        if tp == dp > 1 and (moe_tp, moe_ep) == (1, tp * tp):
            return Layout(tp=tp, ep=tp, pp=pp)
    if tp > 8:
        raise Refused(f"a cluster of {tp} GPUs labelled as one tensor-parallel engine")
    product = moe_tp * moe_ep
    if tp * dp < product <= 8:
        return Layout(tp=product // dp, dp=dp, ep=moe_ep, pp=pp)
    width = tp * dp
    return Layout(tp=tp, dp=dp, ep=moe_ep if width % moe_ep == 0 else 1, pp=pp)


def is_sane(row: Mapping[str, str]) -> bool:
    """Aggregated, tensor-parallel width at most 8 (any on an NVL72 rack) and dividing the heads."""
    if row["mode"] != "agg":
        return False
    tp = whole(row, "tp_size")
    try:
        heads = resolve_model(row["model_path"]).num_heads
    except PlannerError:
        return False
    return (tp <= 8 or row["system"] in _NVL72) and heads % tp == 0


def known_gpu(text: str) -> str:
    """Key of a GPU as spelled; the slowest member where the spelling means several."""
    try:
        return resolve_gpu(text).keys[0]
    except ProfileError as error:
        raise Refused(str(error)) from None


def number(row: Mapping[str, str], name: str) -> float:
    """A positive number; `Refused` where the cell is empty, `BadCell` where it is something else."""
    text = row[name].strip()
    if not text:
        raise Refused(f"{name} is not recorded")
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not (isfinite(value) and value > 0):
        raise BadCell(f"{name}: {text!r} is not a number above 0")
    return value


def whole(row: Mapping[str, str], name: str, default: int = 1) -> int:
    """A whole number from 1; empty and zero mean `default`."""
    text = row[name].strip()
    if text in ("", "0", "0.0"):
        return default
    value = number(row, name)
    if value != int(value):
        raise BadCell(f"{name}: {text!r} is not a whole number")
    return int(value)


def _precision(row: Mapping[str, str]) -> str:
    label = row["precision"].strip().lower()
    if label not in _PRECISIONS:
        raise Refused(f"precision {label!r} is not known")
    return _PRECISIONS[label]
