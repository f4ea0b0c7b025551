"""Ways to leave measurements out, and what is predicted for them without having seen them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.calibration.field import Field, Prior, fit_field
from planner.calibration.groups import GROUPS, KNOWN
from planner.calibration.parameters import fit_recipes
from planner.calibration.points import Curve, joined, subset
from planner.calibration.priors import PRIORS, QUANTITIES
from planner.estimate.recipes import RECIPES, Recipe

Array = NDArray[np.float64]
FOLDS = 5
_KNOWN = list(GROUPS).index(KNOWN)
SCHEMES: Mapping[str, Callable[[Curve], object] | None] = {
    "curve": None,  # five folds of whole curves, repeats joined
    "model": lambda c: c.subject.family,
    "system": lambda c: c.case.gpu,
    "pair": lambda c: (c.case.model, c.case.gpu, c.case.engine),
}
"""What is left out at a time."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A curve predicted by a fit that has not seen it: physics in log ms, residual mean and sd."""

    curve: Curve
    known: bool
    physics: Mapping[str, Array]
    mean: Mapping[str, Array]
    sd: Mapping[str, Array]

    def miss(self, quantity: str) -> Array:
        """ln(measured / predicted)."""
        measured = self.curve.tpot_ms if quantity == "tpot" else self.curve.ttft_ms
        return np.asarray(np.log(measured) - self.physics[quantity] - self.mean[quantity])


def folds(curves: Sequence[Curve], scheme: str, *, seed: int = 0) -> list[object]:
    """Fold of each curve; curves that share a measurement are in one fold for `curve`."""
    key = SCHEMES[scheme]
    if key is not None:
        return [key(c) for c in curves]
    component = joined(curves)
    order = {
        c: i for i, c in enumerate(np.random.default_rng(seed).permutation(sorted(set(component))).tolist())
    }
    return [order[c] % FOLDS for c in component]


def left_out(
    curves: Sequence[Curve],
    scheme: str,
    *,
    seed: int = 0,
    given: int = 0,
    priors: Mapping[str, Prior] = PRIORS,
) -> Iterator[LeftOut]:
    """Every curve predicted from the others; engine constants are refitted each time.

    `given` points of each left-out group (the middle ones of its curves) are handed back to the residual,
    and not predicted: what one measured run is worth.
    """
    fold = folds(curves, scheme, seed=seed)
    for out in dict.fromkeys(fold):
        train = [c for c, f in zip(curves, fold, strict=True) if f != out]
        test = [c for c, f in zip(curves, fold, strict=True) if f == out]
        recipes = fit_recipes(train) if scheme != "pair" else dict(RECIPES)
        shown = _some(test, given)
        fields = fit_fields([*train, *shown], recipes, priors)
        yield from (_predict(_without(c, shown), recipes, fields) for c in test if _without(c, shown).rows)


def fit_fields(
    curves: Sequence[Curve], recipes: Mapping[str, Recipe], priors: Mapping[str, Prior] = PRIORS
) -> dict[tuple[str, str], Field]:
    """Residual fields of every engine that has curves."""
    fields = {}
    for engine in dict.fromkeys(c.case.engine for c in curves):
        own = [c for c in curves if c.case.engine == engine]
        errors = [c.log_errors(recipes[engine]) for c in own]
        contexts = [c.subject.context for c in own for _ in c.rows]
        x = np.concatenate([c.subject.at(c.batch) for c in own])
        for i, q in enumerate(QUANTITIES):
            fields[engine, q] = fit_field(priors[q], contexts, x, np.concatenate([e[i] for e in errors]))
    return fields


def _predict(curve: Curve, recipes: Mapping[str, Recipe], fields: Mapping[tuple[str, str], Field]) -> LeftOut:
    engine = curve.case.engine
    physics = {q: np.log(ms) for q, ms in zip(QUANTITIES, curve.physics_ms(recipes[engine]), strict=True)}
    context, x = curve.subject.context, curve.subject.at(curve.batch)
    nothing = (np.zeros_like(curve.batch), np.ones_like(curve.batch))
    found = {q: fields[engine, q].at(context, x) if (engine, q) in fields else nothing for q in QUANTITIES}
    field = fields.get((engine, "tpot"))
    known = field is not None and any(c[_KNOWN] == context[_KNOWN] for c in field.contexts)
    return LeftOut(
        curve, known, physics, {q: v[0] for q, v in found.items()}, {q: v[1] for q, v in found.items()}
    )


def _some(curves: Sequence[Curve], given: int) -> list[Curve]:
    """The middle points of the first curves, one each, `given` in all."""
    return [_point(c, len(c.rows) // 2) for c in sorted(curves, key=lambda c: -len(c.rows))[:given]]


def _point(curve: Curve, i: int) -> Curve:
    return subset(curve, np.array([i]))


def _without(curve: Curve, shown: Sequence[Curve]) -> Curve:
    gone = {row for c in shown for row in c.rows}
    return subset(curve, np.array([i for i, row in enumerate(curve.rows) if row not in gone], np.int64))
