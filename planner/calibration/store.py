"""The calibration at rest: measured residuals, their weights, and how wide the intervals must be."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from planner.calibration.field import Field, Prior
from planner.calibration.groups import AXES, Context
from planner.calibration.priors import QUANTITIES
from planner.errors import DataError

SCHEMA = "planner.calibration/1"
Widths = Mapping[str, tuple[float, float]]  # class -> half widths of 80 % and 95 %, in standard deviations
AllWidths = Mapping[tuple[str, str], Widths]  # (engine, quantity) -> widths


@dataclass(frozen=True, slots=True)
class Calibration:
    """Residual fields and interval widths by engine and quantity, and the report of the fit."""

    fields: Mapping[tuple[str, str], Field]
    widths: AllWidths
    report: Mapping[str, Any] = field(default_factory=dict)
    digest: str = ""
    own_points: int = 0  # of a user, beside what is shipped

    def field(self, engine: str, quantity: str) -> Field | None:
        """Residuals of one quantity of one engine, None where nothing was measured."""
        return self.fields.get((engine, quantity))


def width_for(widths: Widths, family: str, *, known: bool) -> tuple[float, float]:
    """Half widths for one configuration; a measured family has its own."""
    return widths.get(f"known {family}", widths["known"]) if known else widths["new"]


@cache
def load_calibration() -> Calibration:
    """The shipped calibration; a few milliseconds, once."""
    return read_calibration((files("planner") / "data" / "calibration.json").read_text(encoding="utf-8"))


def read_calibration(text: str, *, path: Path | str | None = None) -> Calibration:
    """Calibration of a JSON document; DataError where it is not one."""
    try:
        data = json.loads(text)
        if data["schema"] != SCHEMA:
            raise DataError(f"schema: {data['schema']!r} is not {SCHEMA}", path=path)
        priors = {q: Prior(**data["priors"][q]) for q in QUANTITIES}
        fields: dict[tuple[str, str], Field] = {}
        widths: dict[tuple[str, str], Widths] = {}
        for engine, part in data["engines"].items():
            contexts = tuple(tuple(c) for c in part["contexts"])
            x = np.log(np.array([part["axes"][name] for name in AXES], float)).T
            at = np.array(part["context"], np.int64)
            for q in QUANTITIES:
                columns = (np.array(part[q][name], float) for name in ("residual", "weight", "pull"))
                fields[engine, q] = Field(priors[q], contexts, at, x, *columns)
                widths[engine, q] = {k: (v[0], v[1]) for k, v in part[q]["widths"].items()}
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise DataError(f"not a calibration: {error!r}", path=path) from None
    return Calibration(fields, widths, data["report"], digest_of(text))


def calibration_json(calibration: Calibration, *, source: str, as_of: str) -> str:
    """Document of a calibration: one line per column, so that differences can be read."""
    engines: dict[str, Any] = {}
    for (engine, q), f in calibration.fields.items():
        part = engines.setdefault(engine, {"contexts": [_plain(c) for c in f.contexts]})
        part["context"] = f.context.tolist()
        axes = np.exp(f.x).T
        part["axes"] = {
            name: [float(f"{v:.6g}") for v in column] for name, column in zip(AXES, axes, strict=True)
        }
        part[q] = {
            "residual": _short(f.residual, 4), "weight": _short(f.weight, 3), "pull": _short(f.pull, 4),
            "widths": {k: list(v) for k, v in calibration.widths[engine, q].items()},
        }  # fmt: skip
    some = next(iter(engines))
    body = {
        "schema": SCHEMA,
        "priors": {q: asdict(calibration.fields[some, q].prior) for q in QUANTITIES},
        "source": source,
        "as_of": as_of,
        "report": calibration.report,
        "engines": engines,
    }
    return json.dumps(body, separators=(",", ":"), sort_keys=True).replace('],"', '],\n"') + "\n"


def digest_of(text: str) -> str:
    """SHA-256 of the document."""
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(context: Context) -> list[object]:
    return list(context)


def _short(values: np.ndarray[Any, np.dtype[np.float64]], digits: int) -> list[float]:
    return [float(f"{v:.{digits}g}") for v in values.tolist()]
