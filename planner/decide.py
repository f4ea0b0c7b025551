"""From a scenario to a decision: offers, configurations, options, problem, solution."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from planner.calibration.store import Calibration, load_calibration
from planner.errors import ScenarioError, did_you_mean
from planner.optimize.problem import Decision, Floats, Problem
from planner.optimize.solve import solve
from planner.options.build import problem_of
from planner.options.columns import Column, columns_of
from planner.options.configurations import Configurations, engines_for
from planner.options.hosted import HostedApi, HostedOption, asked_on, hosted_apis, hosted_options
from planner.options.offers import Considered, consider
from planner.options.owned import owned_offers
from planner.options.periods import Slice, slices
from planner.options.table import Option, Ways, options_of, ways_of
from planner.pricing.catalog import Catalog
from planner.pricing.offer import Offer
from planner.profiles.errors import ProfileError
from planner.profiles.gpus import resolve_gpu
from planner.profiles.store import Profiles
from planner.scenario import Constraints, Scenario

DEFAULT_GAP = 0.01
DEFAULT_TIME_LIMIT_S = 20.0
Progress = Callable[[str], None]
Solver = Callable[[Problem], Decision]


@dataclass(frozen=True, eq=False)
class Decided:
    """Everything the answer is made of, in the order it came about."""

    scenario: Scenario
    considered: Considered
    slices: tuple[Slice, ...]
    ways: tuple[Ways, ...]
    options: tuple[Option, ...]
    refused_offers: tuple[dict[str, list[str]], ...]  # per workload: reason -> offers
    configurations: Configurations  # with its counts of (reason, GPU) refused
    columns: tuple[Column, ...]
    problem: Problem
    decision: Decision
    hosted: tuple[HostedOption, ...] = ()
    """The last options of the problem, behind those of `columns`."""


def market(scenario: Scenario, catalog: Catalog) -> tuple[Offer, ...]:
    """All offers of GPUs in the question: the snapshot, own prices over it, owned hardware."""
    own = [row for row in scenario.prices if row.term != "api"]
    priced = catalog.with_own_prices(own) if own else catalog
    return (*priced.offers, *owned_offers(scenario.owned))


def decide(
    scenario: Scenario,
    catalog: Catalog,
    profiles: Profiles,
    *,
    gap: float | None = None,
    time_limit_s: float | None = None,
    on_progress: Progress = lambda message: None,
    calibration: Calibration | None = None,
    like: Decided | None = None,
    solver: Solver | None = None,
) -> Decided:
    """Decide one scenario; an infeasible one has `decision.status == "infeasible"`.

    `calibration` is the shipped one unless given. `like` is an earlier decision: its calibration holds, and its
    evaluations are used again where kernels and engines are the same. `solver` takes the place of `solve` with
    its gap and time limit.

    Raises ScenarioError for constraints that name nothing, NoAnswer when the solver's limits ended first.
    """
    limits, offers = scenario.constraints, market(scenario, catalog)
    apis = hosted_apis(scenario, at=asked_on(catalog.offers))
    _check_names(limits, offers, apis)
    _check_context(scenario)
    considered = consider(offers, limits)
    workloads = tuple(scenario.workloads.values())
    most = _largest(considered.offers)
    on_progress(f"estimating {len(most)} GPU models for {len(workloads)} workload(s)")
    known = like.configurations.calibration if like is not None else calibration or load_calibration()
    configurations = Configurations(profiles, limits.kernels, engines_for(limits.engines), known)
    if like is not None and like.configurations.same_stack(configurations):
        configurations = like.configurations.uncounted()
    ways = tuple(
        ways_of(w, configurations, tuple(sorted(most)), most, quantile=limits.quantile) for w in workloads
    )
    found = [options_of(i, way, considered.offers) for i, way in enumerate(ways)]
    options = tuple(option for some, _ in found for option in some)
    by_token = [hosted_options(i, w, apis, limits) for i, w in enumerate(workloads)]
    hosted = tuple(option for some, _ in by_token for option in some)
    months = slices([w.demand for w in workloads], [w.deadline_hours for w in workloads])
    columns = tuple(columns_of(options, months))
    problem = problem_of(ways, columns, months, limits, hosted, scenario.owned)
    on_progress(f"choosing among {len(problem.options)} options")
    gap = DEFAULT_GAP if gap is None else gap
    seconds = DEFAULT_TIME_LIMIT_S if time_limit_s is None else time_limit_s
    decision = solver(problem) if solver else solve(problem, gap=gap, time_limit_s=seconds)
    if decision.status != "infeasible":
        decision = replace(decision, shares=balanced(problem, decision))
    refused = tuple({**gpu, **api} for (_, gpu), (_, api) in zip(found, by_token, strict=True))
    return Decided(scenario, considered, months, ways, options, refused, configurations, columns,
                   problem, decision, hosted)  # fmt: skip


def balanced(problem: Problem, decision: Decision) -> Floats:
    """[K, O]: each class's load spread over its units in proportion to what they can carry, as a router would.

    The optimization only needs some split that fits; an even one keeps every unit equally far from its
    limit. Options that the same caps count (spot, a seller) keep their total, so that every cap still holds.
    """
    shares = decision.shares.copy()
    marks = np.vstack([problem.is_spot, problem.is_hosted, *(cap.mask for cap in problem.share_caps)])
    _, sides = np.unique(marks, axis=1, return_inverse=True)
    for k in range(len(problem.classes)):
        able = problem.eligible[k] & (decision.units > 0)
        for side in (sides == s for s in range(sides.max(initial=-1) + 1)):
            room = np.where(able & side, decision.units * problem.capacity_per_s[k], 0.0)
            if room.sum() > 0:
                shares[k] = np.where(side, shares[k][side].sum() * room / room.sum(), shares[k])
    return shares


def _largest(offers: Sequence[Offer]) -> dict[str, int]:
    """Most GPUs in one instance, by GPU."""
    most: dict[str, int] = {}
    for offer in offers:
        most[offer.gpu] = max(most.get(offer.gpu, 0), int(offer.gpu_count))
    return most


def _check_names(limits: Constraints, offers: Sequence[Offer], apis: Sequence[HostedApi]) -> None:
    """Sellers, GPUs and region patterns must name something: a misspelt limit must not pass for a strict one."""
    known = {o.seller for o in offers} | {api.seller for api in apis}
    named = [("sellers", s) for s in limits.sellers or ()] + [
        ("quotas", q.seller) for q in limits.quotas if q.seller
    ]
    for field, seller in named:
        if seller not in known and seller != "owned":
            raise ScenarioError(
                f"constraints.{field}: {seller!r} sells nothing here",
                hint=did_you_mean(seller, known) or "see `planner prices show`",
            )
    for name in limits.gpus or ():
        try:
            resolve_gpu(name)
        except ProfileError as error:
            raise ScenarioError(f"constraints.gpus: {error}") from None
    regions = {o.region or "" for o in offers}
    for pattern in limits.regions or ():
        from fnmatch import fnmatchcase

        if not any(fnmatchcase(r.casefold(), pattern.casefold()) for r in regions):
            raise ScenarioError(f"constraints.regions: {pattern!r} matches no region",
                                hint=did_you_mean(pattern, regions) or "see `planner prices show`")  # fmt: skip


def _check_context(scenario: Scenario) -> None:
    """A mean request must fit the model's context; the longest ones are the user's to truncate."""
    for name, w in scenario.workloads.items():
        tokens, most = w.input_tokens.mean + w.output_tokens.mean, w.shape.max_context
        if most and tokens > most:
            raise ScenarioError(
                f"workloads.{name}.input_tokens: {tokens:,.0f} tokens of a mean request exceed the context of "
                f"{w.shape.name}, {most:,}", hint="shorten the requests or choose another model",
            )  # fmt: skip
