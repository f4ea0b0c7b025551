"""The residual of the log error as a Gaussian process over nested groups: pure linear algebra.

Covariance of two points: constants for every group they share, plus a squared exponential in the
logarithms of the axes for every smooth group they share. Outliers weigh less (Student t, 4 degrees of
freedom, by reweighting); what is left returns to zero, that is to the physics, away from the data.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from planner.calibration.groups import AXES, GROUPS, Context

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
FREEDOM = 4.0  # degrees of freedom of the Student t
ROUNDS = 5  # of reweighting; weights settle within 1 %
NEAREST = 64  # points the variance looks at; fewer only widen it


@dataclass(frozen=True, slots=True)
class Prior:
    """Standard deviations in log units by group, scales in log units by axis."""

    scales: tuple[float, ...]
    constant: Mapping[str, float]
    smooth: Mapping[str, float]
    noise: float
    clip: float  # residuals are cut here before the fit

    @property
    def variances(self) -> tuple[Array, Array]:
        """(smooth, constant) variance of each group, in the order of `GROUPS`."""
        smooth, constant = (
            np.array([part.get(g, 0.0) for g in GROUPS]) for part in (self.smooth, self.constant)
        )
        return smooth**2, constant**2

    def shared(self, mine: Sequence[Context], theirs: Sequence[Context]) -> tuple[Array, Array]:
        """(smooth, constant) variance shared by each pair of contexts."""
        smooth, constant = np.zeros((2, len(mine), len(theirs)))
        for i, name in enumerate(GROUPS):
            same = _same([c[i] for c in mine], [c[i] for c in theirs])
            smooth += self.smooth.get(name, 0.0) ** 2 * same
            constant += self.constant.get(name, 0.0) ** 2 * same
        return smooth, constant


@dataclass(frozen=True)
class Field:
    """One quantity of one engine: where it was measured and what was left of the log error there."""

    prior: Prior
    contexts: tuple[Context, ...]
    context: Codes  # of each point
    x: Array  # [points, axes], logarithms
    residual: Array  # ln(measured / physics)
    weight: Array  # 1 for a point that fits in, less for an outlier
    pull: Array  # covariance-weighted residuals

    @cached_property
    def _shared(self) -> tuple[Array, Array]:
        return self.prior.shared(self.contexts, self.contexts)

    @cached_property
    def _keys(self) -> tuple[tuple[dict[Hashable, int], ...], Codes]:
        """Code of every key by group, and the codes of the contexts, [contexts, groups]; -1 is no group."""
        columns = list(zip(*self.contexts, strict=True))
        names = tuple({key: i for i, key in enumerate(dict.fromkeys(c)) if key is not None} for c in columns)
        codes = [[n.get(key, -1) for key in c] for n, c in zip(names, columns, strict=True)]
        return names, np.array(codes, np.int64).T

    def measured(self, group: int, key: Hashable) -> bool:
        """Whether any point is of this key of a group (by its place in `GROUPS`)."""
        return key in self._keys[0][group]

    def _shared_with(self, context: Context) -> tuple[Array, Array, float]:
        """Variance shared with each context, (smooth, constant), and the variance of one point of `context`."""
        names, codes = self._keys
        mine = [n.get(key, -2) for n, key in zip(names, context, strict=True)]
        same = (codes == np.array(mine)).astype(float)
        smooth, constant = self.prior.variances
        in_group = np.array([key is not None for key in context], float)
        return same @ smooth, same @ constant, float(in_group @ (smooth + constant))

    @cached_property
    def _scaled(self) -> Array:
        return np.asarray(self.x / np.asarray(self.prior.scales))

    def at(self, context: Context, x: Array) -> tuple[Array, Array]:
        """Mean and standard deviation (noise included) of the residual at the points `x` of one context."""
        smooth, constant, own = self._shared_with(context)
        to = self._covariance(smooth[self.context], constant[self.context], x / np.asarray(self.prior.scales))
        mean = to @ self.pull
        near = np.argsort(-to.sum(axis=0), kind="stable")[:NEAREST]
        among = self._among(near)
        among[np.diag_indices_from(among)] += self.prior.noise**2 / self.weight[near]
        known = to[:, near]
        variance = own - np.einsum("ij,ji->i", known, np.linalg.solve(among, known.T))
        return mean, np.sqrt(np.maximum(variance, 0.0) + self.prior.noise**2)

    def _covariance(self, smooth: Array, constant: Array, scaled: Array) -> Array:
        return np.asarray(smooth * np.exp(-0.5 * _squares(scaled, self._scaled)) + constant)

    def _among(self, points: Codes) -> Array:
        smooth, constant = self._shared
        pairs = np.ix_(self.context[points], self.context[points])
        close = np.exp(-0.5 * _squares(self._scaled[points], self._scaled[points]))
        return np.asarray(smooth[pairs] * close + constant[pairs])


def fit_field(prior: Prior, contexts: Sequence[Context], x: Array, residual: Array) -> Field:
    """Fit the residuals of points, each with its context and axes."""
    unique = tuple(dict.fromkeys(contexts))
    code = {c: i for i, c in enumerate(unique)}
    n = len(residual)
    field = Field(
        prior, unique, np.array([code[c] for c in contexts], np.int64), x, residual, np.ones(n), np.zeros(n)
    )
    cut = np.clip(residual, -prior.clip, prior.clip)
    covariance = field._among(np.arange(n))
    weight = np.ones(n)
    for _ in range(ROUNDS):
        pull = np.linalg.solve(covariance + np.diag(prior.noise**2 / weight), cut)
        off = (cut - covariance @ pull) / prior.noise
        used, weight = weight, np.clip((FREEDOM + 1.0) / (FREEDOM + off**2), 0.05, None)
    return replace(field, weight=used, pull=np.asarray(pull, np.float64))


def extended(field: Field, contexts: Sequence[Context], x: Array, residual: Array) -> Field:
    """The field with further points, trusted as any regular one; weights of the others stay."""
    unique = tuple(dict.fromkeys([*field.contexts, *contexts]))
    code = {c: i for i, c in enumerate(unique)}
    more = replace(
        field,
        contexts=unique,
        context=np.concatenate([field.context, [code[c] for c in contexts]]).astype(np.int64),
        x=np.concatenate([field.x, x]),
        residual=np.concatenate([field.residual, residual]),
        weight=np.concatenate([field.weight, np.ones(len(residual))]),
    )
    covariance = more._among(np.arange(len(more.residual))) + np.diag(field.prior.noise**2 / more.weight)
    cut = np.clip(more.residual, -field.prior.clip, field.prior.clip)
    return replace(more, pull=np.asarray(np.linalg.solve(covariance, cut), np.float64))


def _same(mine: Sequence[object], theirs: Sequence[object]) -> Array:
    names = {key: i for i, key in enumerate(dict.fromkeys([*mine, *theirs]))}
    a = np.array([names[k] if k is not None else -1 for k in mine])
    b = np.array([names[k] if k is not None else -2 for k in theirs])
    return np.asarray(a[:, None] == b[None, :], float)


def _squares(a: Array, b: Array) -> Array:
    """Squared distances, [a, b]."""
    cross = a @ b.T
    return np.asarray(
        np.maximum((a**2).sum(axis=1)[:, None] - 2.0 * cross + (b**2).sum(axis=1)[None, :], 0.0)
    )


assert len(AXES) == 6  # the order of `Prior.scales`
