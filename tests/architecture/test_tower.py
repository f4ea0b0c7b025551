"""The house: app -> planner -> pricing -> profiles -> kernels, arrows only downward, no circle anywhere."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FLOORS = ("kernels", "profiles", "pricing", "planner", "app")
"""Lowest first; each may import those before it."""

ONLY_IN: dict[str, tuple[str, ...]] = {
    "torch": ("planner.kernels", "planner.profiles.measure.accelerator"),
    "triton": ("planner.kernels",),
    "pulp": ("planner.optimize",),
    "highspy": ("planner.optimize",),
    "httpx": ("planner.pricing.providers",),
    "streamlit": ("planner.app",),
    "duckdb": ("planner.store", "planner.pricing.history"),
    "pg8000": ("planner.store", "planner.pricing.snapshot_postgres"),
    "genai_prices": ("planner.pricing.tokens",),
    "xlsxwriter": ("planner.report",),
    "weasyprint": ("planner.report",),
    "typer": ("planner.cli",),
    "rich": ("planner.cli", "planner.render"),
}
"""Where a heavy or outward library may be named at all."""

SEES: dict[str, tuple[str, ...]] = {
    "planner.render": (
        "planner.plan",
        "planner.records",
        "planner.canonical",
        "planner.errors",
        "planner.verdict",
        "planner.risk",
        "planner.analysis.records",
    ),
    "planner.report": (
        "planner.plan",
        "planner.records",
        "planner.canonical",
        "planner.errors",
        "planner.render",
    ),
    "planner.export": (
        "planner.plan",
        "planner.records",
        "planner.canonical",
        "planner.errors",
        "planner.render.text",
        "planner.render.listing",
    ),
    "planner.verdict": ("planner.plan",),
    "planner.risk": ("planner.plan",),
    "planner.policy": ("planner.plan", "planner.records", "planner.errors", "planner.verdict"),
    "planner.compare": ("planner.plan", "planner.records", "planner.errors", "planner.verdict"),
    "planner.lock": ("planner.plan", "planner.records", "planner.canonical", "planner.errors"),
    "planner.cli": ("planner.api", "planner.render", "planner.errors", "planner.files"),
    "planner.app": ("planner.api", "planner.render", "planner.errors"),
}
"""What these parts may see of `planner`, themselves and bare `planner` apart."""

CLOCK_AND_ENVIRONMENT = (
    "date.today",
    "datetime.now",
    "time.time",
    "os.environ",
    "os.getenv",
    "random.random",
)
EDGES = (
    "planner.api",
    "planner.analyses",
    "planner.pipeline",
    "planner.measurements",
    "planner.uncertainty",
    "planner.cli",
    "planner.app",
    "planner.kernels.launch",
    "planner.profiles.measure",
)
"""The only places that may ask what day it is or what the environment says."""

MOST_LINES = 400


@dataclass(frozen=True)
class Import:
    """One import: who, whom, and whether it happens when the importer is loaded, and for types only."""

    importer: str
    imported: str
    line: int
    on_load: bool
    for_types: bool


def _files() -> Iterator[tuple[str, Path]]:
    """Module name and file of every source file."""
    for floor in FLOORS:
        for path in sorted((ROOT / floor).rglob("*.py")):
            parts = list(path.relative_to(ROOT).with_suffix("").parts)
            parts = parts[:-1] if parts[-1] == "__init__" else parts
            yield ".".join(parts if floor == "planner" else ["planner", *parts]), path


@cache
def _modules() -> dict[str, Path]:
    return dict(_files())


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(_modules()[module].read_text(encoding="utf-8"))


@cache
def _imports() -> tuple[Import, ...]:
    return tuple(found for module in _modules() for found in _imports_of(module))


def _imports_of(module: str) -> Iterator[Import]:
    def walk(node: ast.AST, on_load: bool, for_types: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            types_here = for_types or (
                isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
            )
            loads = (
                on_load and not types_here and not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
            )
            for name in _names(child):
                yield Import(module, name, child.lineno, loads, types_here)  # type: ignore[attr-defined]
            yield from walk(child, loads, types_here)

    yield from walk(_tree(module), on_load=True, for_types=False)


def _names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        for alias in node.names:
            full = f"{base}.{alias.name}"
            yield full if full in _modules() else base


def _under(module: str, parents: tuple[str, ...]) -> bool:
    return any(module == p or module.startswith(f"{p}.") for p in parents)


def _floor(module: str) -> int:
    parts = module.split(".")
    inner = parts[1] if len(parts) > 1 and parts[1] in FLOORS and parts[1] != "planner" else "planner"
    return FLOORS.index(inner)


def _shown(imports: list[Import]) -> str:
    return "\n".join(f"{i.importer}:{i.line} imports {i.imported}" for i in imports)


def test_no_floor_imports_a_floor_above_it() -> None:
    ours = [i for i in _imports() if i.imported.split(".")[0] == "planner"]
    upward = [i for i in ours if _floor(i.imported) > _floor(i.importer)]
    assert not upward, _shown(upward)


def test_no_module_is_imported_in_a_circle() -> None:
    graph: dict[str, set[str]] = {module: set() for module in _modules()}
    for i in _imports():
        if i.on_load and i.imported in graph and i.imported != i.importer:
            graph[i.importer].add(i.imported)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize("library", sorted(ONLY_IN))
def test_a_heavy_library_is_named_only_where_it_works(library: str) -> None:
    wrong = [
        i
        for i in _imports()
        if i.imported.split(".")[0] == library
        and not i.for_types
        and not _under(i.importer, ONLY_IN[library])
    ]
    assert not wrong, _shown(wrong)


@pytest.mark.parametrize("part", sorted(SEES))
def test_a_part_sees_only_what_it_was_given(part: str) -> None:
    allowed = (part, *SEES[part])
    wrong = [
        i
        for i in _imports()
        if _under(i.importer, (part,))
        and i.imported.startswith("planner.")
        and not i.for_types
        and not _under(i.imported, allowed)
    ]
    assert not wrong, _shown(wrong)


def test_the_core_asks_for_neither_clock_nor_environment() -> None:
    wrong = [
        f"{module}:{node.lineno} {ast.unparse(node)}"
        for module in _modules()
        if not _under(module, EDGES)
        for node in ast.walk(_tree(module))
        if isinstance(node, ast.Attribute) and ast.unparse(node).endswith(CLOCK_AND_ENVIRONMENT)
    ]
    assert not wrong, "\n".join(wrong)


def test_imports_are_absolute() -> None:
    wrong = [
        f"{module}:{node.lineno}"
        for module in _modules()
        for node in ast.walk(_tree(module))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert not wrong, "\n".join(wrong)


def test_no_module_grows_past_the_ceiling() -> None:
    lengths = {module: len(path.read_text(encoding="utf-8").splitlines()) for module, path in _files()}
    assert not {module: n for module, n in lengths.items() if n > MOST_LINES}


def test_no_module_is_a_drawer() -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base", "tools"}
    assert not [m for m in _modules() if m.rpartition(".")[2] in drawers]
