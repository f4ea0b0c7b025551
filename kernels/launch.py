"""Starting Triton kernels, the same way on every vendor, and writing down what would be started.

Our kernels start through `launch`. Inside `recorded()` nothing runs: each launch is noted with its argument
types instead, which is all the compiler needs; so tensors without memory (torch's "meta" device) are enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

INTERPRETED_UNITS = 2
"""Programs a persistent kernel starts where there is no device: few, so that each walks over several tiles."""


@dataclass(frozen=True, slots=True)
class Launch:
    """One kernel that would have been started."""

    kernel: Any
    arguments: tuple[Any, ...]
    constants: dict[str, Any]
    warps: int
    stages: int


_recording: ContextVar[list[Launch] | None] = ContextVar("recording", default=None)


@contextmanager
def recorded() -> Iterator[list[Launch]]:
    """Note launches instead of starting them."""
    launches: list[Launch] = []
    token = _recording.set(launches)
    try:
        yield launches
    finally:
        _recording.reset(token)


def launch(
    kernel: Any, grid: tuple[int, ...], *arguments: Any, warps: int = 4, stages: int = 2, **constants: Any
) -> None:
    """Start `kernel` on `grid` with runtime `arguments` in order and compile-time `constants` by name."""
    noted = _recording.get()
    if noted is not None:
        noted.append(Launch(kernel, arguments, constants, warps, stages))
        return
    kernel[grid](*arguments, num_warps=warps, num_stages=stages, **constants)


def ceil_div(a: int, b: int) -> int:
    """a / b, rounded up."""
    return -(-a // b)


def power_of_two(n: int, least: int = 1) -> int:
    """The smallest power of two that is at least n and at least `least`.

    >>> power_of_two(100), power_of_two(3, 16)
    (128, 16)
    """
    return max(least, 1 << (n - 1).bit_length())


def warps_for(elements: int) -> int:
    """Warps that give each thread about 16 elements of a row, 1 to 16."""
    return min(16, max(1, power_of_two(ceil_div(elements, 512))))


def compute_units(tensor: Any) -> int:
    """Multiprocessors (compute units, Xe cores) of the device a tensor is on."""
    import torch

    if tensor.device.type == "cuda":  # CUDA and ROCm
        return int(torch.cuda.get_device_properties(tensor.device).multi_processor_count)
    if tensor.device.type == "xpu":
        return int(torch.xpu.get_device_properties(tensor.device).gpu_subslice_count)
    return INTERPRETED_UNITS
