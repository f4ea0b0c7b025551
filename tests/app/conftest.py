"""The app in Streamlit's own test runner, and plans to draw from."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import planner
from planner.plan import Plan
from planner.scenario import Scenario

pytest.importorskip("streamlit", reason="needs the `app` extra: pip install 'openclaw-planner[app]'")


@cache
def _plan(name: str) -> Plan:
    return planner.recommend(planner.load_example(name))


@pytest.fixture
def chat() -> tuple[Plan, Scenario]:
    return _plan("chat-70b"), planner.load_example("chat-70b")


@pytest.fixture
def several() -> tuple[Plan, Scenario]:
    return _plan("shared-budget"), planner.load_example("shared-budget")


@pytest.fixture
def opened() -> Callable[..., Any]:
    """Open the app with some URL parameters, and wait for its first page."""
    from streamlit.testing.v1 import AppTest

    spec = find_spec("planner.app")
    assert spec and spec.submodule_search_locations
    main = Path(spec.submodule_search_locations[0]) / "main.py"

    def open_app(**query: str) -> Any:
        app = AppTest.from_file(str(main), default_timeout=90)
        for name, value in query.items():
            app.query_params[name] = value
        return app.run()

    return open_app
