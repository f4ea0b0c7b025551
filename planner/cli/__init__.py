"""The `planner` command: one module per command group, each with `add_to(app)`."""

from __future__ import annotations

from planner.cli.app import app, main

__all__ = ["app", "main"]
