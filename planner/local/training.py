"""Training speed of dense decoders: tokens per second and GPU from the share of the matrix rate reached.

    FLOP per token = 6 parameters + 12 layers * width * sequence

as published training tables count them (attention in full, recomputation not counted). The share is kept
per GPU architecture, as figures exist for two; everything else is refused.
"""

from __future__ import annotations

import csv
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from planner.errors import DoesNotFit, ScenarioError
from planner.local.crossvalidate import conformal
from planner.local.device import resolve_device
from planner.local.tables import rows
from planner.records import Quantity

COLUMNS = ("architecture", "share", "low", "high", "rows", "source", "as_of")
INPUT_COLUMNS = ("device", "count", "model", "params_b", "seq_len", "precision", "other_unit")
_PRECISIONS = {"bf16", "amp_bf16", "fp16"}
_DECODER = re.compile(r"(mpt|gpt|llama|opt|qwen|mistral)", re.IGNORECASE)
_ASPECT = 128.0  # width over layers of the published decoders; 7B to 70B lie between 85 and 128


@dataclass(frozen=True, slots=True)
class Share:
    """Share of the dense matrix rate reached on an architecture; `low` and `high` are factors on it."""

    architecture: str
    share: float
    low: float
    high: float
    rows: int


def flop_per_token(parameters: float, sequence: float) -> float:
    """FLOP of one training token of a dense decoder of the usual proportions.

    >>> round(flop_per_token(7e9, 2048) / 1e9, 1)
    45.4
    """
    layers = math.cbrt(parameters / (12 * _ASPECT**2))
    return 6 * parameters + 12 * layers * _ASPECT * layers * sequence


def _rate_at_peak(row: Mapping[str, str]) -> tuple[str, float]:
    """Architecture and tokens per second if all of the matrix rate were reached; raises ScenarioError."""
    if row["other_unit"].strip():
        raise ScenarioError(f"figures in {row['other_unit']} are not tokens per GPU")
    if row["precision"] not in _PRECISIONS:
        raise ScenarioError(f"no training figures in {row['precision'][:30]!r}", hint="bf16 is answered")
    if not _DECODER.match(row["model"]) or not row["params_b"] or not row["seq_len"]:
        raise ScenarioError(f"{row['model'][:60]!r} is not a dense decoder of stated size and sequence")
    device = resolve_device(row["device"])
    per_token = flop_per_token(float(row["params_b"]) * 1e9, float(row["seq_len"]))
    if not math.isfinite(device.flops):
        raise ScenarioError(f"matrix rate of {device.key} is not known")
    return device.architecture, device.flops / per_token


def tokens_per_s(row: Mapping[str, str]) -> Quantity:
    """Tokens per second and GPU of a training run; raises ScenarioError with the reason of a refusal."""
    architecture, peak = _rate_at_peak(row)
    share = _shares().get(architecture)
    if share is None:
        raise ScenarioError(f"no training figures on {architecture}", hint=f"known: {', '.join(_shares())}")
    value = peak * share.share
    return Quantity(value, value * share.low, value * share.high, "calibrated")


@cache
def _shares() -> Mapping[str, Share]:
    return {
        row["architecture"]: Share(
            row["architecture"], float(row["share"]), float(row["low"]), float(row["high"]), int(row["rows"])
        )
        for row in rows("training")
    }


def fit(path: Path) -> list[Share]:
    """Median share per architecture, and the factors that hold 80 % of the rows around it."""
    reached: dict[str, list[float]] = defaultdict(list)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            try:
                architecture, peak = _rate_at_peak(row)
            except (ScenarioError, DoesNotFit):
                continue
            if row["tok_s_per_gpu"]:
                reached[architecture].append(float(row["tok_s_per_gpu"]) / peak)
    return [_share(name, values) for name, values in sorted(reached.items())]


def _share(architecture: str, values: Sequence[float]) -> Share:
    share = float(np.median(values))
    low, high = conformal(np.log(np.array(values) / share))
    return Share(architecture, share, low, high, len(values))


def table(shares: Iterable[Share], source: str, as_of: str) -> list[dict[str, str]]:
    """Shares as rows of the shipped table."""
    return [
        dict(
            zip(
                COLUMNS,
                (
                    s.architecture,
                    f"{s.share:.4f}",
                    f"{s.low:.4f}",
                    f"{s.high:.4f}",
                    str(s.rows),
                    source,
                    as_of,
                ),
                strict=True,
            )
        )
        for s in shares
    ]
