"""Rows of end-to-end serving measurements as questions: what ran, without what was measured.

The published labels mean less than they say; they are decoded here, at import, and nowhere else. Proofs
and counts are in `docs/performance-model.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isqrt

from planner.errors import PlannerError
from planner.models import Model, resolve_model
from planner.records import Layout

BENCHMARK_LENGTHS = frozenset({1024, 8192})
RANDOM_LENGTH_SHARE = 0.9       # lengths drawn uniformly in [0.8 L, L] by the public benchmark's client
OPENING_BURST = 0.05            # C of 10 C requests arrive at once: (C - 1)/2 prefills for a tenth of them
INPUT_COLUMNS = (               # all the predictor may see
    "backend", "backend_version", "model_path", "system", "precision", "mode", "isl", "osl", "gemm_quant_mode",
    "moe_quant_mode", "batch_size", "tp_size", "pp_size", "attention_dp_size", "moe_tp_size", "moe_ep_size",
)  # fmt: skip
_NVL72 = frozenset({"gb200", "gb300"})
_PRECISIONS = {"": "bf16", "bf16": "bf16", "fp8": "fp8", "fp4": "nvfp4", "int4": "int4"}


class Refused(PlannerError):
    """A row the model does not answer; the message is the reason."""


@dataclass(frozen=True, slots=True)
class Case:
    """One curve's question; `batch` (requests in flight per attention rank) varies along it."""

    model: str
    label: str
    gpu: str
    engine: str
    version: str
    weights: str
    layout: Layout
    input_tokens: float
    output_tokens: float
    random_lengths: bool


def read_case(row: Mapping[str, str]) -> tuple[Case, float]:
    """The question of one row and its batch size.

    Raises `Refused` with the reason for rows that cannot be asked.
    """
    if row["mode"] != "agg":
        raise Refused("disaggregated prefill and decode are not predicted yet")
    model = resolve_model(row["model_path"])
    isl, osl = _number(row, "isl"), _number(row, "osl")
    random_lengths = {isl, osl} <= BENCHMARK_LENGTHS and bool(row["attention_dp_size"])
    case = Case(
        model=model.name, label=row["model_path"], gpu=row["system"], engine=row["backend"], version=row["backend_version"],
        weights=_precision(row), layout=decode_layout(row, model, benchmark=random_lengths),
        input_tokens=isl, output_tokens=osl, random_lengths=random_lengths,
    )  # fmt: skip
    return case, _number(row, "batch_size")


def decode_layout(row: Mapping[str, str], model: Model, *, benchmark: bool) -> Layout:
    """Layout of the engine behind the labels.

    Benchmark rows of mixtures of experts often multiply two widths of the same GPUs: tp = p^2 with
    experts p x p is p GPUs (equal curves agree within 0.3 %), so is dp = p^2, and p / p / 1 x p^2.
    """
    tp, dp = int(_number(row, "tp_size", 1)), int(_number(row, "attention_dp_size", 1))
    pp = int(_number(row, "pp_size", 1))
    moe_tp, moe_ep = int(_number(row, "moe_tp_size", 1)), int(_number(row, "moe_ep_size", 1))
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
    product = max(moe_tp, 1) * max(moe_ep, 1)
    if tp * dp < product <= 8:
        return Layout(tp=product // dp, dp=dp, ep=max(moe_ep, 1), pp=pp)
    width = tp * dp
    return Layout(tp=tp, dp=dp, ep=moe_ep if moe_ep > 0 and width % moe_ep == 0 else 1, pp=pp)


def is_sane(row: Mapping[str, str]) -> bool:
    """Aggregated, tensor-parallel width at most 8 (any on an NVL72 rack) and dividing the heads."""
    if row["mode"] != "agg":
        return False
    tp = int(_number(row, "tp_size", 1))
    try:
        heads = resolve_model(row["model_path"]).num_heads
    except PlannerError:
        return False
    return (tp <= 8 or row["system"] in _NVL72) and heads % tp == 0


def _precision(row: Mapping[str, str]) -> str:
    label = row["precision"].strip().lower()
    if label not in _PRECISIONS:
        raise Refused(f"precision {label!r} is not known")
    return _PRECISIONS[label]


def _number(row: Mapping[str, str], name: str, default: float | None = None) -> float:
    text = row[name].strip()
    if not text and default is not None:
        return default
    try:
        return float(text)
    except ValueError:
        raise Refused(f"{name}: {text!r} is not a number") from None
