"""Drop the points of measured curves that log-log interpolation between kept neighbours gives back.

A curve is the latency of one shape along one size (tokens, sequence length ...). A point may go when the
straight line in (log x, log y) between the nearest kept points passes it within `tolerance`. The fewest
points that satisfy this are a shortest path: point j follows point i at cost 1 if every point between them
lies within tolerance of the segment i-j, which a running interval of admissible slopes decides in one pass
(Imai and Iri, "Polygonal approximations of a curve", 1988, restricted to the curve's own points). All curves
of a block advance together.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

TOLERANCE = 0.01


def pad(start: Ints, values: Floats) -> Floats:
    """Curves as rows, left aligned, the rest NaN.

    >>> pad(np.array([0, 2, 3]), np.array([1.0, 2.0, 5.0])).tolist()
    [[1.0, 2.0], [5.0, nan]]
    """
    length = np.diff(start)
    row = np.repeat(np.arange(len(length)), length)
    column = np.arange(len(values)) - np.repeat(start[:-1], length)
    grid = np.full((len(length), int(length.max(initial=0))), np.nan)
    grid[row, column] = values
    return grid


def _previous_kept(log_x: Floats, log_y: Floats, tolerance: float) -> npt.NDArray[np.int16]:
    """For each point of padded curves the point before it on the path with the fewest points."""
    curves, points = log_x.shape
    cost = np.full((curves, points), np.inf)
    cost[:, 0] = 0.0
    previous = np.zeros((curves, points), np.int16)
    for i in range(points - 1):
        low, high = np.full(curves, -np.inf), np.full(curves, np.inf)
        for j in range(i + 1, points):
            step = log_x[:, j] - log_x[:, i]
            rise = log_y[:, j] - log_y[:, i]
            slope = rise / step
            better = (slope >= low) & (slope <= high) & (cost[:, i] + 1 < cost[:, j])
            cost[better, j] = cost[better, i] + 1
            previous[better, j] = i
            np.fmax(low, (rise - tolerance) / step, out=low)
            np.fmin(high, (rise + tolerance) / step, out=high)
            if not (low <= high).any():
                break
    return previous


def keep_mask(start: Ints, x: Floats, y: Floats, *, tolerance: float = TOLERANCE) -> Mask:
    """Which points of the concatenated curves to keep: first, last and the fewest others.

    `start` holds n_curves + 1 offsets; x rises strictly inside a curve, x and y are positive.

    >>> keep_mask(np.array([0, 4]), np.array([1.0, 2, 4, 8]), np.array([1.0, 2, 4, 5])).tolist()
    [True, False, True, True]
    """
    kept = np.zeros(len(x), bool)
    if not len(x):
        return kept
    # 1 % up and 1 % down are different distances in log space; the smaller holds on both sides.
    limit = np.log1p(tolerance) * 0.999
    previous = _previous_kept(pad(start, np.log(x)), pad(start, np.log(y)), limit)
    at = np.diff(start) - 1
    live = np.arange(len(at))
    kept[start[:-1]] = True
    while len(live):
        kept[start[live] + at[live]] = True
        at[live] = previous[live, at[live]]
        live = live[at[live] > 0]
    return kept


def thinning_error(start: Ints, x: Floats, y: Floats, kept: Mask) -> float:
    """Largest relative error of interpolating a dropped point from its kept neighbours."""
    if kept.all():
        return 0.0
    # Curves are laid one after another on a single axis, so one interpolation serves all of them.
    shift = np.repeat(np.arange(len(start) - 1) * 64.0, np.diff(start))
    position, level = np.log(x) + shift, np.log(y)
    guess = np.interp(position[~kept], position[kept], level[kept])
    return float(np.abs(np.expm1(guess - level[~kept])).max())
