"""Write the residual curves: `python -P -m planner.worlds.fit DATA_DIR`, after every new calibration.

Each curve of `DATA_DIR/validation/silicon_dev.csv` is predicted by fits that have not seen it. What is kept is
its error in effective standard deviations of that prediction, at every batch size: the shape and the tails of
being wrong, to be scaled by how unsure another prediction is.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from planner.calibration.points import curves_of
from planner.calibration.priors import QUANTITIES
from planner.calibration.residual import Z80
from planner.calibration.split import LeftOut, left_out
from planner.calibration.store import Calibration, load_calibration, width_for
from planner.files import write_atomically
from planner.profiles.store import load_profiles
from planner.validate.formats import Table, read_table
from planner.worlds.residuals import COLUMNS, FILE, POOLS

PATH = Path(__file__).parents[1] / "data" / FILE


def rows_of(table: Table, calibration: Calibration) -> Iterator[tuple[str, ...]]:
    """Rows of the table, curve after curve in the order of the measurements."""
    curves = curves_of(table, load_profiles())
    for pool, scheme in POOLS.items():
        # What a fit knows of a new combination is another pool's business.
        found = [o for o in left_out(curves, scheme) if o.known == (scheme == "curve")]
        for number, out in enumerate(sorted(found, key=lambda o: o.curve.rows), start=1):
            yield from _curve(pool, number, out, calibration)


def _curve(pool: str, number: int, out: LeftOut, calibration: Calibration) -> Iterator[tuple[str, ...]]:
    s = out.curve.subject
    off = {}
    for q in QUANTITIES:
        half80, _ = width_for(calibration.widths[s.engine, q], s.family, known=out.known)
        off[q] = out.miss(q) * Z80 / (half80 * out.sd[q])
    for batch in np.unique(out.curve.batch):  # repeats of a point are one
        at = out.curve.batch == batch
        values = (f"{float(off[q][at].mean()):.3f}" for q in QUANTITIES)
        yield (pool, f"{s.engine}|{s.family}|{s.system}", str(number), f"{batch:g}", *values)


def main(arguments: Sequence[str]) -> None:
    """Write the table."""
    table = read_table(Path(arguments[0]) / "validation" / "silicon_dev.csv")
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows_of(table, load_calibration()))
    write_atomically(PATH, out.getvalue())


if __name__ == "__main__":
    main(sys.argv[1:])
