"""Memory the harness owns: inputs and outputs of NumPy or torch, drawn, watched, poisoned, compared.

A kernel receives dictionaries of arrays and fills the outputs; it never hands memory back.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from planner.kernels.arrays import CANARY, is_torch
from planner.kernels.definition import Arrays, Op, Shape


def clone(array: Any) -> Any:
    """An independent copy with the same values."""
    return array.detach().clone() if is_torch(array) else array.copy()


def clones(arrays: Mapping[str, Any]) -> Arrays:
    """Copies of all of them."""
    return {name: clone(array) for name, array in arrays.items()}


def assign(target: Any, source: Any) -> None:
    """New content in the same memory."""
    if is_torch(target):
        target.copy_(source)
    else:
        np.copyto(target, source)


def _bits(array: Any) -> Any:
    """The bytes of an array as a flat uint8 one."""
    if is_torch(array):
        return array.detach().contiguous().reshape(-1).view(sys.modules["torch"].uint8)
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def _is_floating(array: Any) -> bool:
    return bool(array.is_floating_point() if is_torch(array) else np.issubdtype(array.dtype, np.floating))


def same_bits(a: Any, b: Any) -> bool:
    """Whether two arrays hold exactly the same bytes, NaN included."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    one, other = _bits(a), _bits(b)
    return bool((one == other).all())


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Names whose bytes are not what they were."""
    return [name for name in before if not same_bits(before[name], after[name])]


def unwritten_share(array: Any) -> float:
    """Share of elements that still hold the poison."""
    if not _is_floating(array):
        left = array == CANARY
    elif is_torch(array):
        left = array.float().isnan()  # fp8 has no comparison of its own
    else:
        left = np.isnan(array)
    return float(left.double().mean() if is_torch(left) else left.mean())


def poison(outputs: Mapping[str, Any]) -> None:
    """Overwrite outputs with what no answer holds."""
    for array in outputs.values():
        value = float("nan") if _is_floating(array) else CANARY
        if is_torch(array):
            array.fill_(value)
        else:
            array.fill(value)


def nbytes(arrays: Mapping[str, Any]) -> int:
    """Bytes of all of them."""
    return sum(int(a.numel() * a.element_size()) if is_torch(a) else int(a.nbytes) for a in arrays.values())


def identity(arrays: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    """What must not change of a buffer: object, type, address, shape, strides, dtype."""
    return {
        name: (id(a), type(a), a.data_ptr(), tuple(a.shape), tuple(a.stride()), str(a.dtype))
        if is_torch(a)
        else (id(a), type(a), a.ctypes.data, a.shape, a.strides, str(a.dtype))
        for name, a in arrays.items()
    }


def nudge(inputs: Mapping[str, Any], rng: np.random.Generator) -> None:
    """Change one random element of every floating-point input in place, so that no content comes twice."""
    for array in inputs.values():
        if _is_floating(array) and array.ndim:
            place = tuple(int(rng.integers(n)) for n in array.shape)
            array[place] = float(rng.choice((-4.0, 4.0)) + rng.standard_normal() / 4)


@dataclass(frozen=True, slots=True)
class Call:
    """One set of inputs and the outputs to fill from it."""

    inputs: Arrays
    outputs: Arrays


def draw(
    op: Op, shape: Shape, dtype: str, seed: int, *, library: str, device: str, values: str = "normal",
    layout: str = "contiguous",
) -> Call:  # fmt: skip
    """Fresh inputs and poisoned outputs."""
    told = {"library": library, "device": device, "layout": layout}
    return Call(
        op.make_inputs(shape, dtype, seed, values=values, **told),
        op.make_outputs(shape, dtype, **told),
    )
