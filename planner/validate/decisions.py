"""What the predictions are for: choosing a configuration. How good are the choices?

In each situation (model, system, lengths) pick the engine, precision, layout and batch with the highest
predicted output tokens/s/GPU among those admitted under a TPOT limit, then look at what was measured.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
LIMITS_MS = (15.0, 30.0, 50.0)
TOLERANCE = 1.05  # a pick up to 5 % over the limit counts as kept


@dataclass(frozen=True, slots=True)
class Decisions:
    """Choices under one TPOT limit.

    `regret` is the mean share (percent) of the best admissible measured throughput that the picks which
    kept the limit gave away; `broken` is the percentage of picks over the limit by more than 5 %;
    `no_pick` counts situations where something was admissible but nothing was predicted to be.
    """

    tpot_limit_ms: float
    n: int
    regret: float
    broken: float
    breaks: int
    no_pick: int


@dataclass(frozen=True, slots=True)
class Points:
    """Candidates with predictions and measurements, one entry per distinct row."""

    situation: Sequence[Hashable]
    admit_ms: Array  # compared with the limit
    predicted: Array  # output tokens/s/GPU
    measured_ms: Array
    measured: Array  # output tokens/s/GPU


def tokens_per_s_per_gpu(
    *, requests: Array, gpus: Array, output_tokens: Array, ttft_ms: Array, tpot_ms: Array
) -> Array:
    """Closed loop: each of `requests` in flight yields its tokens in one residence time."""
    residence_s = (ttft_ms + (output_tokens - 1.0) * tpot_ms) / 1e3
    return requests * output_tokens / residence_s / gpus


def decide(points: Points, *, limit_ms: float) -> Decisions:
    """Pick in every situation that has at least two candidates and an admissible one."""
    rows: dict[Hashable, list[int]] = {}
    for row, key in enumerate(points.situation):
        rows.setdefault(key, []).append(row)
    kept, breaks, missing = [], 0, 0
    for members in rows.values():
        i: NDArray[np.int64] = np.array(members)
        allowed = i[points.measured_ms[i] <= limit_ms]
        if i.size < 2 or not allowed.size:
            continue
        admitted = i[points.admit_ms[i] <= limit_ms]
        if not admitted.size:
            missing += 1
            continue
        pick = admitted[points.predicted[admitted].argmax()]
        if points.measured_ms[pick] > TOLERANCE * limit_ms:
            breaks += 1
        else:
            kept.append(1.0 - points.measured[pick] / points.measured[allowed].max())
    n = len(kept) + breaks
    mean = 100.0 * float(np.mean(kept)) if kept else 0.0
    return Decisions(limit_ms, n, round(mean, 3), round(100.0 * breaks / n, 3) if n else 0.0, breaks, missing)
