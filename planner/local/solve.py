"""Most probable effects given published figures: penalised least squares on log errors, robust to outliers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.local.physics import Columns, Rates, rates
from planner.local.terms import TERMS, Effects, Floats, Ints, prior_spread

HUBER = 0.15
"""Log error beyond which a figure loses weight: repeated runs of one set-up differ by up to 15 %."""
NOISE = 0.10
"""Log spread of a figure whose weight is 1, against which priors are weighed."""
_STEP = 1e-4
_ITERATIONS = 25
_LEAST_SLOPE = 0.02  # an effect of the prior's size would move no figure by one per cent


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows ready to fit; a target that was not measured is NaN. `shares` are microbenchmarks."""

    columns: Columns
    index: Ints
    decode: Floats
    prefill: Floats
    weight: Floats


@dataclass(frozen=True, slots=True)
class Shares:
    """Microbenchmarks: measured share of a data-sheet rate, which is a term itself."""

    index: Ints
    term: Ints
    log_share: Floats
    weight: Floats


def log_errors(sample: Sample, log_terms: Floats) -> Floats:
    """Log of predicted over measured, decode rows then prefill rows; NaN where not measured."""
    return _log_errors(sample, rates(sample.columns, log_terms))


def _log_errors(sample: Sample, found: Rates) -> Floats:
    return np.concatenate(
        [np.log(found.decode) - np.log(sample.decode), np.log(found.prefill) - np.log(sample.prefill)]
    )


def informative(effects: Effects, sample: Sample, shares: Shares) -> Effects:
    """Effects that move any figure; the rest would stay at zero and cost time."""
    _, slopes = _linearise(effects, sample)
    _, share_slopes = _linearise_shares(effects, shares)
    moved = np.nanmax(np.abs(slopes), axis=0, initial=0.0) + np.abs(share_slopes).max(axis=0, initial=0.0)
    kept = np.flatnonzero(moved > _LEAST_SLOPE)
    return Effects(tuple(effects.names[i] for i in kept), effects.values[kept])


def solve(start: Effects, sample: Sample, shares: Shares, use: Floats, use_shares: Floats) -> Effects:
    """Most probable effects given the rows that `use` marks (0 or 1); Gauss-Newton with Huber weights."""
    precision = (NOISE / prior_spread(start)) ** 2
    values = start.values.copy()
    weight = np.tile(sample.weight * use, 2)
    damping = 1e-3
    best = np.inf
    for _ in range(_ITERATIONS):
        effects = Effects(start.names, values)
        error, jacobian = _linearise(effects, sample)
        known = np.isfinite(error)
        e, j = np.where(known, error, 0.0), np.where(known[:, None], jacobian, 0.0)
        w = weight * known * _huber(e)
        es, js = _linearise_shares(effects, shares)
        ws = shares.weight * use_shares * _huber(es)
        hessian = (j * w[:, None]).T @ j + (js * ws[:, None]).T @ js + np.diag(precision)
        slope = j.T @ (w * e) + js.T @ (ws * es) + precision * values
        loss = float((w * e**2).sum() + (ws * es**2).sum() + (precision * values**2).sum())
        step = np.linalg.solve(hessian + damping * np.diag(np.diag(hessian)), slope)
        values = values - np.clip(step, -0.5, 0.5)
        if abs(best - loss) < 1e-4 * loss:
            break
        best = loss
    return Effects(start.names, values)


def _huber(error: Floats) -> Floats:
    weight: Floats = HUBER / np.maximum(np.abs(error), HUBER)
    return weight


def _linearise(effects: Effects, sample: Sample) -> tuple[Floats, Floats]:
    log_terms = effects.log_terms(sample.index)
    error = log_errors(sample, log_terms)
    rows, count = len(sample.decode), len(effects.values)
    jacobian = np.zeros((2 * rows, count + 1))
    for t in range(len(TERMS)):
        moved = log_terms.copy()
        moved[:, t] += _STEP
        slope = (log_errors(sample, moved) - error) / _STEP
        for k in range(sample.index.shape[2]):
            column = sample.index[:, t, k]  # a row meets each effect once, so += adds every slope
            jacobian[np.arange(rows), column] += slope[:rows]
            jacobian[np.arange(rows) + rows, column] += slope[rows:]
    return error, jacobian[:, :count]


def _linearise_shares(effects: Effects, shares: Shares) -> tuple[Floats, Floats]:
    rows, count = len(shares.term), len(effects.values)
    at = np.arange(rows)
    error = effects.log_terms(shares.index)[at, shares.term] - shares.log_share
    jacobian = np.zeros((rows, count + 1))
    for k in range(shares.index.shape[2]):
        jacobian[at, shares.index[at, shares.term, k]] += 1.0
    return error, jacobian[:, :count]


def absolute_percent(error: Floats) -> Floats:
    """Absolute percentage error of a log error.

    >>> float(absolute_percent(np.log(np.array([1.2])))[0].round(3))
    20.0
    """
    return 100.0 * np.abs(np.expm1(error))
