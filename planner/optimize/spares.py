"""The rule for spare units: a group must survive the loss of its s largest units."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from planner.optimize.arrays import Builder
from planner.optimize.problem import Floats, Problem
from planner.optimize.single import ROUNDING

if TYPE_CHECKING:
    from planner.optimize.model import Columns

MAX_SPARE_SIZES = 128
"""Rows and binaries of this rule grow with the number of sizes; prices leave few, this is the guard."""


def spare_units(b: Builder, p: Problem, c: Columns, slack: float | None) -> None:
    """Losing any s units of a group leaves enough to carry its load.

    With c[o] = share of the group's load that one unit carries, losing the s largest leaves enough exactly
    when for some size z: sum_o min(c[o], z) n[o] >= 1 + s z (z at the s-th largest unit is the best choice).
    One binary w[z] picks the size. Exact for a workload of one class. With several classes c[o] is for their
    mix, which a load balancer spreads over the units: sufficient, so safe, and it may cost a little more.
    """
    for group in np.flatnonzero(p.spare_units):
        s = int(p.spare_units[group])
        for period in range(p.period_count):
            size = mix_size(p, int(group), period)
            if size is None:
                continue
            if (size > 0).any():
                _spare_by_size(b, p, c, size, s)
            else:
                _spare_by_option(b, p, c, int(group), period)


def mix_size(p: Problem, group: int, period: int) -> Floats | None:
    """[O]: share of the group's load in this period one unit carries, classes in proportion; None: no load.

    0 for options that cannot serve every class (they are not counted on after a loss).
    """
    classes = (p.class_group == group) & (p.period_of_class == period) & (p.demand_per_s > 0)
    if not classes.any():
        return None
    whole = p.eligible[classes].all(axis=0) & p.present_in(period)
    load = p.load_units[classes].sum(axis=0)
    size: Floats = np.divide(1.0, load, out=np.zeros(len(p.options)), where=whole & (load > 0))
    return size


def _spare_by_size(b: Builder, p: Problem, c: Columns, size: Floats, s: int) -> None:
    """Row z, whichever size y was picked: sum_o min(c[o], z) n[o] >= sum_y min(1, z/y) (1 + s y) w[y].

    True for y <= z because min(c, z) >= min(c, y), for y > z because min(c, z) >= (z/y) min(c, y). Stating
    every row for every choice is what makes the relaxation tight; a row per own choice alone proves little.
    """
    sizes = _affordable_sizes(p, c, size, s)
    z = _thinned(sizes)
    b.exact &= len(z) == len(sizes)
    picked = b.columns(len(z), upper=1, integer=True)
    option, all_z = np.flatnonzero(size), np.arange(len(z))
    counted = np.minimum(size[option][None, :] / z[:, None], 1.0)
    demanded = np.minimum(1.0 / z[:, None], 1.0 / z[None, :]) * (1.0 + s * z[None, :])
    terms = [(all_z[:, None], c.units[option], counted), (all_z[:, None], picked, -demanded)]
    b.rows("spare_units", len(z), terms, lower=0.0)
    b.rows("spare_units", 1, [(0, picked, 1.0)], lower=1.0, upper=1.0)


def _affordable_sizes(p: Problem, c: Columns, size: Floats, s: int) -> Floats:
    """Sizes at which fractions of units would cost no more than a known plan."""
    z = np.unique(size[size > 0])
    if p.period_count > 1:  # a period's units may be paid for by other periods too
        return z
    o = np.flatnonzero(size)
    cheapest = (p.usd_per_hour[o] / np.minimum(size[o][None, :], z[:, None])).min(axis=1)
    most = c.most_usd[p.option_group[o[0]]]
    kept: Floats = z[(1.0 + s * z) * cheapest <= most * (1 + ROUNDING)]
    return kept if kept.size else z


def _thinned(sizes: Floats) -> Floats:
    """At most MAX_SPARE_SIZES of the sizes; a subset is safe, since one satisfied size is enough."""
    if len(sizes) <= MAX_SPARE_SIZES:
        return sizes
    kept: Floats = sizes[np.unique(np.linspace(0, len(sizes) - 1, MAX_SPARE_SIZES).round().astype(int))]
    return kept


def _spare_by_option(b: Builder, p: Problem, c: Columns, group: int, period: int) -> None:
    """No option serves every class: each option in use keeps its own s spare units (safe, seldom needed)."""
    s = int(p.spare_units[group])
    arcs = np.flatnonzero((p.class_group[c.klass] == group) & (p.period_of_class[c.klass] == period))
    option, row = np.unique(c.option[arcs], return_inverse=True)
    used = b.columns(len(option), upper=1, integer=True)
    here = np.arange(len(option))
    load = (row, c.share[arcs], c.load[arcs] / p.pieces)
    b.rows(
        "spare_units", len(option), [load, (here, used, float(s)), (here, c.units[option], -1.0)], upper=0.0
    )
    switch = np.arange(len(arcs))
    terms = [(switch, c.share[arcs], 1.0 / p.pieces), (switch, used[row], -1.0)]
    b.rows("spare_units", len(arcs), terms, upper=0.0)
