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
    pooled: bool = False  # engines' values are pulled towards their mean


PARAMETERS: tuple[Parameter, ...] = (
    Parameter("host_s_per_layer", "tpot", "s", 1e-5, 2e-4,
              "launch gaps and small kernels between the measured ops", pooled=True),
    Parameter("host_s_per_sequence", "tpot", "s", 1e-5, 1e-4,
              "scheduling, sampling and output handling per running request and step", pooled=True),
    Parameter("lockstep_share", "tpot", "1", 0.3, 1.0,
              "part of the prefill interference felt when all lengths are equal", pooled=True),
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
STEP = 1e-3  # of a value, for slopes
POOL = 20.0  # a value one scale away from the engines' mean weighs as much as POOL^2 rows that are SOFT off
SOFT = {"tpot": 0.10, "ttft": 0.15}  # log errors beyond this count linearly


def fit_recipes(curves: Sequence[Curve], start: Mapping[str, Recipe] = RECIPES) -> dict[str, Recipe]:
    """Recipes whose fitted constants suit `curves`; engines without curves keep theirs."""
    by_engine = {engine: [c for c in curves if c.case.engine == engine] for engine in start}
    recipes = {engine: recipe for engine, recipe in start.items() if by_engine[engine]}
    for quantity in ("tpot", "ttft"):
        recipes = _fit(by_engine, recipes, quantity)
    return {**start, **recipes}


def _fit(
    curves: Mapping[str, Sequence[Curve]], recipes: Mapping[str, Recipe], quantity: str
) -> dict[str, Recipe]:
    """All engines at once, since pooled constants share a mean."""
    from scipy.linalg import block_diag
    from scipy.optimize import least_squares

    chosen = [p for p in PARAMETERS if p.quantity == quantity and p.fitted]
    which, soft = (0 if quantity == "tpot" else 1), SOFT[quantity]
    pool = np.array([POOL * soft if p.pooled else 0.0 for p in chosen])

    def recipe(engine: str, values: Array) -> Recipe:
        found: dict[str, Any] = {p.name: float(v) * p.scale for p, v in zip(chosen, values, strict=True)}
        return replace(recipes[engine], **found)

    def misses(engine: str, values: Array) -> Array:
        tried = recipe(engine, values)
        off = np.concatenate([c.log_errors(tried)[which] for c in curves[engine]])
        return np.asarray(
            np.sign(off) * soft * np.sqrt(2.0 * (np.sqrt(1.0 + (off / soft) ** 2) - 1.0))
        )  # soft L1

    def residuals(flat: Array) -> Array:
        values = flat.reshape(len(recipes), -1)
        apart = pool * (values - values.mean(axis=0))
        return np.concatenate([*(misses(e, v) for e, v in zip(recipes, values, strict=True)), apart.ravel()])

    def slopes(flat: Array) -> Array:
        """Each engine's errors depend on its own constants only; the pull towards the mean on all."""
        values, n = flat.reshape(len(recipes), -1), len(chosen)
        blocks = []
        for engine, own in zip(recipes, values, strict=True):
            at, step = misses(engine, own), STEP * np.maximum(own, STEP)
            blocks.append(np.column_stack([(misses(engine, own + step[k] * np.eye(n)[k]) - at) / step[k]
                                           for k in range(n)]))  # fmt: skip
        centre = np.eye(len(recipes)) - 1.0 / len(recipes)
        return np.vstack([block_diag(*blocks), np.kron(centre, np.diag(pool))])

    top = np.array([p.most / p.scale for p in chosen])
    at = [
        np.clip([getattr(r, p.name) / p.scale for p in chosen], 0.01 * top, 0.99 * top)
        for r in recipes.values()
    ]
    found = least_squares(
        residuals, np.concatenate(at), jac=slopes, bounds=(0.0, np.tile(top, len(recipes))), xtol=1e-4
    )
    return {e: recipe(e, v) for e, v in zip(recipes, found.x.reshape(len(recipes), -1), strict=True)}


def parameters_csv(recipes: Mapping[str, Recipe]) -> str:
    """Text of `data/calibration_parameters.csv`."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["engine", "name", "value", "unit", "reason"])
    for engine, recipe in recipes.items():
        for p in PARAMETERS:
            writer.writerow([engine, p.name, f"{getattr(recipe, p.name):.4g}", p.unit, p.reason])
    return out.getvalue()
