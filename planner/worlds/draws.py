"""Seeded draws by name: the same seed and name give the same numbers, whatever else is drawn beside them.

Each series goes through its range evenly (permutations, quantiles), so that few worlds already stand for many.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.errors import InputError

Array = NDArray[np.float64]
MOST = 10_000


@dataclass(frozen=True, slots=True)
class Draws:
    """`count` worlds of one `seed`."""

    seed: int
    count: int

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**32:
            raise InputError(f"seed: {self.seed} is not between 0 and 4294967295")
        if not 1 <= self.count <= MOST:
            raise InputError(f"worlds: {self.count} is not between 1 and {MOST}")

    def _generator(self, name: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, zlib.crc32(name.encode())])

    def members(self, name: str, size: int) -> NDArray[np.int64]:
        """One of `size` members per world; every member comes up before any comes up again.

        >>> sorted(Draws(0, 4).members("a", 2).tolist())
        [0, 0, 1, 1]
        """
        rng = self._generator(name)
        rounds = -(-self.count // size)
        return np.concatenate([rng.permutation(size) for _ in range(rounds)])[: self.count].astype(np.int64)

    def normal(self, name: str) -> Array:
        """Standard normal per world, the quantiles of equal shares in random order."""
        from scipy.special import ndtri

        ranks = self._generator(name).permutation(self.count)
        return np.asarray(ndtri((ranks + 0.5) / self.count), float)

    def happens(self, name: str, probability: float) -> NDArray[np.bool_]:
        """Whether an event of this probability happens, per world."""
        return np.asarray(self._generator(name).random(self.count) < probability)
