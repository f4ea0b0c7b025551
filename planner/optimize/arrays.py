"""A mixed-integer linear model as plain arrays, and the small builder that writes it rule by rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from planner.optimize.problem import Bools, Floats

Index = NDArray[np.int64]
Term = tuple[ArrayLike, Index, ArrayLike]
"""(row within the rule, column, coefficient), broadcast against each other."""


@dataclass(frozen=True, slots=True)
class Block:
    """Rows `start:stop` came from the rule `name`."""

    name: str
    start: int
    stop: int


@dataclass(frozen=True, eq=False)
class Arrays:
    """min cost.v  with  row_lower <= A v <= row_upper,  lower <= v <= upper,  v integer where marked.

    A is compressed by column: entries `starts[j]:starts[j+1]` of `rows` and `coefficients` are column j.
    """

    cost: Floats
    lower: Floats
    upper: Floats
    integer: Bools
    starts: NDArray[np.int32]
    rows: NDArray[np.int32]
    coefficients: Floats
    row_lower: Floats
    row_upper: Floats
    blocks: tuple[Block, ...]


@dataclass
class Builder:
    """Collects columns and rules; a rule is one call of `rows`, named after what it demands.

    `exact` is cleared by a rule that had to be stricter than what it demands.
    """

    column_count: int = 0
    row_count: int = 0
    exact: bool = True
    _columns: list[tuple[Floats, Floats, Bools]] = field(default_factory=list)
    _terms: list[tuple[Index, Index, Floats]] = field(default_factory=list)
    _bounds: list[tuple[Floats, Floats]] = field(default_factory=list)
    _blocks: list[Block] = field(default_factory=list)

    def columns(
        self, count: int, *, cost: ArrayLike = 0.0, upper: ArrayLike = np.inf, integer: ArrayLike = False
    ) -> Index:
        """New non-negative columns; returns their indices."""
        parts = (np.broadcast_to(np.asarray(a), (count,)) for a in (cost, upper, integer))
        costs, uppers, integers = parts
        self._columns.append((costs.astype(float), uppers.astype(float), integers.astype(bool)))
        self.column_count += count
        return np.arange(self.column_count - count, self.column_count)

    def rows(
        self,
        name: str,
        count: int,
        terms: Sequence[Term],
        *,
        lower: ArrayLike = -np.inf,
        upper: ArrayLike = np.inf,
        slack_cost: ArrayLike | None = None,
    ) -> None:
        """`count` rows: lower <= sum of terms <= upper, which may be exceeded at `slack_cost` if given."""
        if slack_cost is not None:
            slack = self.columns(count, cost=slack_cost)
            terms = [*terms, (np.arange(count), slack, -1.0)]
        for row, column, coefficient in terms:
            r, c, a = np.broadcast_arrays(np.asarray(row, np.int64), column, np.asarray(coefficient, float))
            self._terms.append((r.ravel() + self.row_count, c.ravel(), a.ravel()))
        low, high = (np.broadcast_to(np.asarray(b, float), (count,)) for b in (lower, upper))
        self._bounds.append((low, high))
        self._blocks.append(Block(name, self.row_count, self.row_count + count))
        self.row_count += count

    def arrays(self) -> Arrays:
        """Everything so far, compressed by column; terms that meet in one place are added up."""
        from scipy.sparse import coo_array

        row, column, value = (np.concatenate(parts) for parts in zip(*self._terms, strict=True))
        shape = (self.row_count, self.column_count)
        matrix = coo_array((value, (row, column)), shape=shape).tocsc()
        matrix.sum_duplicates()
        cost, upper, integer = (np.concatenate(parts) for parts in zip(*self._columns, strict=True))
        low, high = (np.concatenate(parts) for parts in zip(*self._bounds, strict=True))
        return Arrays(
            cost=cost,
            lower=np.zeros(self.column_count),
            upper=upper,
            integer=integer,
            starts=matrix.indptr.astype(np.int32),
            rows=matrix.indices.astype(np.int32),
            coefficients=matrix.data,
            row_lower=low,
            row_upper=high,
            blocks=tuple(self._blocks),
        )
