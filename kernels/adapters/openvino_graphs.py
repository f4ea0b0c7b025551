"""OpenVINO: a graph of one op per shape on the device asked for, its tensors the caller's buffers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
import openvino as ov
from openvino import opset13 as ops

from planner.kernels.cores import cores
from planner.kernels.reference.rows import EPSILON

Arrays = Mapping[str, np.ndarray[Any, Any]]
LAST = np.array([-1], np.int64)


def _normed(x: Any, weight: Any, dtype: Any) -> Any:
    mean = ops.reduce_mean(ops.multiply(x, x), LAST, keep_dims=True)
    root = ops.sqrt(ops.add(mean, np.array(EPSILON, dtype)))
    return ops.multiply(ops.divide(x, root), weight)


def _add_rmsnorm(x: Any, residual: Any, weight: Any, *, dtype: Any) -> list[Any]:
    total = ops.add(x, residual)
    return [_normed(total, weight, dtype), total]


def _layernorm(x: Any, weight: Any, bias: Any, *, dtype: Any) -> list[Any]:
    centred = ops.mvn(x, LAST, True, EPSILON, "inside_sqrt")
    return [ops.add(ops.multiply(centred, weight), bias)]


GRAPHS: dict[str, Callable[..., list[Any]]] = {
    "gemm": lambda x, weight, dtype: [ops.matmul(x, weight, False, True)],
    "rmsnorm": lambda x, weight, dtype: [_normed(x, weight, dtype)],
    "add_rmsnorm": _add_rmsnorm,
    "layernorm": _layernorm,
    "softmax": lambda x, dtype: [ops.softmax(x, -1)],
    "swiglu": lambda gate, up, dtype: [ops.multiply(ops.swish(gate), up)],
}
"""Inputs in the op's order -> outputs in the op's order."""


def ready(*, device: str) -> None:
    """Refuse where OpenVINO sees no such device."""
    have = ov.Core().available_devices
    if device not in {name.partition(".")[0] for name in have}:
        raise ImportError(f"OpenVINO sees no {device} here; it sees {', '.join(have)}")


@cache
def _request(op: str, device: str, dtype: str, dims: tuple[tuple[int, ...], ...]) -> ov.InferRequest:
    parameters = [ops.parameter(list(d), np.dtype(dtype)) for d in dims]
    model = ov.Model(GRAPHS[op](*parameters, dtype=np.dtype(dtype)), parameters, op)
    # Without the hint a CPU with bf16 instructions computes fp32 graphs in bf16.
    options = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32" if dtype == "float32" else "f16",
    }
    if device == "CPU":
        options["INFERENCE_NUM_THREADS"] = str(cores())
    return ov.compile_model(model, device, options).create_infer_request()


def __getattr__(op: str) -> Callable[..., None]:
    if op not in GRAPHS:
        raise AttributeError(op)

    def run(inputs: Arrays, out: Arrays, *, device: str) -> None:
        arrays = list(inputs.values())
        request = _request(op, device, str(arrays[0].dtype), tuple(a.shape for a in arrays))
        for place, array in enumerate(arrays):
            request.set_input_tensor(place, ov.Tensor(array, shared_memory=True))
        for place, array in enumerate(out.values()):
            request.set_output_tensor(place, ov.Tensor(array, shared_memory=True))
        request.infer()

    return run
