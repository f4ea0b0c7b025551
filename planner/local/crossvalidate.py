"""Errors on what a fit has not seen, and the intervals that follow from them.

Two ways out: a whole device (rows and microbenchmarks), and whole configurations of known devices in ten
parts. The first is what an unseen device may expect, the second an unseen model on a known device.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.local.query import Query
from planner.local.sample import Figure, Share, configuration
from planner.local.solve import Sample, Shares, log_errors, solve
from planner.local.terms import Effects, Floats

PARTS = 10
COVERAGE = 0.8
LEAST_ROWS = 30
"""Rows below which a group's own quantiles are not trusted and the pooled ones are used."""
TARGETS = ("decode", "prefill")


@dataclass(frozen=True, slots=True)
class Interval:
    """Factors on a prediction that bound the middle 80 % of what was measured."""

    target: str
    group: str
    """Engine and regime, a regime, or "any"."""
    known_device: bool
    low: float
    high: float
    rows: int


def by_device(
    full: Effects, sample: Sample, shares: Shares, figures: Sequence[Figure], benches: Sequence[Share]
) -> Floats:
    """Log errors [2 x rows] with the row's whole device left out of the fit."""
    device = np.array([f.query.device.key for f in figures])
    bench = np.array([s.grouped["device"] for s in benches])
    out = np.full(2 * len(figures), np.nan)
    for key in sorted(set(device.tolist())):
        left = device == key
        kept = solve(full, sample, shares, (~left).astype(float), (bench != key).astype(float))
        errors = log_errors(sample, kept.log_terms(sample.index))
        out[np.tile(left, 2)] = errors[np.tile(left, 2)]
    return out


def by_configuration(full: Effects, sample: Sample, shares: Shares, figures: Sequence[Figure]) -> Floats:
    """Log errors [2 x rows] with the row's configuration left out, ten parts in a fixed order."""
    names = [configuration(f.query) for f in figures]
    part_of = {name: i % PARTS for i, name in enumerate(sorted(set(names), key=repr))}
    part = np.array([part_of[name] for name in names])
    out = np.full(2 * len(figures), np.nan)
    for number in range(PARTS):
        left = part == number
        kept = solve(full, sample, shares, (~left).astype(float), np.ones(len(shares.weight)))
        errors = log_errors(sample, kept.log_terms(sample.index))
        out[np.tile(left, 2)] = errors[np.tile(left, 2)]
    return out


def intervals(errors: Floats, figures: Sequence[Figure], *, known_device: bool) -> list[Interval]:
    """Split-conformal factors per target for every group of `interval_groups` with rows enough."""
    rows = len(figures)
    members: dict[str, list[int]] = defaultdict(list)
    for i, figure in enumerate(figures):
        for group in interval_groups(figure.query):
            members[group].append(i)
    found = []
    for t, target in enumerate(TARGETS):
        for group, at in sorted(members.items()):
            ratio = -errors[t * rows + np.array(at)]
            ratio = ratio[np.isfinite(ratio)]
            if len(ratio) >= LEAST_ROWS:
                low, high = conformal(ratio)
                found.append(Interval(target, group, known_device, low, high, len(ratio)))
    return found


def interval_groups(query: Query) -> tuple[str, ...]:
    """Groups whose errors are like this configuration's, nearest first."""
    return f"{query.engine.key} {query.regime}", query.regime, "any"


def conformal(log_ratio: Floats) -> tuple[float, float]:
    """Factors holding `COVERAGE` of measured over predicted, with the finite-sample correction.

    >>> low, high = conformal(np.log(np.linspace(0.5, 1.5, 101)))
    >>> round(low, 2), round(high, 2)
    (0.59, 1.41)
    """
    ordered = np.sort(log_ratio)
    count = len(ordered)
    tail = (1 - COVERAGE) / 2
    below = max(0, math.floor(tail * (count + 1)) - 1)
    above = min(count - 1, math.ceil((1 - tail) * (count + 1)) - 1)
    return min(1.0, float(np.exp(ordered[below]))), max(1.0, float(np.exp(ordered[above])))
