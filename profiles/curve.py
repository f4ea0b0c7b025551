"""Reading measured curves between and beyond their points, vectorised over queries and curves.

Between points time runs straight in (log size, log time). Below the first point it stays what it was there
(launch and latency, not work, set it); above the last the utilisation of the last point holds: time grows
with the roofline. Up to an octave outside still counts as interpolated, further out as transferred.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.profiles.basis import INTERPOLATED, MEASURED, TRANSFERRED
from planner.profiles.block import Curves

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int8]
Roofline = Callable[..., Any]
"""Seconds at the physical limit for one op: called with its axes, then x, as arrays that broadcast."""

OCTAVE = float(np.log(2.0)) + 1e-9

_APART = 64.0
"""Distance between curves laid on one axis; logarithms of sizes span less than 30."""
_LEAST = 1e-9
"""Sizes at or below zero are read as this, which holds the first point."""


@dataclass(frozen=True, slots=True)
class OpTime:
    """Seconds of one call per query (watts from a power block) and how each is known."""

    seconds: Floats
    basis: Codes


@dataclass(frozen=True, slots=True)
class Sample:
    """What curves say at the queries: all arrays have the shape of the queries."""

    log_y: Floats
    exact: npt.NDArray[np.bool_]
    above: npt.NDArray[np.bool_]
    """Beyond the last point."""
    far: npt.NDArray[np.bool_]
    """More than an octave outside the points."""
    last_x: Floats


def _logs(curves: Curves) -> tuple[Floats, Floats, Floats]:
    made: tuple[Floats, Floats, Floats] | None = curves.cache.get("logs")
    if made is None:
        log_x, log_y = np.log(curves.x), np.log(curves.y)
        apart = np.repeat(np.arange(len(curves)) * _APART, np.diff(curves.start))
        made = curves.cache["logs"] = (log_x, log_y, log_x + apart)
    return made


def sample(curves: Curves, which: npt.NDArray[np.int64] | int, x: Floats) -> Sample:
    """Curve `which` at size `x`, element by element (both broadcast), held flat outside its points."""
    log_x, log_y, laid_out = _logs(curves)
    wanted = np.log(np.maximum(x, _LEAST))
    first, last = curves.start[which], curves.start[np.add(which, 1)] - 1
    left = np.searchsorted(laid_out, wanted + _APART * np.asarray(which), side="right") - 1
    left = np.maximum(np.minimum(left, last - 1), first)
    right = np.minimum(left + 1, last)
    start = log_x[left]
    step = log_x[right] - start
    beyond = wanted - log_x[last]
    short = log_x[first] - wanted
    share = np.clip((wanted - start) / np.where(step > 0, step, 1.0), 0.0, 1.0)
    low = log_y[left]
    outside = np.maximum(beyond, short)
    exact = ((share == 0) | (share == 1)) & (outside <= 0)
    return Sample(low + share * (log_y[right] - low), exact, beyond > 0, outside > OCTAVE, curves.x[last])


def basis_of(exact: npt.NDArray[np.bool_], far: npt.NDArray[np.bool_], *, best: int = MEASURED) -> Codes:
    """Measured at points, interpolated between, transferred far outside; nowhere better than `best`."""
    code = np.where(far, TRANSFERRED, np.where(exact, MEASURED, INTERPOLATED))
    return np.maximum(code, best).astype(np.int8)


def nearest(features: Floats, wanted: Floats, weights: Floats) -> tuple[int, float]:
    """Row of `features` closest to `wanted` in weighted octaves, and that distance; zeros count as one half.

    >>> row, octaves = nearest(np.array([[1.0, 8], [4, 8]]), np.array([8.0, 8]), np.ones(2))
    >>> row, octaves
    (1, 1.0)
    """
    apart = np.abs(np.log2(np.maximum(features, 0.5)) - np.log2(np.maximum(wanted, 0.5))) @ weights
    row = int(apart.argmin())
    return row, float(apart[row])


def rescaled(curves: Curves, seconds: Floats, ratio: npt.ArrayLike) -> Floats:
    """Borrowed times: what exceeds the block's shortest call (its launch) grows with the work.

    Scaling all of it would make small calls of large shapes many times too slow: decode attention with a head
    count left out errs by 12 % (median; 90th percentile 94 %) that way, by 5 % (32 %) this way.
    """
    launch: float | None = curves.cache.get("launch")
    if launch is None:
        launch = curves.cache["launch"] = float(curves.y.min())
    return launch + (seconds - launch) * np.asarray(ratio, np.float64)


def read_curve(
    curves: Curves, which: int, x: Floats, *, key: tuple[int, ...], roofline_s: Roofline | None, best: int
) -> OpTime:
    """One curve at many sizes; `key` is what the roofline is asked about beyond the last point."""
    found = sample(curves, which, x)
    seconds = np.exp(found.log_y)
    if roofline_s is not None and found.above.any():
        held = np.minimum(x, found.last_x)
        seconds = np.where(found.above, seconds * roofline_s(*key, x) / roofline_s(*key, held), seconds)
    return OpTime(seconds, basis_of(found.exact, found.far, best=best))


def curve_time(
    curves: Curves, *, key: tuple[int, ...], x: npt.ArrayLike, roofline_s: Roofline | None = None,
    weights: tuple[float, ...] | None = None,
) -> OpTime:  # fmt: skip
    """Any op whose block has one curve per key; a key that was not measured borrows the nearest one's
    utilisation.

    `roofline_s(*key, x)` scales what is borrowed; without it values are taken as they are (power).

    >>> points = np.array([1.0, 4.0])
    >>> curves = Curves(np.array([[8]], np.int32), np.array([0, 2]), points, points)
    >>> curve_time(curves, key=(8,), x=[2.0, 4.0]).seconds.round(6).tolist()
    [2.0, 4.0]
    """
    sizes = np.atleast_1d(np.asarray(x, np.float64))
    which = curves.index(key)
    if which >= 0:
        return read_curve(curves, which, sizes, key=key, roofline_s=roofline_s, best=MEASURED)
    which, octaves = _nearest_key(curves, key, weights)
    other = tuple(curves.keys[which].tolist())
    best = INTERPOLATED if octaves <= 1 else TRANSFERRED
    found = read_curve(curves, which, sizes, key=other, roofline_s=roofline_s, best=best)
    if roofline_s is None:
        return found
    ratio = roofline_s(*key, sizes) / roofline_s(*other, sizes)
    return OpTime(rescaled(curves, found.seconds, ratio), found.basis)


def _nearest_key(
    curves: Curves, key: tuple[int, ...], weights: tuple[float, ...] | None
) -> tuple[int, float]:
    name = ("nearest", key, weights)
    if name not in curves.cache:
        scale = np.ones(len(key)) if weights is None else np.asarray(weights)
        curves.cache[name] = nearest(curves.keys.astype(float), np.asarray(key, float), scale)
    return curves.cache[name]  # type: ignore[no-any-return]
