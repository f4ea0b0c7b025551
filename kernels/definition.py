"""What an op is: its axes, its tensors, what it costs, its answer in fp64 and how far a kernel may be from it.

An `Op` is data and pure functions. The arrays are NumPy's or torch's, whichever the caller asks for
(`planner.kernels.arrays`); nothing here imports either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

from planner.kernels.arrays import BYTES, NUMPY, Draw, namespace, upcast
from planner.kernels.errors import KernelError
from planner.kernels.ops import Work

Shape = Mapping[str, int]
Arrays = dict[str, Any]

ELEMENT_RTOL = {"fp32": 1.3e-6, "tf32": 1e-3, "fp16": 1e-3, "bf16": 0.016, "fp8": 1e-3}
"""Relative bound per element, as FlagGems writes it down; the absolute one is 1e-4 x reduction length."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """One input or output: `dtype` "x" stands for the dtype the op is asked for."""

    name: str
    dims: tuple[int, ...]
    dtype: str = "x"
    scale: float = 1.0
    """What the N(0, 1) values are multiplied by; weights want 1 / sqrt(inputs) so that fp16 holds the sums."""

    def dtype_for(self, asked: str) -> str:
        """The dtype it has when the op runs in `asked`."""
        return ("fp32" if asked == "tf32" else asked) if self.dtype == "x" else self.dtype

    def bytes_for(self, asked: str) -> float:
        """Its size in bytes."""
        return float(prod(self.dims)) * BYTES[self.dtype_for(asked)]


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far from the fp64 answer one output may be.

    `norm` bounds ||out - ref|| / ||ref||; `rtol` and `atol` bound each element (their sum, as torch does).
    """

    norm: float
    rtol: float
    atol: float


@dataclass(frozen=True)
class Op:
    """A kernel-level operation, defined once for every variant of it."""

    name: str
    family: str
    """What the op tables of the planner call it: gemm, attention_prefill, moe, rmsnorm ..."""
    summary: str
    axes: tuple[str, ...]
    dtypes: tuple[str, ...]
    inputs: Callable[[Shape], tuple[Tensor, ...]]
    outputs: Callable[[Shape], tuple[Tensor, ...]]
    flops_of: Callable[[Shape], float]
    compute: Callable[[Any, Arrays, Shape], Arrays]
    """(array namespace, inputs in fp64, shape) -> outputs in fp64; written for NumPy and torch alike."""
    norm: Mapping[str, float]
    """Norm-wise tolerance per dtype."""
    reduction: Callable[[Shape], int]
    """How many terms one output element adds up."""
    check_shapes: tuple[Shape, ...]
    """Small and odd shapes every variant is checked on, without a GPU."""
    typical: Shape
    """A shape as models have it; what kernels are compiled for where there is no GPU."""
    draw: Callable[[Draw, Shape, str], Arrays] | None = None
    """Inputs that are not all N(0, 1): indices, tables, packed weights. Returns those; the rest is drawn."""
    rules: Callable[[Shape], str | None] = lambda shape: None
    """Why a shape makes no sense, None when it does."""
    bytes_of: Callable[[Shape, str], float] | None = None
    """Where less crosses DRAM than the tensors hold (experts no token chose)."""
    ill_conditioned: Mapping[str, float] = field(default_factory=dict)
    """How many times further off an fp32 answer may be on a kind of `values`: an exponential turns the rounding of
    a large argument into an error, a division by a tiny deviation that of the mean."""
    output_norm: Mapping[str, float] | None = None
    """Tolerances of outputs that do not follow the dtype (scales, codes)."""

    def check(self, shape: Shape, dtype: str) -> None:
        """Raise `KernelError` when the op has no such shape or dtype.

        >>> from planner.kernels import op
        >>> op("rmsnorm").check({"tokens": 4, "width": 0}, "bf16")
        Traceback (most recent call last):
        planner.kernels.errors.KernelError: rmsnorm: axis width is 0; give a whole number of 1 or more
        """
        if dtype not in self.dtypes:
            raise KernelError(f"{self.name}: dtype is {dtype!r}; one of {', '.join(self.dtypes)}")
        if set(shape) != set(self.axes):
            raise KernelError(
                f"{self.name}: axes are {', '.join(sorted(shape)) or 'none'}; give {', '.join(self.axes)}"
            )
        for axis, value in shape.items():
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise KernelError(f"{self.name}: axis {axis} is {value!r}; give a whole number of 1 or more")
        if wrong := self.rules(shape):
            raise KernelError(f"{self.name}: {wrong}")

    def flops(self, shape: Shape) -> float:
        """Floating point operations of one call."""
        return float(self.flops_of(shape))

    def bytes(self, shape: Shape, dtype: str) -> float:
        """Compulsory DRAM traffic in bytes: every input read once, every output written once."""
        if self.bytes_of is not None:
            return self.bytes_of(shape, dtype)
        return sum(t.bytes_for(dtype) for t in (*self.inputs(shape), *self.outputs(shape)))

    def work(self, shape: Shape, dtype: str) -> Work:
        """FLOP and bytes together.

        >>> from planner.kernels import op
        >>> op("rmsnorm").work({"tokens": 8192, "width": 4096}, "bf16")
        Work(flops=134217728.0, bytes=134225920.0)
        """
        return Work(flops=self.flops(shape), bytes=self.bytes(shape, dtype))

    def make_inputs(
        self,
        shape: Shape,
        dtype: str,
        seed: int,
        *,
        device: str = "cpu",
        library: str = "torch",
        values: str = "normal",
        layout: str = "contiguous",
    ) -> Arrays:
        """Fresh inputs by name; same seed, same values.

        `library` is "numpy" or "torch". On the CPU the values come from NumPy, so they are the same on every
        machine; elsewhere the device draws them. `values`: "normal" N(0, 1), "large" (times 1000, 32 in
        fp16), "constant_rows", "one_hot" (both of the first input). `layout`: "contiguous", "padded" (rows of
        a wider buffer) or "transposed" (matrices only, the last two dimensions swapped in memory).
        """
        self.check(shape, dtype)
        draw = Draw(seed, device=device, library=library)
        special = self.draw(draw, shape, dtype) if self.draw else {}
        made: Arrays = {}
        for place, tensor in enumerate(self.inputs(shape)):
            if tensor.name in special:
                made[tensor.name] = special[tensor.name]
                continue
            kind = values if place == 0 else "normal"
            made[tensor.name] = draw.values(
                tensor.dims, tensor.dtype_for(dtype), kind, layout, scale=tensor.scale
            )
        return made

    def make_outputs(
        self,
        shape: Shape,
        dtype: str,
        *,
        device: str = "cpu",
        library: str = "torch",
        layout: str = "contiguous",
    ) -> Arrays:
        """Output buffers, poisoned: NaN in floating point, a canary in integers."""
        draw = Draw(0, device=device, library=library)
        return {t.name: draw.poison(t.dims, t.dtype_for(dtype), layout) for t in self.outputs(shape)}

    def reference(self, inputs: Arrays, shape: Shape) -> Arrays:
        """The answer in fp64 from upcast copies of `inputs`, by output name, in the library of the inputs."""
        wide = {name: upcast(array) for name, array in inputs.items()}
        return self.compute(namespace(wide), wide, shape)

    def tolerances(self, dtype: str, shape: Shape, values: str = "normal") -> Mapping[str, Tolerance]:
        """What each output is allowed for inputs of these `values`."""
        own = self.output_norm or {}
        wider = self.ill_conditioned.get(values, 1.0)
        return {
            t.name: Tolerance(
                own.get(t.name, self.norm[dtype]) * wider,
                ELEMENT_RTOL[dtype],
                1e-4 * self.reduction(shape),
            )
            for t in self.outputs(shape)
        }

    def libraries(self, dtype: str) -> tuple[str, ...]:
        """Whose arrays can hold its tensors: NumPy has neither bf16 nor fp8."""
        shape = self.check_shapes[0]
        held = {t.dtype_for(dtype) for t in (*self.inputs(shape), *self.outputs(shape))}
        return ("numpy", "torch") if held <= set(NUMPY) else ("torch",)

    def key(self, shape: Shape) -> str:
        """A shape as text, axes in the op's order.

        >>> from planner.kernels import op
        >>> op("rmsnorm").key({"width": 4096, "tokens": 8})
        'tokens=8,width=4096'
        """
        return ",".join(f"{axis}={shape[axis]}" for axis in self.axes)

    def shape(self, key: str) -> dict[str, int]:
        """`key` read back.

        >>> from planner.kernels import op
        >>> op("rmsnorm").shape("tokens=8,width=4096")
        {'tokens': 8, 'width': 4096}
        """
        try:
            found = {axis: int(value) for axis, _, value in (part.partition("=") for part in key.split(","))}
        except ValueError:
            raise KernelError(
                f"{self.name}: shape {key!r} is not of the form {'=1,'.join(self.axes)}=1"
            ) from None
        self.check(found, self.dtypes[0])
        return found
