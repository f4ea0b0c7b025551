"""Row ops in NumPy, in fp32 whatever the inputs are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.kernels.reference.rows import EPSILON

Arrays = Mapping[str, npt.NDArray[Any]]


def rmsnorm(inputs: Arrays, out: Arrays) -> None:
    """One pass for the mean square, one for the result."""
    x = inputs["x"].astype(np.float32, copy=False)
    scale = 1 / np.sqrt(np.square(x).mean(axis=-1, keepdims=True, dtype=np.float64) + EPSILON)
    out["y"][...] = x * scale.astype(np.float32) * inputs["weight"].astype(np.float32, copy=False)
