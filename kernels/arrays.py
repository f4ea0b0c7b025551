"""Arrays for kernels: drawn from a seed, poisoned, upcast, compared; NumPy's or torch's.

torch is imported only when its arrays are asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.kernels.errors import KernelError

BYTES = {
    "fp64": 8.0, "fp32": 4.0, "fp16": 2.0, "bf16": 2.0, "fp8": 1.0,
    "int64": 8.0, "int32": 4.0, "int8": 1.0, "uint8": 1.0,
}  # fmt: skip
"""Bytes per element of every dtype a kernel may meet; `fp8` is e4m3 (fn)."""

NUMPY = {
    "fp64": "float64", "fp32": "float32", "fp16": "float16",
    "int64": "int64", "int32": "int32", "int8": "int8", "uint8": "uint8",
}  # fmt: skip
TORCH = NUMPY | {"bf16": "bfloat16", "fp8": "float8_e4m3fn"}
LAYOUTS = ("contiguous", "padded", "transposed")
PADDING = 3
"""Elements between the rows of a padded layout: odd, so that nothing stays aligned by luck."""
LARGE = {"fp16": 32.0, "fp8": 32.0}
"""What `large` values are multiplied by, 1000 where nothing is said: fp16 and fp8 overflow early."""
SMALLEST = {"fp32": 1.2e-38, "bf16": 1.2e-38, "fp16": 6.1e-5}
"""The smallest normal number: hardware may flush what is below to zero, so there errors are absolute."""
CANARY = 85
"""What integer outputs hold before a kernel has run (0b01010101)."""


def is_torch(array: Any) -> bool:
    """Whether an array is torch's; true only for plain tensors and their subclasses."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(array, torch.Tensor)


def namespace(arrays: Mapping[str, Any]) -> Any:
    """The library whose arrays these are: the module `numpy` or `torch`."""
    return sys.modules["torch"] if any(is_torch(a) for a in arrays.values()) else np


def torch_dtype(dtype: str) -> Any:
    """The torch dtype behind one of our words."""
    import torch

    return getattr(torch, TORCH[dtype])


def numpy_dtype(dtype: str) -> npt.DTypeLike:
    """The NumPy dtype behind one of our words; raises `KernelError` for bf16 and fp8, which NumPy lacks."""
    if dtype not in NUMPY:
        raise KernelError(f"dtype {dtype!r}: NumPy has no such type; ask for library='torch'")
    return np.dtype(NUMPY[dtype])


def upcast(array: Any) -> Any:
    """An fp64 copy of a floating point array; integers are copied as they are."""
    if is_torch(array):
        import torch

        return array.to(torch.float64) if array.is_floating_point() else array.clone()
    return array.astype(np.float64) if np.issubdtype(array.dtype, np.floating) else array.copy()


def as_numpy(array: Any) -> npt.NDArray[Any]:
    """A NumPy copy on the host: floating point as float64, integers as they are."""
    return np.asarray(upcast(array).cpu().numpy() if is_torch(array) else upcast(array))


class Draw:
    """Random values from one seed.

    NumPy draws on the CPU, so a seed means the same numbers on every machine; on another device torch draws
    there, because a gigabyte of weights would take seconds to make and to copy.
    """

    def __init__(self, seed: int, *, device: str = "cpu", library: str = "torch") -> None:
        if library not in ("numpy", "torch"):
            raise KernelError(f"library is {library!r}; numpy or torch")
        if library == "numpy" and device != "cpu":
            raise KernelError(f"device is {device!r}; NumPy has only cpu")
        self.device, self.library = device, library
        self._numpy = np.random.Generator(np.random.Philox(seed))
        self._generator: Any = None
        if device not in ("cpu", "meta"):
            import torch

            self._generator = torch.Generator(device).manual_seed(seed)

    def values(
        self,
        dims: tuple[int, ...],
        dtype: str,
        kind: str = "normal",
        layout: str = "contiguous",
        *,
        scale: float = 1.0,
    ) -> Any:
        """N(0, scale^2) values of a dtype, changed as `kind` says (`Op.make_inputs`), in a memory layout."""
        wide = self._normal(dims) * np.float32(scale).item()
        if kind == "large":
            wide = wide * LARGE.get(dtype, 1000.0)
        elif kind == "constant_rows":
            wide = wide[..., :1] + wide * 0
        elif kind == "one_hot":
            wide = wide * 0
            wide[..., dims[-1] // 2] = 1.0
        elif kind != "normal":
            raise KernelError(f"values is {kind!r}; normal, large, constant_rows or one_hot")
        return self._laid_out(self.cast(wide, dtype), layout)

    def _normal(self, dims: tuple[int, ...]) -> Any:
        if self.device == "meta" or self._generator is not None:
            import torch

            empty = torch.empty(dims, dtype=torch.float32, device=self.device)
            return empty if self._generator is None else empty.normal_(generator=self._generator)
        return self._numpy.standard_normal(dims, dtype=np.float32)

    def integers(self, low: int, high: int, dims: tuple[int, ...], dtype: str = "int32") -> Any:
        """Whole numbers, low <= value < high."""
        return self.cast(self._numpy.integers(low, high, dims), dtype)

    def permutation(self, n: int, dims: tuple[int, ...], dtype: str = "int32") -> Any:
        """The numbers 0 to n - 1 shuffled, the first prod(dims) of them."""
        return self.cast(self._numpy.permutation(n)[: int(np.prod(dims))].reshape(dims), dtype)

    def distinct(self, n: int, dims: tuple[int, int], dtype: str = "int32") -> Any:
        """Rows of different numbers below n, each row in an order of its own."""
        ranks = self._numpy.random((dims[0], n)).argsort(axis=1)
        return self.cast(ranks[:, : dims[1]], dtype)

    def uniform(self, dims: tuple[int, ...], dtype: str = "fp32") -> Any:
        """Between 0.05 and 1."""
        return self.cast(self._numpy.uniform(0.05, 1.0, dims), dtype)

    def cast(self, array: Any, dtype: str) -> Any:
        """An array of the drawing library and device, of one of our dtypes, from a NumPy or torch one."""
        if self.library == "numpy":
            return np.ascontiguousarray(array, dtype=numpy_dtype(dtype))
        import torch

        tensor = array if is_torch(array) else torch.from_numpy(np.ascontiguousarray(array))
        return tensor.to(device=self.device, dtype=torch_dtype(dtype))

    def poison(self, dims: tuple[int, ...], dtype: str, layout: str = "contiguous") -> Any:
        """A buffer nobody may mistake for an answer."""
        value = CANARY if "int" in dtype else np.nan
        return self._laid_out(self.cast(np.full(dims, value), dtype), layout)

    def _laid_out(self, array: Any, layout: str) -> Any:
        if layout not in LAYOUTS:
            raise KernelError(f"layout is {layout!r}; one of {', '.join(LAYOUTS)}")
        if layout == "contiguous" or array.ndim < 2:
            return array
        if layout == "transposed":
            axes = (*range(array.ndim - 2), array.ndim - 1, array.ndim - 2)
            if is_torch(array):
                return array.permute(axes).contiguous().permute(axes)
            return np.ascontiguousarray(array.transpose(axes)).transpose(axes)
        wide = (*array.shape[:-1], array.shape[-1] + PADDING)
        room = array.new_zeros(wide) if is_torch(array) else np.zeros(wide, array.dtype)
        view = room[..., : array.shape[-1]]
        view[...] = array
        return view


@dataclass(frozen=True, slots=True)
class Errors:
    """How far an output is from the fp64 answer."""

    norm: float
    """||out - ref|| / ||ref|| over the finite elements; inf where shapes or non-finite places differ."""
    max_abs: float
    max_rel: float
    matched_share: float
    """Share of elements within atol + rtol x |ref|."""


def errors(out: Any, ref: Any, *, rtol: float = 0.0, atol: float = 0.0, dtype: str = "fp64") -> Errors:
    """Compare an output with its fp64 reference.

    A reference beyond the range of the output's dtype counts as infinite there, as rounding would make it; one
    that is all below its normal numbers is compared absolutely.

    >>> errors(np.array([1.0, 2.0]), np.array([1.0, 2.5])).max_abs
    0.5
    """
    got, want = as_numpy(out).astype(np.float64), as_numpy(ref).astype(np.float64)
    if got.shape != want.shape:
        return Errors(np.inf, np.inf, np.inf, 0.0)
    most = {"fp16": 65504.0, "fp8": 448.0}.get(dtype, np.inf)
    want = np.where(np.abs(want) > most * (1 + 2**-11), np.copysign(np.inf, want), want)
    finite = np.isfinite(want)
    same_places = np.array_equal(np.isfinite(got), finite) and np.array_equal(
        got[~finite], want[~finite], True
    )
    if not same_places:
        return Errors(np.inf, np.inf, np.inf, float(np.mean(np.isfinite(got) & finite)))
    got, want = got[finite], want[finite]
    away = np.abs(got - want)
    if not away.size:
        return Errors(0.0, 0.0, 0.0, 1.0)
    size = float(np.linalg.norm(want))
    norm = float(np.linalg.norm(away)) / (size if size > SMALLEST.get(dtype, 0.0) else 1.0)
    some = want != 0
    matched = float(np.mean(away <= atol + rtol * np.abs(want)))
    return Errors(norm, float(away.max()), float((away[some] / np.abs(want[some])).max(initial=0.0)), matched)
