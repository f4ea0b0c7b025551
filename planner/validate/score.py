"""Errors, coverage and bias of predictions against measurements."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

DECIMALS_OF_A_TWIN = {"ttft": 3, "tpot": 4}     # rows equal to this many decimals of a millisecond repeat a measurement


@dataclass(frozen=True, slots=True)
class Errors:
    """Absolute percentage errors of one quantity over `n` distinct rows; `bias` is the median signed error.

    `coverage` is the share of measurements inside the predicted 80 % interval, `width` the median full
    width of that interval over the value.
    """

    n: int
    median: float
    mean: float
    p90: float
    bias: float
    coverage: float
    width: float


def errors(
    predicted: ArrayLike, measured: ArrayLike, *, low: ArrayLike, high: ArrayLike
) -> Errors | None:
    """Errors of paired arrays, in percent; None when there are no pairs.

    >>> errors([110.0], [100.0], low=[90.0], high=[120.0]).median
    10.0
    """
    p, m = np.asarray(predicted, float), np.asarray(measured, float)
    if not p.size:
        return None
    lo, hi = np.asarray(low, float), np.asarray(high, float)
    signed = 100.0 * (p - m) / m
    size = np.abs(signed)
    inside = (lo <= m) & (m <= hi)
    return Errors(
        n=int(p.size), median=_round(np.median(size)), mean=_round(size.mean()), p90=_round(np.percentile(size, 90)),
        bias=_round(np.median(signed)), coverage=_round(100.0 * inside.mean()),
        width=_round(100.0 * np.median((hi - lo) / p)),
    )  # fmt: skip


def distinct(keys: Iterable[tuple[object, ...]]) -> NDArray[np.bool_]:
    """True at the first row of each key: a measurement that is listed twice counts once."""
    seen: set[tuple[object, ...]] = set()
    first = []
    for key in keys:
        first.append(key not in seen)
        seen.add(key)
    return np.array(first, dtype=bool)


def measurement_key(model: str, system: str, ttft_ms: float, tpot_ms: float) -> tuple[object, ...]:
    """What two rows of one measurement share: model, system, and times to the printed precision.

    >>> measurement_key("m", "s", 1.00001, 2.0) == measurement_key("m", "s", 1.00002, 2.0)
    True
    """
    ttft = round(ttft_ms, DECIMALS_OF_A_TWIN["ttft"])
    return (model, system, ttft, round(tpot_ms, DECIMALS_OF_A_TWIN["tpot"]))


def regret(chosen: Sequence[float], best: Sequence[float]) -> float | None:
    """Mean share of the best possible value that the choices gave away.

    >>> regret([90.0, 100.0], [100.0, 100.0])
    0.05
    """
    if not chosen:
        return None
    return float(np.mean(1.0 - np.asarray(chosen) / np.asarray(best)))


def _round(x: float | np.floating[object]) -> float:
    return round(float(x), 3)
