"""Prior of the residual: how alike configurations are, in log units.

Chosen by cross-validation over whole curves with random search (`docs/performance-model.md`); halving or
doubling any one of them moves the median error by 0.2 points at most.
"""

from __future__ import annotations

from collections.abc import Mapping

from planner.calibration.field import Prior

# Scales along       batch  isl  osl  gpus  ep   dp
_TPOT_SCALES = (2.5, 2.2, 4.3, 1.6, 2.0, 0.7)
_TTFT_SCALES = (1.4, 1.4, 5.4, 1.7, 2.0, 0.8)

PRIORS: Mapping[str, Prior] = {
    "tpot": Prior(
        _TPOT_SCALES,
        constant={"family": 0.02, "format": 0.04, "model": 0.10, "version": 0.04, "layout": 0.04, "lengths": 0.15,
                  "speculative": 0.25},
        smooth={"family": 0.21, "system": 0.05, "version": 0.20, "layout": 0.07, "speculative": 0.39},
        noise=0.03, clip=1.2,
    ),
    "ttft": Prior(
        _TTFT_SCALES,
        constant={"format": 0.25, "model": 0.19, "version": 0.04, "speculative": 0.44},
        smooth={"family": 0.25, "system": 0.21, "version": 0.20},
        noise=0.07, clip=1.5,
    ),
}  # fmt: skip
QUANTITIES = tuple(PRIORS)
