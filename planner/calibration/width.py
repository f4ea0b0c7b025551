"""How wide intervals must be: split-conformal multipliers of the residual's standard deviation.

Per engine, apart for known combinations and new ones; a family with many measurements moves the width of
its engine towards its own, since some are far more regular than others.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from planner.calibration.priors import QUANTITIES
from planner.calibration.split import LeftOut
from planner.calibration.store import AllWidths, Widths

Array = NDArray[np.float64]
LEVELS = (0.80, 0.95)
SHRINK = 30.0  # rows of a family at which it counts as much as its engine
LEAST = 20  # rows below which a class borrows from all of its engine


def widths_of(found: Sequence[LeftOut]) -> AllWidths:
    """Widths of every engine from curves that were predicted unseen."""
    made: dict[tuple[str, str], Widths] = {}
    for engine in dict.fromkeys(f.curve.case.engine for f in found):
        own = [f for f in found if f.curve.case.engine == engine]
        for q in QUANTITIES:
            made[engine, q] = _of_engine(own, q)
    return made


def _of_engine(own: Sequence[LeftOut], quantity: str) -> Widths:
    classes: dict[str, tuple[float, float]] = {}
    for name, known in (("known", True), ("new", False)):
        ratios = _ratios([f for f in own if f.known == known], quantity)
        if len(ratios) < LEAST:
            ratios = _ratios(own, quantity)
        classes[name] = (conformal(ratios, LEVELS[0]), conformal(ratios, LEVELS[1]))
    for family in dict.fromkeys(f.curve.subject.family for f in own if f.known):
        ratios = _ratios([f for f in own if f.known and f.curve.subject.family == family], quantity)
        share = len(ratios) / (len(ratios) + SHRINK)
        narrow, wide = (
            conformal(ratios, level) ** share * whole ** (1.0 - share)
            for level, whole in zip(LEVELS, classes["known"], strict=True)
        )
        classes[f"known {family}"] = (narrow, wide)
    return classes


def _ratios(found: Sequence[LeftOut], quantity: str) -> Array:
    parts = [np.abs(f.miss(quantity)) / f.sd[quantity] for f in found]
    return np.concatenate(parts) if parts else np.zeros(0)


def conformal(ratios: Array, level: float) -> float:
    """Multiplier of the standard deviation that holds `level` of the next ratio.

    >>> conformal(np.arange(1.0, 10.0), 0.8)
    8.0
    """
    n = len(ratios)
    return float(np.sort(ratios)[min(n - 1, int(np.ceil((n + 1) * level)) - 1)])
