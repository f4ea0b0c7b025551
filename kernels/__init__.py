"""Kernels: what an op is, what it costs, which variants of it there are, and how to run them.

`op("rmsnorm")` defines an operation (axes, tensors, FLOP, bytes, fp64 answer, tolerances); `variants("rmsnorm")`
are the manifests of what can run it; `load(variant)` imports one and gives a callable `run(inputs, out)`.
`ops` has the FLOP and bytes of the measured op tables, `registry` the reviewed kernels of the engines.
Nothing here needs a GPU, and nothing imports torch before a variant of it is loaded.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from planner.kernels.loading import Runner, Unavailable, load, manifest, unavailable, variants
    from planner.kernels.reference import load_ops, op

_FROM_REFERENCE = ("load_ops", "op")

__version__ = "0.0.0"
"""Not ours (that is `planner.__version__`): in a clone this folder shadows the Hugging Face package `kernels`, and
transformers, which asks any `kernels` it finds for a version, must read one that is too old to be used."""

__all__ = ["Runner", "Unavailable", "load", "load_ops", "manifest", "op", "unavailable", "variants"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{'reference' if name in _FROM_REFERENCE else 'loading'}"), name)
