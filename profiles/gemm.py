"""Time of a linear layer from measured (n, k) sites, each a curve over tokens m."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from planner.profiles.basis import INTERPOLATED, MEASURED, TRANSFERRED
from planner.profiles.block import Curves
from planner.profiles.curve import Floats, OpTime, Roofline, basis_of, read_curve, sample

SITES = 4
REACH_OCTAVES = 2.0


def _sites(curves: Curves, n: int, k: int) -> tuple[npt.NDArray[np.int64], Floats, int]:
    """The nearest measured (n, k), their inverse-square-distance weights, and how good that is."""
    name = ("sites", n, k)
    if name not in curves.cache:
        measured = np.log2(curves.keys.astype(np.float64))
        wanted = np.log2([n, k])
        square = np.square(measured - wanted).sum(axis=1)
        order = np.argsort(square, kind="stable")[:SITES]
        weight = 1.0 / square[order]
        inside = (wanted >= measured.min(axis=0)) & (wanted <= measured.max(axis=0))
        near = np.sqrt(square[order[0]]) <= REACH_OCTAVES or inside.any()
        curves.cache[name] = (order, weight / weight.sum(), INTERPOLATED if near else TRANSFERRED)
    return curves.cache[name]  # type: ignore[no-any-return]


def gemm_time(curves: Curves, *, n: int, k: int, m: npt.ArrayLike, roofline_s: Roofline) -> OpTime:
    """Seconds of m tokens through an n x k weight; `roofline_s(n, k, m)` broadcasts.

    A measured (n, k) is read from its curve. Any other takes the weighted geometric mean of time / roofline
    over the four nearest sites; further than two octaves away along both axes that counts as transferred.
    Never below the roofline: tables of GPUs with large caches hold rows that no step can repeat, whose
    weights stayed in L2.
    """
    tokens = np.atleast_1d(np.asarray(m, np.float64))
    floor = np.asarray(roofline_s(n, k, tokens), np.float64)
    which = curves.index((n, k))
    if which >= 0:
        found = read_curve(curves, which, tokens, key=(n, k), roofline_s=roofline_s, best=MEASURED)
        return OpTime(np.maximum(found.seconds, floor), found.basis)
    sites, weight, best = _sites(curves, n, k)
    near = sample(curves, sites[:, None], tokens)
    shape = curves.keys[sites].astype(np.float64)
    limit = roofline_s(shape[:, :1], shape[:, 1:], np.minimum(tokens, near.last_x))
    slowdown = weight @ (near.log_y - np.log(limit))
    far = np.asarray(near.far.all(axis=0))
    basis = basis_of(np.zeros(far.shape, bool), far, best=best)
    return OpTime(floor * np.exp(np.maximum(slowdown, 0.0)), basis)
