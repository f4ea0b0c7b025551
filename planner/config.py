"""Which scenario a command means when none is named."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from planner.errors import ScenarioError

ENVIRONMENT = "PLANNER_CONFIG"
FILE_NAME = "planner.toml"


def find_scenario(
    explicit: Path | None, *, environ: Mapping[str, str], cwd: Path, config: Path | None = None
) -> Path:
    """The named file, else `config` (--config), else `$PLANNER_CONFIG`, else the nearest `planner.toml`
    upward, else the nearest `pyproject.toml` upward with a `[tool.planner]` table.

    The environment and the folder are handed in. Raises ScenarioError when nothing is found.
    """
    if named := explicit or config:
        return _existing(cwd / named.expanduser(), because="")
    if from_environment := environ.get(ENVIRONMENT):
        return _existing(cwd / Path(from_environment).expanduser(), because=f" (from ${ENVIRONMENT})")
    folders = (cwd, *cwd.parents)
    for folder in folders:
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    for folder in folders:
        if _has_table(folder / "pyproject.toml"):
            return folder / "pyproject.toml"
    raise ScenarioError(
        f"no scenario: no {FILE_NAME} here or in a folder above",
        hint="`planner init` writes one; `--example chat-70b` runs a shipped one",
    )


def _existing(path: Path, *, because: str) -> Path:
    if path.is_dir() and (path / FILE_NAME).is_file():
        return path / FILE_NAME
    if not path.is_file():
        raise ScenarioError(f"no such file{because}", path=path, hint="`planner init` writes a scenario")
    return path


def _has_table(path: Path) -> bool:
    if not path.is_file():
        return False
    try:
        return "planner" in tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {})
    except (ValueError, OSError):
        return False  # someone else's broken pyproject.toml is not ours to report
