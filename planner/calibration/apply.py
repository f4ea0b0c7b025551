"""Physics corrected by what was measured, with the error that is left."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from planner.calibration.groups import Subject, family_of, version_group
from planner.calibration.residual import Z80, Residuals, residuals
from planner.calibration.store import Calibration
from planner.estimate.evaluate import Evaluation
from planner.estimate.floor import decode_floor_s, prefill_floor_s
from planner.estimate.spread import Spread, spread_of
from planner.profiles.gpus import load_gpus

Array = NDArray[np.float64]
Z95 = 1.96
ADMIT_MARGIN = 0.15  # standard deviations added to a TPOT before a limit is applied (docs, "decisions")


@dataclass(frozen=True, slots=True)
class Calibrated:
    """An evaluation with corrected times; `spread` has one standard deviation per batch size.

    `tpot_half95` and `ttft_half95` are half widths of the 95 % intervals, log units.
    """

    evaluation: Evaluation
    spread: Spread
    tpot_half95: Array
    ttft_half95: Array

    @property
    def tpot_admit_s(self) -> Array:
        """What to compare with a limit: the estimate plus a margin for its error."""
        return np.asarray(self.evaluation.served.tpot_s * np.exp(ADMIT_MARGIN * np.asarray(self.spread.tpot)))


def subject_for(evaluation: Evaluation, *, weights: str) -> Subject:
    """A planned configuration as the calibration sees it: requests of varying length."""
    e = evaluation
    return Subject(
        engine=e.setup.engine, version=version_group(e.setup.engine_version, e.setup.recipe.version),
        family=family_of(e.model), model=e.model.name, system=e.gpu.key, weights=weights,
        gpus=e.layout.gpus,
        ep=e.layout.ep, dp=e.layout.dp, isl=e.lengths.input_tokens, osl=e.lengths.output_tokens,
        random_lengths=e.setup.random_lengths, speculative=False,
    )  # fmt: skip


def calibrated(
    evaluation: Evaluation, subject: Subject, calibration: Calibration | None = None
) -> Calibrated:
    """Corrected estimate of `subject`; engines and systems without measurements keep their physics.

    TPOT does not fall as the batch grows and neither time is below its roofline.
    """
    e, served = evaluation, evaluation.served
    plain = spread_of(e.gpu, reference=load_gpus().get(e.gpu.reference or ""))
    found = residuals(subject, served.batch, calibration)
    if found is None:
        n = np.ones_like(served.batch)
        spread = Spread(plain.tpot * n, plain.ttft * n, plain.basis)
        return Calibrated(e, spread, Z95 * plain.tpot * n, Z95 * plain.ttft * n)
    tpot = np.maximum.accumulate(served.tpot_s * np.exp(found.tpot.mean))
    share = np.exp(found.ttft.mean)
    if (found.tpot.mean < 0.0).any():
        tpot = np.maximum(tpot, np.maximum.accumulate(decode_floor_s(e)))
    if (found.ttft.mean < 0.0).any():
        share = np.maximum(share, np.minimum(1.0, prefill_floor_s(e) / served.server_ttft_s))
    parts = {
        name: getattr(served, name) * share for name in ("server_ttft_s", "stream_s", "queue_s", "burst_s")
    }
    held = parts["server_ttft_s"] + parts["queue_s"] + np.maximum(e.lengths.output_tokens - 1.0, 0.0) * tpot
    rates = e.layout.dp * served.batch / held
    better = replace(e, served=replace(served, tpot_s=tpot, requests_per_s=rates, **parts))
    return Calibrated(better, *_spread(found, plain))


def _spread(found: Residuals, plain: Spread) -> tuple[Spread, Array, Array]:
    """What cross-validation left over; on a system without end-to-end rows, never less than its own spread."""
    if found.known or plain.basis == "calibrated":
        return Spread(found.tpot.sd, found.ttft.sd, "calibrated"), found.tpot.half95, found.ttft.half95
    tpot, ttft = np.maximum(found.tpot.sd, plain.tpot), np.maximum(found.ttft.sd, plain.ttft)
    wide = np.maximum(found.tpot.half95, Z95 * tpot), np.maximum(found.ttft.half95, Z95 * ttft)
    return Spread(tpot, ttft, plain.basis), *wide


__all__ = ["ADMIT_MARGIN", "Z80", "Z95", "Calibrated", "calibrated", "subject_for"]
