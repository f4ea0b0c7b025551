"""The ops by name. Each module here defines a family: tensors, cost, fp64 answer, tolerances, check shapes."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from types import MappingProxyType

from planner.kernels.definition import Op
from planner.kernels.errors import KernelError


@cache
def load_ops() -> Mapping[str, Op]:
    """Every op by name, in the order in which measuring them pays most."""
    from planner.kernels.reference import attention, products, rows, traffic

    families = (products.OPS, attention.OPS, rows.OPS, traffic.OPS)
    return MappingProxyType({op.name: op for ops in families for op in ops})


def op(name: str) -> Op:
    """The op of this name; raises `KernelError` with the nearest names when there is none."""
    known = load_ops()
    if name not in known:
        near = get_close_matches(name, known, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"one of {', '.join(known)}"
        raise KernelError(f"op {name!r} is not defined; {hint}")
    return known[name]
