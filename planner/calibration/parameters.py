"""The constants of each engine, fitted: few, named, with units and a reason.

Robust least squares of the log error (soft L1, so that mislabelled rows do not steer), first TPOT's
constants, then TTFT's. Terms that did not improve the error of left-out model families are not here
(`docs/performance-model.md` lists them).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from planner.calibration.points import Curve
from planner.estimate.recipes import RECIPES, Recipe

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A fitted field of `Recipe`; `scale` is its order of magnitude, `most` its upper bound."""

    name: str
    quantity: str  # what it is fitted on: tpot | ttft
    unit: str
    scale: float
    most: float
    reason: str
    fitted: bool = True


PARAMETERS: tuple[Parameter, ...] = (
    Parameter("host_s_per_layer", "tpot", "s", 1e-5, 2e-4,
              "launch gaps and small kernels between the measured ops"),
    Parameter("host_s_per_sequence", "tpot", "s", 1e-5, 1e-4,
              "scheduling, sampling and output handling per running request and step"),
    Parameter("lockstep_share", "tpot", "1", 1.0, 1.0,
              "part of the prefill interference felt when all lengths are equal"),
    Parameter("first_token_s", "ttft", "s", 1e-2, 0.1,
              "request parsing and tokenising before the first step"),
    Parameter("stream_steps", "ttft", "steps", 1.0, 12.0,
              "scheduling and output polling between the first token and the client"),
    Parameter("lockstep_stream_steps", "ttft", "steps", 1.0, 12.0,
              "the same when all lengths are equal (those runs used another client)"),
    Parameter("lockstep_wave", "ttft", "1", 0.1, 1.0,
              "part of the other requests' prefills in TTFT when all lengths are equal"),
    Parameter("lockstep_steps", "ttft", "steps", 1.0, 4.0, "mixed steps before the first token when all lengths "
              "are equal: requests end together, so prompts queue; 2.3 to 2.7 on every engine alone", fitted=False),
)  # fmt: skip
SOFT = {"tpot": 0.10, "ttft": 0.15}  # log errors beyond this count linearly


def fit_recipes(curves: Sequence[Curve], start: Mapping[str, Recipe] = RECIPES) -> dict[str, Recipe]:
    """Recipes whose fitted constants suit `curves`; engines without curves keep theirs."""
    recipes = dict(start)
    for engine in start:
        own = [c for c in curves if c.case.engine == engine]
        if own:
            for quantity in ("tpot", "ttft"):
                recipes[engine] = _fit(own, recipes[engine], quantity)
    return recipes


def _fit(curves: Sequence[Curve], recipe: Recipe, quantity: str) -> Recipe:
    from scipy.optimize import least_squares

    chosen = [p for p in PARAMETERS if p.quantity == quantity and p.fitted]

    def with_values(values: Array) -> Recipe:
        found: dict[str, Any] = {p.name: float(v) * p.scale for p, v in zip(chosen, values, strict=True)}
        return replace(recipe, **found)

    def misses(values: Array) -> Array:
        tried, which = with_values(values), 0 if quantity == "tpot" else 1
        return np.concatenate([c.log_errors(tried)[which] for c in curves])

    top = np.array([p.most / p.scale for p in chosen])
    at = np.clip([getattr(recipe, p.name) / p.scale for p in chosen], 0.01 * top, 0.99 * top)
    found = least_squares(
        misses, at, loss="soft_l1", f_scale=SOFT[quantity], bounds=(0.0, top), diff_step=1e-3, xtol=1e-4
    )
    return with_values(found.x)


def parameters_csv(recipes: Mapping[str, Recipe]) -> str:
    """Text of `data/calibration_parameters.csv`."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["engine", "name", "value", "unit", "reason"])
    for engine, recipe in recipes.items():
        for p in PARAMETERS:
            writer.writerow([engine, p.name, f"{getattr(recipe, p.name):.4g}", p.unit, p.reason])
    return out.getvalue()
