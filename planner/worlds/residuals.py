"""How wrong predictions have been: whole error curves over the batch size, cross-validated.

An error is in standard deviations of its own prediction, so that a curve measured on one configuration says
how another one, of the same kind of evidence, may be off: its level, its drift with the batch size, its tails.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from planner.calibration.apply import subject_for
from planner.calibration.residual import is_known
from planner.calibration.store import Calibration
from planner.errors import DataError
from planner.options.configurations import Configuration

Array = NDArray[np.float64]
FILE = "residual_curves.csv"
COLUMNS = ("pool", "group", "curve", "batch", "tpot_sd", "ttft_sd")
POOLS: Mapping[str, str] = {"known": "curve", "new_model": "model", "new_system": "system"}
"""Pool -> what was left out when its curves were predicted: the curve, its model family, its GPU."""


@dataclass(frozen=True, slots=True)
class ErrorCurve:
    """Log errors of one measured curve, in standard deviations, at rising batch sizes (logarithms)."""

    group: str
    log_batch: Array
    tpot: Array
    ttft: Array

    def at(self, log_batch: Array) -> tuple[Array, Array]:
        """TPOT and TTFT errors at other batch sizes; beyond the measured ones the last holds."""
        tpot, ttft = (np.interp(log_batch, self.log_batch, e) for e in (self.tpot, self.ttft))
        return tpot, ttft


@dataclass(frozen=True, slots=True)
class ErrorCurves:
    """The curves of each pool, and the digest of the table they come from."""

    pools: Mapping[str, tuple[ErrorCurve, ...]]
    digest: str


@cache
def load_error_curves() -> ErrorCurves:
    """The shipped table."""
    return read_error_curves((files("planner") / "data" / FILE).read_text(encoding="utf-8"))


def read_error_curves(text: str) -> ErrorCurves:
    """Curves of a CSV text; DataError where a row is not one."""
    rows: dict[tuple[str, str, str], list[tuple[float, ...]]] = {}
    lines = csv.DictReader(text.splitlines())
    try:
        for line in lines:
            key = (line["pool"], line["curve"], line["group"])
            rows.setdefault(key, []).append(tuple(float(line[c]) for c in COLUMNS[3:]))
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"line {lines.line_num}: not an error curve: {error!r}", path=FILE) from None
    pools: dict[str, list[ErrorCurve]] = {}
    for (pool, _, group), points in rows.items():
        batch, tpot, ttft = np.array(points, float).T
        pools.setdefault(pool, []).append(ErrorCurve(group, np.log(batch), tpot, ttft))
    if set(pools) != set(POOLS):
        raise DataError(f"pool: expected {', '.join(POOLS)}, found {', '.join(pools) or 'none'}", path=FILE)
    return ErrorCurves({k: tuple(v) for k, v in pools.items()}, hashlib.sha256(text.encode()).hexdigest())


def pool_of(configuration: Configuration, calibration: Calibration) -> str:
    """Which errors speak for a configuration: those of new curves where its model was measured on its GPU, of
    a left-out model family where only the GPU was, of a left-out GPU otherwise."""
    c = configuration
    context = subject_for(c.evaluation, weights=c.weights).context
    if is_known(calibration, c.engine, context):
        return "known"
    return "new_model" if c.spread.basis == "calibrated" else "new_system"
