"""A skip is listed with its reason, and is a failure where everything is required."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PLUGIN = Path(__file__).parents[1] / "conftest.py"
CASES = {
    "test_one.py": "import pytest\ndef test_a(): pytest.skip('no moon')\ndef test_b(): pass\n",
    "test_two.py": "import pytest\npytest.importorskip('no_such_module')\ndef test_c(): pass\n",
    "test_three.py": "import pytest\n@pytest.mark.xfail(strict=True)\ndef test_d(): raise ValueError\n",
}


def _run(folder: Path, *files: str, **environment: str) -> tuple[int, str]:
    shutil.copy(PLUGIN, folder / "conftest.py")
    for name in files or CASES:
        (folder / name).write_text(CASES[name])
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "PLANNER"))}
    command = [
        sys.executable,
        "-P",
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--import-mode=importlib",
        ".",
    ]
    done = subprocess.run(
        command, cwd=folder, env=clean | environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout


def test_skips_are_listed_with_their_reason(tmp_path: Path) -> None:
    code, said = _run(tmp_path)
    assert code == 0
    assert "no moon: 1 (test_one.py::test_a)" in said
    assert "no_such_module" in said


@pytest.mark.parametrize(("file", "reason"), [("test_one.py", "no moon"), ("test_two.py", "no_such_module")])
def test_where_everything_is_required_a_skip_fails_and_says_why(
    tmp_path: Path, file: str, reason: str
) -> None:
    code, said = _run(tmp_path, file, "test_three.py", PLANNER_REQUIRE_ALL="1")
    assert code != 0
    (line,) = [x for x in said.splitlines() if x.startswith("skipped, but PLANNER_REQUIRE_ALL=1: ")]
    assert reason in line
