"""Times of ops from measured curves: the public face of the look-up modules.

All functions are pure numpy over `Curves`, vectorised over the query arrays, and return `OpTime`.
`curve_time` reads any block keyed by fixed axes, `surface_time` any block whose last axis varies with the
query (batch); the others add what is special to their op.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from planner.profiles.basis import INTERPOLATED, TRANSFERRED
from planner.profiles.block import Curves
from planner.profiles.curve import OpTime, Roofline, basis_of, curve_time, rescaled, sample
from planner.profiles.gemm import gemm_time
from planner.profiles.surface import attention_time, surface_time

__all__ = [
    "OpTime",
    "attention_time",
    "comm_time",
    "curve_time",
    "gemm_time",
    "less_launches",
    "moe_time",
    "surface_time",
]

_MOE_SITES = 4
# Of hidden, expert width and experts per rank, top-k, and the layout itself. Chosen by leaving out one
# measured layout at a time on H100 and B200 (median error 3-11 %; without the whole shape 10-27 %).
_MOE_WEIGHTS = np.array([1.0, 1.0, 1.0, 4.0, 0.25, 1.0])


def _moe_features(keys: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    hidden, inter, experts, topk, tp, ep = keys.T
    return np.stack([hidden, inter / tp, experts / ep, topk, tp, ep], axis=1)


def _similar(
    curves: Curves, key: tuple[int, ...]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], int]:
    """The most similar measured shapes, their inverse-square-distance weights, and how good that is."""
    name = ("moe", key)
    if name not in curves.cache:
        apart = np.log2(_moe_features(curves.keys.astype(float)) / _moe_features(np.array([key], float)))
        square = (np.square(apart) * _MOE_WEIGHTS).sum(axis=1)
        order = np.argsort(square, kind="stable")[:_MOE_SITES]
        weight = 1.0 / square[order]
        best = INTERPOLATED if square[order[0]] <= 1 else TRANSFERRED
        curves.cache[name] = (order, weight / weight.sum(), best)
    return curves.cache[name]  # type: ignore[no-any-return]


def moe_time(
    curves: Curves, *, hidden: int, inter: int, experts: int, topk: int, tp: int, ep: int,
    tokens: npt.ArrayLike, roofline_s: Roofline,
) -> OpTime:  # fmt: skip
    """Seconds of one layer's routed experts on the busiest rank; `tokens` enter over the whole expert group.

    A shape that was not measured takes the weighted geometric mean of its four nearest, each rescaled by
    `roofline_s(hidden, inter, experts, topk, tp, ep, tokens)`, which broadcasts.
    """
    key = (hidden, inter, experts, topk, tp, ep)
    if curves.index(key) >= 0:
        return curve_time(curves, key=key, x=tokens, roofline_s=roofline_s)
    sites, weight, best = _similar(curves, key)
    count = np.atleast_1d(np.asarray(tokens, np.float64))
    shapes = curves.keys[sites].astype(np.float64).T[:, :, None]
    near = sample(curves, sites[:, None], count)
    held = np.minimum(count, near.last_x)
    ratio = roofline_s(*key, count) / roofline_s(*shapes, held)
    each = rescaled(curves, np.exp(near.log_y), ratio)
    seconds = np.exp(weight @ np.log(each))
    far = np.asarray(near.far.all(axis=0))
    return OpTime(seconds, basis_of(np.zeros(far.shape, bool), far, best=best))


def comm_time(curves: Curves, *, num_gpus: int, elements: npt.ArrayLike, roofline_s: Roofline) -> OpTime:
    """Seconds of a collective; a group size not measured is rescaled by `roofline_s(num_gpus, elements)`."""
    return curve_time(curves, key=(num_gpus,), x=elements, roofline_s=roofline_s)


def less_launches(
    time: OpTime, *, floor_s: float, roofline_s: npt.ArrayLike, launch_s: float = 3e-6
) -> OpTime:
    """A launch-bound table without its launches: time - floor + one graph launch, at least the roofline.

    For tables flagged `launch_bound` when nothing else has the shape; what remains is transferred, not
    measured.

    >>> timed = OpTime(np.array([1e-4]), np.array([0], np.int8))
    >>> less_launches(timed, floor_s=9e-5, roofline_s=1e-6).basis.tolist()
    [3]
    """
    seconds = np.maximum(time.seconds - floor_s + launch_s, roofline_s)
    return OpTime(seconds, np.full_like(time.basis, TRANSFERRED))
