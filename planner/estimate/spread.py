"""How far predictions are from measurements, by what they rest on: standard deviations of the log error.

Measured on the development rows of `planner validate` (see `docs/performance-model.md`, "intervals"): the
80th percentile of |ln(measured / predicted)| over 1.28. *calibrated*: systems with end-to-end measurements.
*interpolated*: own op tables, no end-to-end check; taken as wide as the calibrated systems were before any
fit. *transferred*: development rows predicted from another GPU's tables (H100 from A100 0.20, H200 from
H100 0.31, B200 from H200 0.30, H200 from L40S 0.55 at the 80th percentile of TPOT).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.profiles.gpus import Gpu
from planner.records import Basis

Array = NDArray[np.float64]
Z80 = 1.2816  # an 80 % interval spans +- this many standard deviations


@dataclass(frozen=True, slots=True)
class Spread:
    """Standard deviation of the log error of each quantity (one for all, or one per batch size), and the
    word for what it rests on."""

    tpot: float | Array
    ttft: float | Array
    basis: Basis

    def at(self, i: int) -> tuple[float, float]:
        """Deviations of TPOT and TTFT at one batch size.

        >>> Spread(0.2, np.array([0.5, 0.6]), "calibrated").at(1)
        (0.2, 0.6)
        """
        tpot, ttft = (float(np.atleast_1d(s)[i if np.ndim(s) else 0]) for s in (self.tpot, self.ttft))
        return tpot, ttft


SPREADS: dict[str, Spread] = {
    "calibrated": Spread(0.17, 0.51, "calibrated"),
    "interpolated": Spread(0.20, 0.55, "interpolated"),
    "transferred": Spread(0.30, 0.62, "transferred"),
    "transferred_far": Spread(0.43, 0.70, "transferred"),
}
# Systems with end-to-end rows on the development side: more than the one row of GB200.
CALIBRATED_SYSTEMS = frozenset({"b200_sxm", "b300_sxm", "h100_sxm", "h200_sxm"})


def spread_of(gpu: Gpu, *, reference: Gpu | None) -> Spread:
    """Spread of estimates on `gpu`; another vendor's or form factor's utilisation carries less far."""
    if gpu.key in CALIBRATED_SYSTEMS:
        return SPREADS["calibrated"]
    if gpu.measured:
        return SPREADS["interpolated"]
    near = reference is not None and reference.vendor == gpu.vendor and reference.segment == gpu.segment
    return SPREADS["transferred" if near else "transferred_far"]
