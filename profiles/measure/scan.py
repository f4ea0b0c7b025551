"""What a variant's sources give away before it runs: a reading of the syntax tree, never a proof of innocence."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping

from planner.profiles.measure.findings import Finding

NAMES: Mapping[str, tuple[str, ...]] = {
    "uses_streams": ("Stream", "ExternalStream", "set_stream", "current_stream"),
    "uses_threads": ("Thread", "ThreadPoolExecutor", "ProcessPoolExecutor", "Process", "Popen", "fork"),
    "touches_timers": (
        "perf_counter", "perf_counter_ns", "process_time", "process_time_ns", "clock_gettime", "elapsed_time",
        "planner.profiles", "do_bench",
    ),
    "keeps_pointers": ("data_ptr", "untyped_storage", "__array_interface__"),
    "subclasses_tensor": ("_make_subclass", "__torch_dispatch__", "__torch_function__", "__array_finalize__"),
    "looks_around": ("_getframe", "currentframe", "get_objects", "get_referrers", "settrace"),
}  # fmt: skip
"""Names whose use asks for a look."""
VENDOR_CALLS = frozenset({
    "matmul", "mm", "bmm", "addmm", "linear", "einsum", "softmax", "log_softmax", "rms_norm", "layer_norm",
    "scaled_dot_product_attention", "cross_entropy", "conv2d", "dot", "_scaled_mm", "_int_mm", "group_norm",
})  # fmt: skip
VENDOR_HOMES = frozenset({"torch", "np", "numpy", "functional", "F", "nn", "aten", "jnp"})
OWN_LANGUAGES = ("triton", "cuda", "hip", "c++", "mojo", "tilelang", "cute")
"""Languages in which a kernel is expected to do its own work."""


def scan(sources: Iterable[tuple[str, str]], *, language: str) -> tuple[Finding, ...]:
    """Findings over (file name, text) pairs.

    >>> [f.name for f in scan([("k.py", "import gc\\ngc.get_objects()")], language="triton")]
    ['looks_around']
    """
    found: dict[str, Finding] = {}
    for name, text in sources:
        if not name.endswith(".py"):
            continue
        try:
            tree = ast.parse(text)
        except SyntaxError as error:
            return (Finding("raised", f"{name}:{error.lineno}: not Python"),)
        for finding in (
            *_suspicious(tree, name),
            *(_fallbacks(tree, name) if language in OWN_LANGUAGES else ()),
        ):
            found.setdefault(finding.name, finding)
    return tuple(found.values())


def _suspicious(tree: ast.AST, file: str) -> Iterator[Finding]:
    for node in ast.walk(tree):
        said = _said(node)
        for name, words in NAMES.items():
            if any(word in words for word in said):
                yield Finding(name, f"{file}:{getattr(node, 'lineno', 0)} uses {said[-1]}")


def _said(node: ast.AST) -> tuple[str, ...]:
    """Names a node uses, a dotted module with each of its beginnings."""
    if isinstance(node, ast.Attribute):
        return (node.attr,)
    if isinstance(node, ast.Name):
        return (node.id,)
    if isinstance(node, ast.ImportFrom):
        parts = (node.module or "").split(".")
        return (*(".".join(parts[: n + 1]) for n in range(len(parts))), *(alias.name for alias in node.names))
    if isinstance(node, ast.Import):
        return tuple(alias.name for alias in node.names)
    return ()


def _fallbacks(tree: ast.AST, file: str) -> Iterator[Finding]:
    """A vendor's compute call inside a `try` or an `except`: the kernel's name over the vendor's time."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Try):
            for call in ast.walk(node):
                if isinstance(call, ast.Call) and _is_vendor(call.func):
                    yield Finding(
                        "vendor_fallback", f"{file}:{call.lineno} calls {ast.unparse(call.func)} beside a try"
                    )


def _is_vendor(function: ast.expr) -> bool:
    if not isinstance(function, ast.Attribute) or function.attr not in VENDOR_CALLS:
        return False
    home = ast.unparse(function.value).split(".")
    return bool(VENDOR_HOMES & set(home))
