"""Measurements beside their physics, ready to fit: one evaluation per curve, served under any recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from planner.calibration.groups import Subject
from planner.errors import PlannerError
from planner.estimate.evaluate import Evaluation, queueing_limit
from planner.estimate.recipes import RECIPES, Recipe
from planner.estimate.serving import Served, Steps, serve
from planner.models import resolve_model
from planner.profiles.store import Profiles
from planner.validate.accuracy import distinct
from planner.validate.cases import Case
from planner.validate.formats import Table
from planner.validate.predict import evaluate_case, subject_of
from planner.validate.score import REPEAT_DECIMALS, measurement_key

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Curve:
    """One configuration measured at several batch sizes, its answers and its evaluation."""

    case: Case
    subject: Subject
    rows: tuple[int, ...]  # of the table
    batch: Array  # rising; repeats of a point are several rows
    ttft_ms: Array
    tpot_ms: Array
    evaluation: Evaluation

    def served(self, recipe: Recipe) -> Served:
        """All batch sizes of the evaluation under other engine constants; the op times stay."""
        e, new = self.evaluation, replace(self.evaluation.setup, recipe=recipe)
        at = e.step.steps.batch
        change = np.zeros_like(at)
        if e.setup.cuda_graphs:
            change += (recipe.host_s_per_layer - e.setup.recipe.host_s_per_layer) * e.model.num_layers
        change = change + (recipe.host_s_per_sequence - e.setup.recipe.host_s_per_sequence) * at
        steps = e.step.steps
        steps = Steps(steps.batch, steps.decode + change, steps.mixed + change, steps.prefill)
        limit = queueing_limit(e.memory, e.running_limit)
        return serve(steps, new, output_tokens=e.lengths.output_tokens, ranks=e.layout.dp, max_running=limit)

    def log_errors(self, recipe: Recipe) -> tuple[Array, Array]:
        """ln(measured / predicted) of TPOT and TTFT."""
        tpot, ttft = self.physics_ms(recipe)
        return np.log(self.tpot_ms / tpot), np.log(self.ttft_ms / ttft)

    def physics_ms(self, recipe: Recipe) -> tuple[Array, Array]:
        """Predicted TPOT and TTFT at the curve's batch sizes."""
        served = self.served(recipe)
        at = np.searchsorted(served.batch, self.batch)
        return 1e3 * served.tpot_s[at], 1e3 * served.ttft_s[at]


def curves_of(table: Table, profiles: Profiles) -> list[Curve]:
    """Curves of the distinct rows that are answered and physically possible."""
    rows: dict[Case, list[int]] = {}
    for i in np.flatnonzero(distinct(table)).tolist():
        case = table.questions[i].case
        if case is not None:
            rows.setdefault(case, []).append(i)
    found = (_curve(case, index, table, profiles) for case, index in rows.items())
    return [curve for curve in found if curve is not None]


def _curve(case: Case, rows: Sequence[int], table: Table, profiles: Profiles) -> Curve | None:
    index = tuple(sorted(rows, key=lambda i: table.questions[i].batch))
    batch = np.array([table.questions[i].batch for i in index])
    try:
        evaluation = evaluate_case(case, np.unique(batch), profiles)
    except PlannerError:
        return None
    ttft, tpot = (np.array([getattr(table.measured[i], f"{q}_ms") for i in index]) for q in ("ttft", "tpot"))
    return Curve(case, subject_of(case, evaluation), index, batch, ttft, tpot, evaluation)


def joined(curves: Sequence[Curve]) -> list[int]:
    """Component of each curve: curves that share a measurement stay together in every split."""
    owner: dict[object, int] = {}
    parent = list(range(len(curves)))

    def root(i: int) -> int:
        while parent[i] != i:
            i = parent[i]
        return i

    for i, curve in enumerate(curves):
        for ttft, tpot in zip(curve.ttft_ms.tolist(), curve.tpot_ms.tolist(), strict=True):
            family = resolve_model(curve.case.model).family
            key = measurement_key(family, curve.case.gpu, ttft, tpot, decimals=REPEAT_DECIMALS)
            parent[root(i)] = root(owner.setdefault(key, i))
    return [root(i) for i in range(len(curves))]


def recipe_of(curve: Curve, recipes: Mapping[str, Recipe] = RECIPES) -> Recipe:
    """Constants of the curve's engine."""
    return recipes[curve.case.engine]


def subset(curve: Curve, index: NDArray[np.int64]) -> Curve:
    """The curve at some of its points; the evaluation keeps all."""
    return replace(
        curve, rows=tuple(curve.rows[i] for i in index.tolist()), batch=curve.batch[index],
        ttft_ms=curve.ttft_ms[index], tpot_ms=curve.tpot_ms[index],
    )  # fmt: skip
