"""Statistics of samples, and the verdict between two variants."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from planner.profiles.trace import Stats

Verdict = Literal["FAST", "SAME", "SLOW", "AMBIGUOUS"]
NOISE_FACTOR = 3.0
"""A ratio counts only beyond 1 + 3 x the session's A/A noise."""


def describe(seconds: npt.ArrayLike) -> dict[str, float | int]:
    """Quantiles and moments of samples, under the names of `Stats`.

    >>> describe([1.0, 2.0, 3.0])["median_s"]
    2.0
    """
    s = np.asarray(seconds, np.float64)
    p05, p20, p25, median, p75, p80, p95 = np.quantile(s, (0.05, 0.2, 0.25, 0.5, 0.75, 0.8, 0.95)).tolist()
    return {
        "n": int(s.size), "median_s": median, "p05_s": p05, "p20_s": p20, "p80_s": p80, "p95_s": p95,
        "min_s": float(s.min()), "mean_s": float(s.mean()), "stdev_s": float(s.std(ddof=s.size > 1)),
        "rel_iqr": (p75 - p25) / median,
    }  # fmt: skip


def relative_iqr(seconds: npt.ArrayLike) -> float:
    """Interquartile range over the median."""
    low, median, high = np.quantile(np.asarray(seconds, np.float64), (0.25, 0.5, 0.75)).tolist()
    return float((high - low) / median)


def apart(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """How far two medians are from each other, relative to the smaller.

    >>> round(apart([1.0, 1.0], [1.1, 1.1]), 3)
    0.1
    """
    one, other = float(np.median(np.asarray(a))), float(np.median(np.asarray(b)))
    return max(one, other) / min(one, other) - 1


def thirds(blocks: list[list[float]]) -> float:
    """Drift: the largest distance between the medians of the first, middle and last third of the blocks."""
    if len(blocks) < 3:
        return 0.0
    medians = [float(np.median(np.concatenate(part))) for part in _cut(blocks)]
    return max(medians) / min(medians) - 1


def _cut(blocks: list[list[float]]) -> list[list[list[float]]]:
    n = len(blocks)
    return [blocks[: (n + 2) // 3], blocks[(n + 2) // 3 : n - (n + 2) // 3] or blocks[n // 2 : n // 2 + 1],
            blocks[n - (n + 2) // 3 :]]  # fmt: skip


def verdict(a: Stats, b: Stats, *, aa_noise: float) -> Verdict:
    """Is `a` faster than `b`? Only where p20-p80 do not touch and the medians differ by more than the noise.

    SAME: the medians differ by no more than the noise. AMBIGUOUS: one condition holds, not both.

    >>> verdict(Stats(30, 1.0, p20_s=0.9, p80_s=1.1), Stats(30, 2.0, p20_s=1.8, p80_s=2.2), aa_noise=0.01)
    'FAST'
    >>> verdict(Stats(30, 1.0, p20_s=0.9, p80_s=1.1), Stats(30, 1.02, p20_s=0.9, p80_s=1.2), aa_noise=0.01)
    'SAME'
    """
    ratio = max(a.median_s, b.median_s) / min(a.median_s, b.median_s)
    if ratio <= 1 + NOISE_FACTOR * aa_noise:
        return "SAME"
    if None in (a.p20_s, a.p80_s, b.p20_s, b.p80_s):
        return "AMBIGUOUS"
    quick, slow = (a, b) if a.median_s < b.median_s else (b, a)
    if quick.p80_s >= slow.p20_s:  # type: ignore[operator]
        return "AMBIGUOUS"
    return "FAST" if quick is a else "SLOW"
