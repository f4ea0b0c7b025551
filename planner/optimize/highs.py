"""HiGHS, straight from arrays: deterministic (one thread, fixed seed, stops by gap and nodes), interruptible.

The clock is only a guard: reaching it means `stopped`, never a different answer that looks finished.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from planner.errors import NoAnswer
from planner.optimize.arrays import Arrays
from planner.optimize.problem import Floats

Ended = Literal["optimal", "stopped", "infeasible", "failed"]
LARGEST = 1e3
"""Coefficients and bounds of real columns are scaled down to about this."""
LARGEST_PRESOLVED = 1e5
"""With loads of 1e6 units the presolve of HiGHS 1.15.1 returns every count at its upper bound as optimal."""


@dataclass(frozen=True, slots=True)
class Stops:
    """When to stop: at `proof_gap`; or at `gap` once `nodes_within_gap` nodes are spent; or at `nodes`.

    Small models are thereby solved to the proof and large ones to the gap asked for, both independent of the
    machine's speed.
    """

    gap: float = 0.01
    proof_gap: float = 1e-7
    nodes_within_gap: int = 300
    nodes: int = 200_000
    seconds: float | None = 20.0
    threads: int = 1
    presolve: bool = True


@dataclass(frozen=True, eq=False)
class Answer:
    """What a solver returned, unjudged. `values` is None without an incumbent; `bound` may be -inf."""

    ended: Ended
    values: Floats | None
    bound: float
    nodes: int = 0
    interrupted: bool = False


def run(arrays: Arrays, stops: Stops) -> Answer:
    """Solve. Ctrl-C ends the search and keeps its best plan."""
    import highspy

    solver: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    scaled, columns, scale = near_one(arrays)
    if np.abs(arrays.coefficients).max(initial=0.0) > LARGEST_PRESOLVED:
        stops = replace(stops, presolve=False)
    _set_options(solver, stops)
    if solver.passModel(_lp(scaled)) == highspy.HighsStatus.kError:
        raise NoAnswer("the solver refused the model: a coefficient or bound is not a number it can use")
    with _ctrl_c_noted() as noted:
        _watch(solver, stops, noted)
        solver.run()
        interrupted = noted()
    answer = _answer(solver, interrupted, mixed=bool(arrays.integer.any()))
    values = None if answer.values is None else answer.values * columns
    return replace(answer, values=values, bound=answer.bound * scale)


def near_one(arrays: Arrays) -> tuple[Arrays, Floats, float]:
    """The model with coefficients near 1, the factor of each column's values, and that of the objective.

    Tolerances are absolute. Powers of two, so that no digit is lost; integer columns keep their unit.
    """
    column = np.where(~arrays.integer & np.isfinite(arrays.upper), _power(arrays.upper / LARGEST), 1.0)
    coefficients = arrays.coefficients * np.repeat(column, np.diff(arrays.starts))
    largest = np.ones(len(arrays.row_lower))
    np.maximum.at(largest, arrays.rows, np.abs(coefficients))
    row = 1.0 / _power(largest / LARGEST)
    cost = arrays.cost * column
    scale = float(2.0 ** np.round(np.log2(np.median(cost[cost > 0])))) if (cost > 0).any() else 1.0
    scaled = replace(
        arrays,
        cost=cost / scale,
        upper=arrays.upper / column,
        coefficients=coefficients * row[arrays.rows],
        row_lower=arrays.row_lower * row,
        row_upper=arrays.row_upper * row,
    )
    return scaled, column, scale


def _power(ratio: Floats) -> Floats:
    """Power of two near the ratio where it is above 1, else 1."""
    return np.asarray(2.0 ** np.round(np.log2(np.maximum(ratio, 1.0))), float)


def _lp(arrays: Arrays) -> Any:
    import highspy

    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(arrays.cost), len(arrays.row_lower)
    lp.col_cost_ = arrays.cost
    lp.col_lower_, lp.col_upper_ = arrays.lower, arrays.upper
    lp.row_lower_, lp.row_upper_ = arrays.row_lower, arrays.row_upper
    kinds = np.array([highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger], object)
    lp.integrality_ = kinds[arrays.integer.astype(int)].tolist()
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_ = arrays.starts
    lp.a_matrix_.index_ = arrays.rows
    lp.a_matrix_.value_ = arrays.coefficients
    return lp


def _set_options(solver: Any, stops: Stops) -> None:
    options: dict[str, object] = {
        "output_flag": False,
        "threads": stops.threads,
        "parallel": "off" if stops.threads == 1 else "on",
        "random_seed": 0,
        "presolve": "on" if stops.presolve else "off",
        "mip_rel_gap": min(stops.gap, stops.proof_gap),
        "mip_abs_gap": 1e-9,
        "mip_max_nodes": stops.nodes,
        # The default 1e-6 lets a share of 1e-6 live on no unit: tests/planner/optimize/test_pitfalls.py
        "mip_feasibility_tolerance": 1e-8,
        "primal_feasibility_tolerance": 1e-8,
    }
    if stops.seconds is not None:
        options["time_limit"] = float(stops.seconds)
    for name, value in options.items():
        solver.setOptionValue(name, value)


def _watch(solver: Any, stops: Stops, noted: Callable[[], bool]) -> None:
    """Let the search end by Ctrl-C, or within the gap once enough nodes were spent on the proof."""

    def on_node(event: Any) -> None:
        out = event.data_out
        primal, dual = out.mip_primal_bound, out.mip_dual_bound
        within = np.isfinite(primal) and primal - dual <= stops.gap * abs(primal)
        event.data_in.user_interrupt = noted() or (within and out.mip_node_count >= stops.nodes_within_gap)

    def on_iteration(event: Any) -> None:
        event.data_in.user_interrupt = noted()

    solver.cbMipInterrupt.subscribe(on_node)
    solver.cbSimplexInterrupt.subscribe(on_iteration)


@contextmanager
def _ctrl_c_noted() -> Iterator[Callable[[], bool]]:
    """Within the block Ctrl-C is noted, not raised: an exception cannot cross the solver's C++ frames."""
    seen = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield seen.is_set
        return
    before = signal.signal(signal.SIGINT, lambda *_: seen.set())
    try:
        yield seen.is_set
    finally:
        signal.signal(signal.SIGINT, before)


def _answer(solver: Any, interrupted: bool, *, mixed: bool) -> Answer:
    import highspy

    status, info = solver.getModelStatus(), solver.getInfo()
    ended = _endings(highspy.HighsModelStatus).get(status, "stopped")
    has_values = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
    values = np.asarray(solver.getSolution().col_value, float) if has_values else None
    if mixed:
        bound = float(info.mip_dual_bound)
    else:
        bound = float(info.objective_function_value) if ended == "optimal" else -np.inf
    nodes = max(int(info.mip_node_count), 0)
    return Answer(ended, values, bound, nodes, interrupted)


def _endings(status: Any) -> dict[Any, Ended]:
    return {
        status.kOptimal: "optimal",
        status.kModelEmpty: "optimal",
        status.kInfeasible: "infeasible",
        status.kUnboundedOrInfeasible: "infeasible",
        status.kSolveError: "failed",
        status.kPresolveError: "failed",
        status.kPostsolveError: "failed",
        status.kModelError: "failed",
        status.kLoadError: "failed",
    }
