"""The two records of the op-table store: a block's header and its curves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Block:
    """Provenance of one measured table: one system, op, engine, version, kernel, dtype and detail."""

    system: str
    op: str
    engine: str
    engine_version: str
    variant: str
    """Name in `planner.kernels.registry`."""
    kernel_source: str
    """The kernel as the source spells it."""
    dtype: str
    kv_dtype: str
    """Empty where no cache is read."""
    detail: tuple[tuple[str, str], ...]
    axes: tuple[str, ...]
    """Names of the integer key columns of `Curves.keys`."""
    x: str
    """Name of the size along each curve."""
    value: str
    """"seconds" of one call, or "watts" of one GPU while it repeats."""
    quality: tuple[str, ...]
    floor_s: float | None
    """Time of an empty call where launches dominate the small shapes, else None."""
    source: str
    as_of: str | None
    licence: str
    rows_source: int
    rows_kept: int
    non_monotone: int
    """Neighbours along a curve whose value falls by more than a tenth; kept as measured."""
    above_roofline: int
    """Source rows faster than the memory or the tensor cores allow (caches, optimistic clocks)."""
    thinning_error: float
    """Largest relative error of a dropped point when interpolated from what is kept."""
    file: str
    row_group: int

    def about(self, key: str) -> str | None:
        """Value of one detail, None where the block has no such detail."""
        return next((v for k, v in self.detail if k == key), None)


@dataclass(frozen=True, slots=True)
class Curves:
    """Every curve of a block: `keys[i]` names curve i, whose points are x, y in `start[i]:start[i + 1]`.

    Rows are sorted by keys, x rises inside a curve, y is positive.
    """

    keys: npt.NDArray[np.int32]
    start: npt.NDArray[np.int64]
    x: Floats
    y: Floats
    cache: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)
    """What look-ups derived once from the arrays above (logarithms, key index, neighbour weights)."""

    def __len__(self) -> int:
        return len(self.keys)

    def index(self, key: tuple[int, ...]) -> int:
        """Number of the curve with this key, -1 when it was not measured.

        >>> keys = np.array([[1, 2], [1, 4]], np.int32)
        >>> Curves(keys, np.array([0, 1, 2]), np.ones(2), np.ones(2)).index((1, 4))
        1
        """
        table = self.cache.get("index")
        if table is None:
            table = self.cache["index"] = {tuple(k): i for i, k in enumerate(self.keys.tolist())}
        return int(table.get(key, -1))

    def curve(self, i: int) -> tuple[Floats, Floats]:
        """Sizes and values of curve i."""
        part = slice(self.start[i], self.start[i + 1])
        return self.x[part], self.y[part]
