"""ONNX Runtime: a graph of one op per shape, bound to the caller's buffers, on the execution provider asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper

from planner.kernels.cores import cores
from planner.kernels.reference.rows import EPSILON

Arrays = Mapping[str, Any]
OPSET = 23
"""The first with RMSNormalization and grouped Attention."""
ELEMENTS = {"float32": TensorProto.FLOAT, "float16": TensorProto.FLOAT16}

NODES: dict[str, Callable[..., list[onnx.NodeProto]]] = {
    "gemm": lambda: [helper.make_node("Gemm", ["x", "weight"], ["y"], transB=1)],
    "rmsnorm": lambda: [helper.make_node("RMSNormalization", ["x", "weight"], ["y"], epsilon=EPSILON)],
    "add_rmsnorm": lambda: [
        helper.make_node("Add", ["x", "residual"], ["total"]),
        helper.make_node("RMSNormalization", ["total", "weight"], ["y"], epsilon=EPSILON),
    ],
    "layernorm": lambda: [
        helper.make_node("LayerNormalization", ["x", "weight", "bias"], ["y"], epsilon=EPSILON)
    ],
    "softmax": lambda: [helper.make_node("Softmax", ["x"], ["y"])],
    "swiglu": lambda: [
        helper.make_node("Sigmoid", ["gate"], ["sigmoid"]),
        helper.make_node("Mul", ["gate", "sigmoid"], ["silu"]),
        helper.make_node("Mul", ["silu", "up"], ["y"]),
    ],
    "attention_prefill": lambda heads, kv_heads: [
        helper.make_node(
            "Attention", ["q", "k", "v"], ["o"], is_causal=1, q_num_heads=heads, kv_num_heads=kv_heads
        )
    ],
}


def ready(*, provider: str) -> None:
    """Refuse where this build of ONNX Runtime lacks the provider."""
    have = ort.get_available_providers()
    if provider not in have:
        raise ImportError(f"this onnxruntime has no {provider}; it has {', '.join(have)}")


@cache
def _session(
    op: str,
    provider: str,
    dtype: str,
    heads: tuple[int, ...],
    tensors: tuple[tuple[str, bool, tuple[int, ...]], ...],
) -> ort.InferenceSession:
    element = ELEMENTS[dtype]
    infos = {name: helper.make_tensor_value_info(name, element, dims) for name, _, dims in tensors}
    graph = helper.make_graph(
        NODES[op](*heads), op, [infos[n] for n, goes_in, _ in tensors if goes_in],
        [infos[n] for n, goes_in, _ in tensors if not goes_in],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = cores()
    session = ort.InferenceSession(model.SerializeToString(), options, providers=[provider])
    if session.get_providers()[0] != provider:
        raise RuntimeError(f"{provider} did not start; ONNX Runtime took {session.get_providers()[0]}")
    return session


def _flat(array: Any) -> tuple[int, ...]:
    """Dimensions as the graph sees them: heads and their values are one axis."""
    dims = tuple(array.shape)
    return (*dims[:2], dims[2] * dims[3]) if len(dims) == 4 else dims


def _run(op: str, inputs: Arrays, out: Arrays, provider: str, heads: tuple[int, ...] = ()) -> None:
    first = next(iter(inputs.values()))
    dtype = str(first.dtype).removeprefix("torch.")
    tensors = tuple(
        (name, side is inputs, _flat(array)) for side in (inputs, out) for name, array in side.items()
    )
    session = _session(op, provider, dtype, heads, tensors)
    binding = session.io_binding()
    for side, bind in ((inputs, binding.bind_input), (out, binding.bind_output)):
        for name, array in side.items():
            on_cpu = isinstance(array, np.ndarray) or array.device.type == "cpu"
            pointer = array.ctypes.data if isinstance(array, np.ndarray) else array.data_ptr()
            bind(name, "cpu" if on_cpu else "cuda", 0, np.dtype(dtype), _flat(array), pointer)
    session.run_with_iobinding(binding)
    binding.synchronize_outputs()


def __getattr__(op: str) -> Callable[..., None]:
    if op not in NODES:
        raise AttributeError(op)

    def run(inputs: Arrays, out: Arrays, *, provider: str) -> None:
        heads = (inputs["q"].shape[2], inputs["k"].shape[2]) if op == "attention_prefill" else ()
        _run(op, inputs, out, provider, heads)

    return run
