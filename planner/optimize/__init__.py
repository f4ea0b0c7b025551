"""The optimization model: problem in, checked decision out. Solvers are imported when one is run."""

from planner.optimize.fleet import Fleet, size_fleet
from planner.optimize.problem import Decision, Limits, LossDomain, Problem, Relaxation, Resource, ShareCap
from planner.optimize.single import SinglePlan, best_per_key, best_single
from planner.optimize.solve import solve, solve_without

__all__ = [
    "Decision",
    "Fleet",
    "Limits",
    "LossDomain",
    "Problem",
    "Relaxation",
    "Resource",
    "ShareCap",
    "SinglePlan",
    "best_per_key",
    "best_single",
    "size_fleet",
    "solve",
    "solve_without",
]
