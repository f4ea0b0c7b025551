"""The nonce challenge: output values only somebody who ran an implementation of the op can know.

A reviewer hands out a nonce; the harness draws inputs from it on a small shape, runs the variant, and returns
the output at places the nonce chose. Inputs come from NumPy on every machine, so the answer can be checked
against fp64 anywhere, within the op's tolerance.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from planner.kernels import load, manifest, op
from planner.kernels.arrays import NUMPY, as_numpy, is_torch
from planner.kernels.definition import Arrays, Shape
from planner.profiles.measure.protocol import Backend, seed_of

PLACES = 8
"""Values per output."""
SPREAD, ROUNDED = 10.0, 2e-6
"""A single value may be this many norm-wise tolerances off, and is written with six digits."""


def _question(name: str, dtype: str, nonce: str) -> tuple[Shape, int]:
    seed = seed_of(nonce, "challenge", name, dtype)
    shapes = op(name).check_shapes
    return shapes[seed % len(shapes)], seed


def _at(outputs: Arrays, seed: int) -> tuple[float, ...]:
    rng = np.random.default_rng(seed)
    found: list[float] = []
    for name in sorted(outputs):
        flat = as_numpy(outputs[name]).astype(np.float64).reshape(-1)
        found += flat[rng.integers(0, flat.size, PLACES)].tolist()
    return tuple(float(f"{value:.6g}") for value in found)


def answer_challenge(
    variant: str, name: str, dtype: str, nonce: str, backend: Backend, folders: Iterable[Path] = ()
) -> tuple[float, ...]:
    """What the variant answers; empty where it is not registered here or refuses the shape."""
    asked, (shape, seed) = op(name), _question(name, dtype, nonce)
    try:
        run = load(manifest(variant, folders), target=backend.device.arch, dtype=dtype)
        library = run.manifest.arrays
        inputs = asked.make_inputs(shape, dtype, seed, library=library)
        outputs = asked.make_outputs(shape, dtype, library=library)
        here = {n: _moved(a, backend.place) for n, a in inputs.items()}
        there = {n: _moved(a, backend.place) for n, a in outputs.items()}
        run(here, there)
        backend.settle()
    except Exception:  # no answer is an answer: verification says that it is missing
        return ()
    return _at(there, seed)


def _moved(array: Any, place: str) -> Any:
    return array.to(place) if is_torch(array) else array


def matches(name: str, dtype: str, nonce: str, told: Sequence[float]) -> bool:
    """Whether an answer to a challenge is the fp64 one, each value within the tolerance times the largest."""
    asked, (shape, seed) = op(name), _question(name, dtype, nonce)
    library = (
        "numpy"
        if dtype in ("fp32", "fp16") and all(t.dtype_for(dtype) in NUMPY for t in asked.inputs(shape))
        else "torch"
    )
    inputs = asked.make_inputs(shape, dtype, seed, library=library)
    wanted = np.array(_at(asked.reference(inputs, shape), seed))
    limit = max(t.norm for t in asked.tolerances(dtype, shape).values())
    if len(told) != wanted.size:
        return False
    size = float(np.max(np.abs(wanted), initial=0.0)) or 1.0
    return bool(np.max(np.abs(np.array(told) - wanted), initial=0.0) <= (SPREAD * limit + ROUNDED) * size)
