"""Public names about predictions: one configuration, predictions against measurements, a user's own runs.

Every function imports what it needs when it is called.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from planner.pipeline import own_calibration

if TYPE_CHECKING:
    from planner.calibration.own import OwnCalibration
    from planner.estimate.position import OpPosition
    from planner.plan import Plan
    from planner.profiles.store import Profiles
    from planner.records import Estimate, Explanation
    from planner.validate import Accuracy, SpeedAccuracy
    from planner.validate.accuracy import AccuracyRow


def estimate(*, calibration: Path | str | None = None, **configuration: Any) -> Estimate:
    """Predicted speed, memory and power of one configuration; DoesNotFit when memory is too small.

    Keywords: model, gpu, engine, engine_version, weight_precision, kv_precision, tp, pp, dp, ep, concurrency,
    input_tokens, output_tokens, lengths ("random" or "fixed"), kernels ("any", "open" or "portable"), cuda_graphs,
    accepted_tokens, scheduler ("mixed" or "prefill_first"), stream_interval, max_running; a setting left out is the
    engine's default, and the notes say so. `calibration` is a file written by `calibrate`.
    """
    from planner.estimate.api import estimate

    return estimate(base_dir=Path.cwd(), calibration=own_calibration(calibration), **configuration)


def explain_estimate(*, calibration: Path | str | None = None, **configuration: Any) -> Explanation:
    """The estimate of the same keywords taken apart: bytes by name, terms of a step, settings stated or assumed."""
    from planner.estimate.api import explain_estimate

    return explain_estimate(base_dir=Path.cwd(), calibration=own_calibration(calibration), **configuration)


def validate(
    path: Path | str,
    predictions: Path | str | None = None,
    *,
    cross_validate: str | None = None,
    calibration: Path | str | None = None,
    chart: Path | str | None = None,
) -> Accuracy | SpeedAccuracy:
    """Our predictions scored against the measurements in `path`; `predictions` receives one line per row.

    `cross_validate` (curve, model, system, pair, point) refits on `path` and scores what each fit has not seen;
    `calibration` is a file written by `calibrate`; `chart` (.svg or .png, needs the report extra) receives predicted
    against measured by engine.
    """
    from planner.validate import validate

    return validate(path, predictions, cross_validate=cross_validate, calibration=calibration, chart=chart)


def calibrate(path: Path | str, **stated: str) -> OwnCalibration:
    """Your own measured points as a calibration file; `stated` names what a JSON result file does not hold."""
    from planner.calibration.own import calibrate

    return calibrate(path, **stated)


def shipped_accuracy() -> tuple[AccuracyRow, ...]:
    """Cross-validated errors of the shipped calibration, by what was left out and by group; all in percent."""
    from planner.calibration.store import load_calibration
    from planner.canonical import from_data
    from planner.validate.accuracy import AccuracyRow

    return tuple(from_data(AccuracyRow, row) for row in load_calibration().report["rows"])


def op_positions(plan: Plan, placement: int, profiles: Profiles | None = None) -> tuple[OpPosition, ...]:
    """Ops of the `placement`-th placement of a plan on the roofline of its GPU."""
    from planner.estimate.position import op_positions
    from planner.inputs import loads
    from planner.profiles.store import load_profiles

    chosen = plan.placements[placement]
    workload = loads(plan.question.text, format="json", label="plan").workloads[chosen.workload]
    return op_positions(chosen, workload, profiles if profiles is not None else load_profiles())
