"""Fit the calibration: `python -P -m planner.calibration.fit DATA_DIR`.

Reads `DATA_DIR/validation/silicon_dev.csv`, writes `data/calibration_parameters.csv` (engine constants) and
`data/calibration.json` (residuals, interval widths, report) beside the package's data.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from planner.calibration.parameters import PARAMETERS, fit_recipes, parameters_csv
from planner.calibration.points import Curve, curves_of
from planner.calibration.split import LeftOut, fit_fields
from planner.calibration.store import AllWidths, Calibration, calibration_json
from planner.calibration.width import widths_of
from planner.canonical import to_data
from planner.estimate.recipes import Recipe
from planner.files import write_atomically
from planner.profiles.store import load_profiles
from planner.validate.accuracy import fingerprint
from planner.validate.crossvalidate import NAMES, cross_validated, unseen
from planner.validate.formats import Table, read_table

DATA = Path(__file__).parents[1] / "data"
NONE = 1e-3  # of a constant's order of magnitude
SOURCE = "NVIDIA aiconfigurator silicon sample, commit 095f58a (Apache-2.0), development side"


def fit(table: Table) -> tuple[dict[str, Recipe], Calibration]:
    """Engine constants and residuals of the measurements in `table`, with interval widths and report."""
    curves = curves_of(table, load_profiles())
    recipes = {engine: _as_written(r) for engine, r in fit_recipes(curves).items()}
    found = {scheme: unseen(curves, scheme) for scheme in NAMES}
    fields = fit_fields(curves, recipes)
    return recipes, Calibration(fields, _all_widths(found), _report(table, curves, found))


def _as_written(recipe: Recipe) -> Recipe:
    """The constants with the digits the file keeps; what the fit pushed against its lower end is none."""
    values = {p.name: (getattr(recipe, p.name), NONE * p.scale) for p in PARAMETERS}
    written: dict[str, Any] = {
        name: float(f"{x:.4g}") if x > least else 0.0 for name, (x, least) in values.items()
    }
    return replace(recipe, **written)


def _all_widths(found: Mapping[str, Sequence[LeftOut]]) -> AllWidths:
    """Known combinations from left-out curves, new ones from left-out families and systems."""
    new = [out for scheme in ("model", "system") for out in found[scheme] if not out.known]
    return {
        key: {k: (round(v[0], 3), round(v[1], 3)) for k, v in part.items()}
        for key, part in widths_of([*found["curve"], *new]).items()
    }


def _report(table: Table, curves: Sequence[Curve], found: Mapping[str, Sequence[LeftOut]]) -> dict[str, Any]:
    rows, decisions = [], []
    for scheme, out in found.items():
        lines = cross_validated(table, out, scheme, detail=scheme == "curve")
        rows.extend(lines[0])
        decisions.extend(lines[1])
    seen = sorted({fingerprint(c.case, table.measured[row]) for c in curves for row in c.rows})
    return {
        "points": sum(len(c.rows) for c in curves), "curves": len(curves), "seen": seen,
        "rows": to_data(rows), "decisions": to_data(decisions),
    }  # fmt: skip


def main(arguments: Sequence[str]) -> None:
    """Write both files."""
    path = Path(arguments[0]) / "validation" / "silicon_dev.csv"
    recipes, calibration = fit(read_table(path))
    write_atomically(DATA / "calibration_parameters.csv", parameters_csv(recipes))
    text = calibration_json(calibration, source=SOURCE, as_of="2026-04-28")
    write_atomically(DATA / "calibration.json", text)


if __name__ == "__main__":
    main(sys.argv[1:])
