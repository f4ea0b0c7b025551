"""The bare allocation core: rates, throughputs and prices in, the cheapest fleet out."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from numbers import Integral, Real
from types import MappingProxyType
from typing import NoReturn

import numpy as np

from planner.errors import Infeasible, InputError, did_you_mean
from planner.optimize.highs import Stops
from planner.optimize.problem import Decision, Limits, Problem, Splitting, Status
from planner.optimize.solve import solve

EXACT = Stops(gap=1e-5, proof_gap=1e-9, nodes_within_gap=5_000_000, nodes=5_000_000, seconds=None)
"""Search for the full proof; what fleets of millions of units leave open is called within_gap up to 1e-5."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """Units per type, share of each class per type (0 left out of neither), USD per hour, and the proof."""

    counts: Mapping[str, int]
    shares: Mapping[str, Mapping[str, float]]
    cost: float
    bound: float
    gap: float
    status: Status
    seconds: float


def size_fleet(
    rates: Mapping[str, float],
    throughput: Mapping[str, Mapping[str, float]],
    prices: Mapping[str, float],
    *,
    splitting: Splitting,
    availability: Mapping[str, int] | None = None,
    budget_usd_per_hour: float | None = None,
    time_limit_s: float | None = None,
) -> Fleet:
    """Cheapest whole numbers of units that serve every class, proven (gap 0) unless time runs out.

    `rates[class]` in requests/s; `throughput[class][type]` requests/s of one unit serving only that class (0
    or absent = not eligible); `prices[type]` USD per unit-hour. A unit serving several classes gives each a
    part of its time. `splitting`: "continuous", or S = each class is cut into S equal pieces, none split.
    Raises InputError for bad input, Infeasible naming what binds, NoAnswer when time ran out without a fleet.

    >>> fleet = size_fleet({"chat": 3.0}, {"chat": {"l4": 1.0, "h100": 4.0}}, {"l4": 0.75, "h100": 2.5},
    ...                    splitting="continuous")
    >>> dict(fleet.counts), fleet.cost
    ({'l4': 3, 'h100': 0}, 2.25)
    """
    began = time.perf_counter()
    availability = availability or {}
    _check_splitting(splitting)
    _check_tables(rates, throughput, prices, availability)
    _check_optional("budget_usd_per_hour", budget_usd_per_hour)
    _check_optional("time_limit_s", time_limit_s)
    limits = Limits(budget_usd_per_hour=budget_usd_per_hour)
    problem = _problem(
        rates, throughput, prices=prices, availability=availability, limits=limits, splitting=splitting
    )
    decision = solve(problem, stops=replace(EXACT, seconds=time_limit_s))
    if decision.status == "infeasible":
        _raise_infeasible(decision)
    return _fleet(problem, decision, time.perf_counter() - began)


def _problem(
    rates: Mapping[str, float],
    throughput: Mapping[str, Mapping[str, float]],
    *,
    prices: Mapping[str, float],
    availability: Mapping[str, int],
    limits: Limits,
    splitting: Splitting,
) -> Problem:
    """One group, one pool per type."""
    classes, types = tuple(rates), tuple(prices)
    return Problem(
        classes=classes,
        demand_per_s=np.array([rates[k] for k in classes], float),
        class_group=np.zeros(len(classes), np.int64),
        options=types,
        option_group=np.zeros(len(types), np.int64),
        option_pool=np.arange(len(types)),
        capacity_per_s=np.array([[throughput[k].get(m, 0.0) for m in types] for k in classes], float),
        usd_per_hour=np.array([prices[m] for m in types], float),
        is_spot=np.zeros(len(types), bool),
        pool_limit=np.array([availability.get(m, np.inf) for m in types], float),
        limits=limits,
        pools=types,
        splitting=splitting,
    )


def _fleet(problem: Problem, decision: Decision, seconds: float) -> Fleet:
    shares = {
        k: {m: float(decision.shares[i, j]) for j, m in enumerate(problem.options)}
        for i, k in enumerate(problem.classes)
    }
    counts = {m: int(n) for m, n in zip(problem.options, decision.units, strict=True)}
    return Fleet(
        counts=MappingProxyType(counts),
        shares=MappingProxyType({k: MappingProxyType(row) for k, row in shares.items()}),
        cost=math.fsum(n * float(usd) for n, usd in zip(counts.values(), problem.usd_per_hour, strict=True)),
        bound=decision.bound,
        gap=decision.gap,
        status=decision.status,
        seconds=seconds,
    )


def _raise_infeasible(decision: Decision) -> NoReturn:
    binding = [r.limit for r in decision.binding]
    ways = [r.text for r in decision.binding]
    raise Infeasible(
        f"no fleet satisfies the limits; it would take {' or '.join(ways)}", binding=binding, relaxations=ways
    )


def _check_tables(
    rates: Mapping[str, float],
    throughput: Mapping[str, Mapping[str, float]],
    prices: Mapping[str, float],
    availability: Mapping[str, int],
) -> None:
    """Every key known, every number finite and not negative (availability may be infinite)."""
    for name, table in (("rates", rates), ("prices", prices)):
        if not table:
            raise InputError(f"{name}: empty", hint="name at least one class and one type")
        for key, value in table.items():
            _check_number(f"{name}[{key}]", value)
    _check_keys("throughput", throughput, rates, "rates")
    _check_keys("availability", availability, prices, "prices")
    for m, count in availability.items():
        _check_number(f"availability[{m}]", count, finite=False)
    for k in rates:
        if k not in throughput:
            raise InputError(
                f"throughput: no entry for class {k!r}", hint="give 0 where a type cannot serve it"
            )
        _check_keys(f"throughput[{k}]", throughput[k], prices, "prices")
        for m, value in throughput[k].items():
            _check_number(f"throughput[{k}][{m}]", value)


def _check_splitting(splitting: object) -> None:
    flag = isinstance(splitting, bool)
    whole = not flag and isinstance(splitting, Integral) and int(splitting) >= 1
    if splitting != "continuous" and not whole:
        raise InputError(f'splitting: {splitting!r} is neither "continuous" nor a whole number of at least 1')


def _check_keys(name: str, table: Mapping[str, object], known: Mapping[str, object], where: str) -> None:
    for key in table:
        if key not in known:
            hint = did_you_mean(str(key), map(str, known)) or f"known: {', '.join(map(str, known))}"
            raise InputError(f"{name}[{key}]: not in {where}", hint=hint)


def _check_optional(name: str, value: float | None) -> None:
    if value is not None:
        _check_number(name, value)


def _check_number(name: str, value: object, *, finite: bool = True) -> None:
    flag = isinstance(value, bool)
    number = float(value) if not flag and isinstance(value, Real) else math.nan
    if math.isnan(number) or number < 0 or (finite and math.isinf(number)):
        raise InputError(f"{name}: {value!r} is not a number of at least 0")
