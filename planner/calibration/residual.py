"""What the calibration says about one configuration: a correction and how sure it is.

corrected = physics x exp(mean);     80 % interval = corrected x exp(+- half80)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.calibration.groups import GROUPS, KNOWN, Context, Subject
from planner.calibration.store import Calibration, load_calibration, width_for

Array = NDArray[np.float64]
Z80 = 1.2816  # an 80 % interval spans +- this many standard deviations
_KNOWN = list(GROUPS).index(KNOWN)


@dataclass(frozen=True, slots=True)
class Residual:
    """One quantity at each batch size: mean of the log residual, its effective standard deviation (80 %
    half width over 1.28) and the 95 % half width, both from cross-validated errors."""

    mean: Array
    sd: Array
    half95: Array

    @property
    def half80(self) -> Array:
        """Half width of the 80 % interval, log units."""
        return Z80 * self.sd


@dataclass(frozen=True, slots=True)
class Residuals:
    """TPOT and TTFT of one configuration; `known` when its model was measured on its GPU in its format."""

    tpot: Residual
    ttft: Residual
    known: bool


def residuals(subject: Subject, batch: Array, calibration: Calibration | None = None) -> Residuals | None:
    """Corrections of `subject` at each batch size; None for an engine without measurements."""
    calibration = calibration or load_calibration()
    if calibration.field(subject.engine, "tpot") is None:
        return None
    context, x = subject.context, subject.at(batch)
    known = is_known(calibration, subject.engine, context)
    tpot, ttft = (_one(calibration, subject, q, x, known=known) for q in ("tpot", "ttft"))
    return Residuals(tpot, ttft, known)


def is_known(calibration: Calibration, engine: str, context: Context) -> bool:
    """Whether measurements share the model, GPU and format of `context`."""
    field = calibration.field(engine, "tpot")
    return field is not None and field.measured(_KNOWN, context[_KNOWN])


def _one(calibration: Calibration, subject: Subject, quantity: str, x: Array, *, known: bool) -> Residual:
    key = (subject.engine, quantity)
    mean, sd = calibration.fields[key].at(subject.context, x)
    half80, half95 = width_for(calibration.widths[key], subject.family, known=known)
    return Residual(mean, half80 * sd / Z80, half95 * sd)
