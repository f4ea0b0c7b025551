"""What ships, what `import planner` costs, and that every example in a docstring is true."""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import pkgutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

import planner

ROOT = Path(__file__).parents[2]
FOLDERS = ("planner", "kernels", "profiles", "pricing", "app")
HEAVY = (
    "pandas", "torch", "triton", "pulp", "highspy", "streamlit", "scipy", "pyarrow", "pydantic", "numpy",
    "rich", "httpx", "typer", "jinja2", "yaml", "duckdb",
)  # fmt: skip
NEEDS_EXTRA = ("torch", "triton", "streamlit", "duckdb", "distributed", "xlsxwriter", "weasyprint", "altair")


def _run(code: str) -> str:
    """Output of a fresh interpreter; -P keeps the checkout from shadowing what is installed."""
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _loaded_by(code: str) -> set[str]:
    return set(_run(f"{code}\nimport sys\nprint(*{{m.split('.')[0] for m in sys.modules}})").split())


def _configuration() -> dict[str, dict[str, object]]:
    tool: dict[str, dict[str, object]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    return tool


def _modules() -> list[str]:
    return [m.name for m in pkgutil.walk_packages(planner.__path__, "planner.", onerror=lambda name: None)]


def _source(name: str) -> str:
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).read_text(encoding="utf-8")


def _modules_with_examples() -> list[str]:
    """All but adapters without examples: what those adapt runs on a GPU and is installed nowhere here."""
    return [
        name
        for name in _modules()
        if not name.startswith("planner.kernels.adapters.") or ">>>" in _source(name)
    ]


def test_import_planner_loads_nothing_heavy() -> None:
    assert not _loaded_by("import planner") & set(HEAVY)


def test_help_loads_nothing_but_the_parser() -> None:
    loaded = _loaded_by(
        "import contextlib, planner.cli\n"
        "with contextlib.suppress(SystemExit): planner.cli.app(['--help'], prog_name='planner')"
    )
    assert not loaded & (set(HEAVY) - {"typer", "rich"})


def test_packages_listed_are_the_folders_on_disk() -> None:
    on_disk = set()
    for folder in FOLDERS:
        for init in (ROOT / folder).rglob("__init__.py"):
            parts = init.parent.relative_to(ROOT).parts
            on_disk.add(".".join(parts if folder == "planner" else ("planner", *parts)))
    listed = _configuration()["setuptools"]["packages"]
    assert isinstance(listed, list)
    assert on_disk <= set(listed), f"not listed in pyproject: {sorted(on_disk - set(listed))}"
    assert not set(listed) - on_disk - {"planner.examples"}, "listed, not on disk"


def test_every_folder_with_code_is_a_package() -> None:
    without = {
        p.parent for f in FOLDERS for p in (ROOT / f).rglob("*.py") if not (p.parent / "__init__.py").exists()
    }
    assert not without


def test_names_promised_are_there_and_nothing_else_is() -> None:
    assert sorted(planner.__all__) == planner.__all__
    assert all(getattr(planner, name) is not None for name in planner.__all__)
    with pytest.raises(AttributeError, match="no attribute 'recomend'"):
        _ = planner.recomend


@pytest.mark.parametrize(
    "code",
    [
        "import planner; print(callable(planner.kernels))",
        "import planner.kernels; print(callable(planner.kernels) and planner.kernels.__path__ != [])",
        "import planner.render; from planner import render; print(callable(render) and bool(render.PAGES))",
        "import planner.plan; from planner import load_plan; print(load_plan is planner.plan.load_plan)",
    ],
)
def test_a_function_and_a_floor_may_share_a_name(code: str) -> None:
    assert _run(code) == "True"


def test_a_floor_called_by_its_name_is_the_public_function() -> None:
    assert {v.op for v in planner.kernels(op="gemm")} == {"gemm"}


def _module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in NEEDS_EXTRA:
            pytest.skip(f"needs {error.name}")
        raise


@pytest.mark.parametrize("name", _modules_with_examples())
def test_docstring_examples_are_true(name: str) -> None:
    result = doctest.testmod(_module(name))
    assert result.failed == 0
