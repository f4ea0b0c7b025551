"""Times over two sizes at once (batch and length): attention of every kind.

The last key axis of a block and its curve axis span a surface; the other axes name it. Between batches time
runs straight in (log batch, log time), as along the curves. Surfaces are ragged: where the larger batch was
not measured that far, its own curve is carried on at the utilisation it ended with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.profiles.basis import INTERPOLATED, MEASURED, TRANSFERRED
from planner.profiles.block import Curves
from planner.profiles.curve import OCTAVE, Floats, OpTime, Roofline, basis_of, nearest, rescaled, sample

Features = Callable[[npt.NDArray[Any]], Floats]


@dataclass(frozen=True, slots=True)
class _Surface:
    key: tuple[int, ...]
    first: int
    """Its first curve; the others follow."""
    along: Floats
    log_along: Floats


def _surfaces(curves: Curves) -> dict[tuple[int, ...], _Surface]:
    made: dict[tuple[int, ...], _Surface] | None = curves.cache.get("surfaces")
    if made is None:
        heads = np.ones(len(curves), bool)
        heads[1:] = (np.diff(curves.keys[:, :-1], axis=0) != 0).any(axis=1)
        starts = np.flatnonzero(heads)
        made = {}
        for first, end in zip(starts, [*starts[1:], len(curves)], strict=True):
            along = curves.keys[first:end, -1].astype(np.float64)
            key = tuple(curves.keys[first, :-1].tolist())
            made[key] = _Surface(key, int(first), along, np.log(np.maximum(along, 0.5)))
        curves.cache["surfaces"] = made
    return made


def _choose(
    curves: Curves, key: tuple[int, ...], features: Features, weights: Floats
) -> tuple[_Surface, int]:
    """The surface of this key or the most similar one, and the best basis it can claim."""
    surfaces = _surfaces(curves)
    if key in surfaces:
        return surfaces[key], MEASURED
    name = ("surface", key)
    if name not in curves.cache:
        keys = np.array(list(surfaces))
        row, octaves = nearest(features(keys), features(np.array([key]))[0], weights)
        chosen = surfaces[tuple(keys[row].tolist())]
        curves.cache[name] = (chosen, INTERPOLATED if octaves <= 1 else TRANSFERRED)
    return curves.cache[name]  # type: ignore[no-any-return]


def _read(
    curves: Curves, surface: _Surface, along: Floats, x: Floats, *, roofline_s: Roofline | None, best: int
) -> OpTime:
    wanted = np.log(np.maximum(along, 0.5))
    grid = surface.log_along
    left = np.clip(np.searchsorted(grid, wanted, side="right") - 1, 0, max(len(grid) - 2, 0))
    right = np.minimum(left + 1, len(grid) - 1)
    step = grid[right] - grid[left]
    share = np.clip((wanted - grid[left]) / np.where(step > 0, step, 1.0), 0.0, 1.0)
    pair = np.stack([left, right])
    found = sample(curves, surface.first + pair, x)
    log_y = found.log_y
    if roofline_s is not None and found.above.any():
        rows = surface.along[pair]
        held = np.minimum(x, found.last_x)
        grown = roofline_s(*surface.key, rows, np.maximum(x, held)) / roofline_s(*surface.key, rows, held)
        log_y = log_y + np.log(grown)
    seconds = np.exp(log_y[0] + share * (log_y[1] - log_y[0]))
    beyond = wanted > grid[-1]
    if roofline_s is not None and beyond.any():
        held = np.minimum(along, surface.along[-1])
        seconds = seconds * roofline_s(*surface.key, along, x) / roofline_s(*surface.key, held, x)
    used = np.stack([share < 1, share > 0])
    exact = (found.exact | ~used).all(axis=0) & ((share == 0) | (share == 1))
    # The nearer of the two curves decides; where both end an octave short, nothing measured is near.
    far = (found.far | ~used).all(axis=0) | (wanted > grid[-1] + OCTAVE) | (wanted < grid[0] - OCTAVE)
    return OpTime(seconds, basis_of(exact & ~beyond & (wanted >= grid[0]), far, best=best))


def _as_measured(keys: npt.NDArray[Any]) -> Floats:
    return keys.astype(np.float64)


def surface_time(
    curves: Curves, *, key: tuple[int, ...], along: npt.ArrayLike, x: npt.ArrayLike,
    roofline_s: Roofline | None = None, features: Features = _as_measured,
    weights: tuple[float, ...] | None = None, like_batch: int | None = None,
) -> OpTime:  # fmt: skip
    """Seconds over the last key axis (`along`) and the curve axis (`x`), which broadcast.

    `key` holds the remaining axes in block order and `roofline_s(*key, along, x)` the physical limit. A key
    that was not measured borrows from the nearest one (octaves of `features(keys)`, weighted), rescaled by
    the roofline. `like_batch` is the position in `key` of an axis that acts like more batch (heads).

    >>> keys = np.array([[8, 1], [8, 4]], np.int32)
    >>> curves = Curves(keys, np.array([0, 2, 4]), np.array([1.0, 4, 1, 4]), np.array([1.0, 4, 4, 16]))
    >>> surface_time(curves, key=(8,), along=2, x=[1, 2]).seconds.round(6).tolist()
    [2.0, 4.0]
    """
    batch = np.atleast_1d(np.asarray(along, np.float64))
    size = np.atleast_1d(np.asarray(x, np.float64))
    scale = np.ones(len(key)) if weights is None else np.asarray(weights)
    surface, best = _choose(curves, key, features, scale)
    if best == MEASURED or roofline_s is None:
        return _read(curves, surface, batch, size, roofline_s=roofline_s, best=best)
    alike = batch
    if like_batch is not None:
        # Twice the heads on one sequence is the work of half the heads on two; on left-out head counts this
        # brings the median error of decode attention from 5 to 2 %.
        alike = np.maximum(batch * key[like_batch] / surface.key[like_batch], surface.along[0])
    found = _read(curves, surface, alike, size, roofline_s=roofline_s, best=best)
    ratio = roofline_s(*key, batch, size) / roofline_s(*surface.key, alike, size)
    return OpTime(rescaled(curves, found.seconds, ratio), found.basis)


def _head_features(keys: npt.NDArray[Any]) -> Floats:
    heads, kv_heads, head_dim, window = keys.astype(np.float64).T
    return np.stack([heads, heads / kv_heads, head_dim, window], axis=1)


def attention_time(
    curves: Curves, *, heads: int, kv_heads: int, head_dim: int, window: int, batch: npt.ArrayLike,
    length: npt.ArrayLike, roofline_s: Roofline,
) -> OpTime:  # fmt: skip
    """Seconds of one layer's attention (prefill: `length` new tokens each; decode: `length` cached ones).

    `roofline_s(heads, kv_heads, head_dim, window, batch, length)` broadcasts. Head counts that were not
    measured borrow from the nearest with the same heads per KV head and head size. Never below the roofline
    (see `gemm_time`).
    """
    found = surface_time(
        curves, key=(heads, kv_heads, head_dim, window), along=batch, x=length, roofline_s=roofline_s,
        features=_head_features, weights=(1.0, 2.0, 4.0, 1.0), like_batch=0,
    )  # fmt: skip
    batches, lengths = np.asarray(batch, np.float64), np.asarray(length, np.float64)
    floor = roofline_s(heads, kv_heads, head_dim, window, batches, lengths)
    return OpTime(np.maximum(found.seconds, floor), found.basis)
