"""From a solver's numbers to a plan: whole units, clean shares, nothing rented that carries nothing."""

from __future__ import annotations

import numpy as np

from planner.optimize.check import Proposal, usd_per_hour
from planner.optimize.model import Model
from planner.optimize.problem import Floats, Ints, Problem
from planner.optimize.single import whole_units

DROPPED_SHARE = 1e-6


def rounded(p: Problem, model: Model, values: Floats) -> Proposal:
    """The cheaper of keeping and dropping shares below a millionth (dropping may overload what remains)."""
    raw = np.maximum(model.shares(values, p.capacity_per_s.shape), 0.0)
    unserved = np.clip(model.unserved(values), 0.0, 1.0)
    counted = np.rint(values[model.columns.units]).astype(np.int64)
    if p.splitting != "continuous":
        pieces = np.rint(raw * p.pieces) / p.pieces
        return with_units(p, pieces, np.rint(unserved * p.pieces) / p.pieces, counted)
    unserved[unserved < DROPPED_SHARE] = 0.0
    plans = []
    for shares in (np.where(raw < DROPPED_SHARE, 0.0, raw), raw):
        total = shares.sum(axis=1, keepdims=True)
        rest = np.divide((1 - unserved)[:, None], total, out=np.zeros_like(total), where=total > 0)
        plans.append(with_units(p, shares * rest, unserved, counted))
    return min(plans, key=lambda plan: usd_per_hour(p, plan))


def with_units(p: Problem, shares: Floats, unserved: Floats, counted: Ints) -> Proposal:
    """As many units as the shares keep busy; groups with spares or
    losses to survive keep the solver's count where higher."""
    busy = np.zeros(len(p.options))
    for period in range(p.period_count):
        busy = np.maximum(busy, whole_units(p.load_in(period, shares)))
    kept = p.spare_units > 0
    for _, group, _ in p.losses:
        kept[group] = True
    if kept.any():
        spare = kept[p.option_group]
        busy = np.where(spare, np.maximum(busy, counted), busy)
    units = busy.astype(np.int64)
    return Proposal(units, shares, unserved)
