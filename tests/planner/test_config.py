"""Which file a command reads when none is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from planner.config import find_scenario
from planner.errors import ScenarioError


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """outer/planner.toml, outer/pyproject.toml with a table, and outer/inner/deep below them."""
    (tmp_path / "inner" / "deep").mkdir(parents=True)
    (tmp_path / "planner.toml").write_text("")
    (tmp_path / "pyproject.toml").write_text("[tool.planner]\n")
    (tmp_path / "other.toml").write_text("")
    (tmp_path / "third.toml").write_text("")
    return tmp_path


def test_order_is_argument_then_option_then_environment_then_nearest(tree: Path) -> None:
    environ = {"PLANNER_CONFIG": str(tree / "third.toml")}
    named, option = Path("planner.toml"), Path("other.toml")
    assert find_scenario(named, config=option, environ=environ, cwd=tree) == tree / "planner.toml"
    assert find_scenario(None, config=option, environ=environ, cwd=tree) == tree / "other.toml"
    assert find_scenario(None, environ=environ, cwd=tree) == tree / "third.toml"
    assert find_scenario(None, environ={}, cwd=tree / "inner" / "deep") == tree / "planner.toml"


def test_pyproject_counts_only_with_our_table(tree: Path) -> None:
    (tree / "planner.toml").unlink()
    (tree / "inner" / "pyproject.toml").write_text("[tool.other]\n")
    (tree / "inner" / "deep" / "pyproject.toml").write_text("broken [")
    assert find_scenario(None, environ={}, cwd=tree / "inner" / "deep") == tree / "pyproject.toml"


def test_a_folder_stands_for_its_scenario(tree: Path) -> None:
    assert find_scenario(tree, environ={}, cwd=tree) == tree / "planner.toml"


def test_nothing_found_says_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="planner init"):
        find_scenario(None, environ={}, cwd=tmp_path)


def test_a_missing_file_says_who_named_it(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"no such file \(from \$PLANNER_CONFIG\)"):
        find_scenario(None, environ={"PLANNER_CONFIG": "gone.toml"}, cwd=tmp_path)
    with pytest.raises(ScenarioError, match="no such file"):
        find_scenario(Path("gone.toml"), environ={}, cwd=tmp_path)
