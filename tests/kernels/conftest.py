"""Running variants in Triton's interpreter: a process of its own, because Triton reads the switch on import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import pytest

Verdicts = dict[str, dict[str, Any]]


@pytest.fixture(scope="session")
def interpret() -> Callable[..., Verdicts]:
    """`interpret(VARIANT, ..., "--dtypes", "fp32")`: what became of each variant, by name."""
    if missing := [name for name in ("torch", "triton") if find_spec(name) is None]:
        pytest.skip(f"needs {' and '.join(missing)}, which the kernels extra installs")

    def run(*arguments: str) -> Verdicts:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "planner.kernels.correctness", *arguments],
            env=os.environ | {"TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode in (0, 1), done.stderr[-2000:]
        return {v["variant"]: v for v in map(json.loads, done.stdout.splitlines())}

    return run
