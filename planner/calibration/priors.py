"""Prior of the residual: how alike configurations are, in log units.

Chosen by cross-validation over whole curves with random search (`docs/performance-model.md`); halving or
doubling any one of them moves the median error by 0.2 points at most.
"""

from __future__ import annotations

from collections.abc import Mapping

from planner.calibration.field import Prior

#                     batch  isl   osl  gpus   ep    dp
_TPOT_SCALES = (2.5, 2.2, 4.3, 1.6, 2.0, 0.5)
_TTFT_SCALES = (1.2, 1.5, 2.0, 2.0, 1.5, 1.5)

PRIORS: Mapping[str, Prior] = {
    "tpot": Prior(
        _TPOT_SCALES,
        constant={"format": 0.03, "label": 0.10, "version": 0.10, "layout": 0.05, "lengths": 0.15, "speculative": 0.26},
        smooth={"engine": 0.10, "family": 0.20, "version": 0.20, "layout": 0.06, "speculative": 0.22},
        noise=0.03, clip=1.2,
    ),
    "ttft": Prior(
        _TTFT_SCALES,
        constant={"family": 0.20, "format": 0.15, "label": 0.15, "version": 0.25, "speculative": 0.27},
        smooth={"engine": 0.15, "family": 0.25, "version": 0.30},
        noise=0.10, clip=1.5,
    ),
}  # fmt: skip
QUANTITIES = tuple(PRIORS)
