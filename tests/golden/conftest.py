"""`pytest tests/golden --update-golden` rewrites what the cases expect; read the difference afterwards."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write what the program says now")


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    # From another folder pytest meets this file too late to know the option.
    return bool(request.config.getoption("--update-golden", default=False))
