"""The same arrays through PuLP to any solver it knows (CBC, Gurobi, CPLEX, COPT ...): a second opinion."""

from __future__ import annotations

from typing import Any

import numpy as np

from planner.errors import InputError, did_you_mean
from planner.optimize.arrays import Arrays
from planner.optimize.highs import Answer, Ended, Stops


def run(arrays: Arrays, stops: Stops, *, solver: str | None = None) -> Answer:
    """Solve with the solver PuLP calls `solver`, by default the CBC in its box.

    PuLP says "Optimal" for a time-limited incumbent too, and CBC may hand back a fractional relaxation: read
    `sol_status`, trust nothing else, and claim a bound only for a proven end.
    """
    problem, columns = _translated(arrays)
    problem.solve(_solver(solver, stops))
    ended = _ending(problem.status, problem.sol_status)
    if ended == "infeasible" or any(v.varValue is None for v in columns):
        return Answer(ended, None, -np.inf)
    values = np.array([v.varValue for v in columns], float)
    whole = np.abs(values - np.rint(values))[arrays.integer].max(initial=0.0) < 1e-5
    bound = float(arrays.cost @ values) * (1 - stops.proof_gap) if ended == "optimal" and whole else -np.inf
    return Answer(ended, values if whole else None, bound)


def _translated(arrays: Arrays) -> tuple[Any, list[Any]]:
    import pulp

    problem = pulp.LpProblem("placement", pulp.LpMinimize)
    kinds = np.where(arrays.integer, pulp.LpInteger, pulp.LpContinuous)
    columns = [
        problem.add_variable(f"v{j}", low, None if np.isinf(high) else high, str(kind))
        for j, (low, high, kind) in enumerate(zip(arrays.lower, arrays.upper, kinds, strict=True))
    ]
    problem += pulp.LpAffineExpression(zip(columns, arrays.cost.tolist(), strict=True))
    for expression, low, high in zip(
        _row_expressions(arrays, columns), arrays.row_lower, arrays.row_upper, strict=True
    ):
        if low == high:
            problem += expression == low
        elif np.isfinite(high):
            problem += expression <= high
        if low < high and np.isfinite(low):
            problem += expression >= low
    return problem, columns


def _row_expressions(arrays: Arrays, columns: list[Any]) -> list[Any]:
    import pulp

    terms: list[list[tuple[Any, float]]] = [[] for _ in arrays.row_lower]
    of_column = np.repeat(np.arange(len(columns)), np.diff(arrays.starts))
    for row, column, value in zip(
        arrays.rows.tolist(), of_column.tolist(), arrays.coefficients.tolist(), strict=True
    ):
        terms[row].append((columns[column], value))
    return [pulp.LpAffineExpression(row) for row in terms]


def _solver(name: str | None, stops: Stops) -> Any:
    import pulp
    from pulp.apis.coin_api import pulp_cbc_path

    limits = {"msg": False, "timeLimit": stops.seconds, "gapRel": stops.proof_gap}
    if name is None:
        # Told to use one thread, CBC starts one and now and then waits ten seconds for it; untold, it has none.
        threads = stops.threads if stops.threads > 1 else None
        return pulp.COIN_CMD(path=pulp_cbc_path, threads=threads, presolve=stops.presolve, **limits)
    known = pulp.listSolvers()
    if name not in known:
        raise InputError(f"engine: PuLP has no solver {name!r}", hint=did_you_mean(name, known))
    return pulp.getSolver(name, **limits)


def _ending(status: int, sol_status: int) -> Ended:
    import pulp

    if status == pulp.LpStatusInfeasible:  # CBC's sol_status then is "no solution found", as after a limit
        return "infeasible"
    endings: dict[int, Ended] = {
        pulp.LpSolutionOptimal: "optimal",
        pulp.LpSolutionIntegerFeasible: "stopped",
        pulp.LpSolutionNoSolutionFound: "stopped",
        pulp.LpSolutionInfeasible: "infeasible",
    }
    return endings.get(sol_status, "failed")
