"""Modular MAX: a graph of one op per shape. Compiling one takes up to minutes, and its engine may end the process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
from max import driver, engine, graph
from max.dtype import DType
from max.graph import ops

from planner.kernels.reference.rows import EPSILON

Arrays = Mapping[str, np.ndarray[Any, Any]]


def _normed(x: Any, weight: Any) -> Any:
    mean = ops.mean(x * x, axis=-1)
    return x * ops.rsqrt(mean + EPSILON) * weight


GRAPHS: dict[str, Callable[..., Any]] = {
    "gemm": lambda x, weight: ops.matmul(x, ops.transpose(weight, 0, 1)),
    "rmsnorm": _normed,
    "softmax": ops.softmax,
    "swiglu": lambda gate, up: ops.silu(gate) * up,
}


def ready(*, device: str) -> None:
    """Refuse where MAX has no such device."""
    if device == "gpu" and not driver.accelerator_count():
        raise ImportError("MAX sees no accelerator here")


@cache
def _model(op: str, device: str, dims: tuple[tuple[int, ...], ...]) -> tuple[Any, Any]:
    place = driver.CPU() if device == "cpu" else driver.Accelerator()
    where = graph.DeviceRef.from_device(place)
    types = [graph.TensorType(DType.float32, d, device=where) for d in dims]
    session = engine.InferenceSession(devices=[place])
    return session.load(graph.Graph(op, forward=GRAPHS[op], input_types=types)), place


def __getattr__(op: str) -> Callable[..., None]:
    if op not in GRAPHS:
        raise AttributeError(op)

    def run(inputs: Arrays, out: Arrays, *, device: str) -> None:
        model, place = _model(op, device, tuple(a.shape for a in inputs.values()))
        buffer = getattr(driver, "Buffer", None) or driver.Tensor  # its name up to MAX 25
        results = model.execute(*(buffer.from_numpy(a).to(place) for a in inputs.values()))
        for array, result in zip(out.values(), results, strict=True):
            np.copyto(array, result.to_numpy())

    return run
