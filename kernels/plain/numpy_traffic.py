"""Calibration in NumPy: moving memory, and calling a function."""

from __future__ import annotations

import numpy as np

from planner.kernels.plain.numpy_rows import Arrays, wide
from planner.kernels.reference.traffic import TRIAD


def copy(inputs: Arrays, out: Arrays) -> None:
    """One stream in, one out."""
    np.copyto(out["y"], inputs["x"])


def triad(inputs: Arrays, out: Arrays) -> None:
    """Two streams in, one out."""
    out["y"][...] = wide(inputs["a"]) + np.float32(TRIAD) * wide(inputs["b"])


def launch(inputs: Arrays, out: Arrays) -> None:
    """One addition per call."""
    np.add(inputs["x"], 1, out=out["y"])
    for _ in range(len(inputs["x"]) - 1):
        np.add(out["y"], 1, out=out["y"])
