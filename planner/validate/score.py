"""Errors, coverage and bias of predictions against measurements."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

TWIN_DECIMALS = (3, 4)  # TTFT and TPOT equal to so many decimals of a ms: one measurement, listed twice
REPEAT_DECIMALS = (1, 2)  # ... and to so many: kept in one fold, some repeats differ in rounding only


@dataclass(frozen=True, slots=True)
class Errors:
    """Absolute percentage errors of one quantity over `n` distinct rows; `bias` is the median signed error.

    `within_80` and `within_95` are the percentages of measurements inside the predicted intervals, `width`
    the median full width of the 80 % interval in percent of the value.
    """

    n: int
    median: float
    mean: float
    p90: float
    bias: float
    within_80: float
    within_95: float
    width: float


def errors(predicted: ArrayLike, measured: ArrayLike, *, sd80: ArrayLike, sd95: ArrayLike) -> Errors | None:
    """Errors of paired arrays, in percent; None when there are no pairs.

    `sd80` and `sd95` are half widths of the intervals in log units.

    >>> errors([110.0], [100.0], sd80=[0.05], sd95=[0.2])
    Errors(n=1, median=10.0, mean=10.0, p90=10.0, bias=10.0, within_80=0.0, within_95=100.0, width=10.004)
    """
    p, m = np.asarray(predicted, float), np.asarray(measured, float)
    if not p.size:
        return None
    half, wide = np.asarray(sd80, float), np.asarray(sd95, float)
    signed, off = 100.0 * (p - m) / m, np.abs(np.log(m / p))
    size = np.abs(signed)
    return Errors(
        n=int(p.size), median=_round(np.median(size)), mean=_round(size.mean()),
        p90=_round(np.percentile(size, 90)), bias=_round(np.median(signed)),
        within_80=_round(100.0 * (off <= half).mean()), within_95=_round(100.0 * (off <= wide).mean()),
        width=_round(200.0 * np.median(np.sinh(half))),
    )  # fmt: skip


def first_of_each(keys: Iterable[Hashable]) -> NDArray[np.bool_]:
    """True at the first row of each key: a measurement that is listed twice counts once.

    >>> first_of_each(["a", "b", "a"]).tolist()
    [True, True, False]
    """
    seen: set[Hashable] = set()
    first = []
    for key in keys:
        first.append(key not in seen)
        seen.add(key)
    return np.array(first, dtype=bool)


def measurement_key(
    family: str, system: str, ttft_ms: float, tpot_ms: float, *, decimals: tuple[int, int] = TWIN_DECIMALS
) -> tuple[str, str, float, float]:
    """What two rows of one measurement share: model family, system, and the times to `decimals`.

    >>> measurement_key("m", "s", 101.00001, 2.0) == measurement_key("m", "s", 101.00002, 2.0)
    True
    """
    ttft, tpot = decimals
    return (family, system, round(ttft_ms, ttft), round(tpot_ms, tpot))


def _round(x: float | np.floating[Any]) -> float:
    return round(float(x), 3)
