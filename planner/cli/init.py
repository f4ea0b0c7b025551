"""`planner init`: a commented scenario that runs at once, offline, on shipped data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from planner.cli.command import command
from planner.cli.output import Output, write_atomically
from planner.errors import InputError


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    command(app, "init", formats=("toml",))(init)


def init(
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if it is there.")] = False,
    *,
    out: Output,
) -> None:
    """Write planner.toml (or -o FILE), a commented scenario to start from."""
    from importlib.resources import files

    path = out.path or Path("planner.toml")
    if path.exists() and not force:
        raise InputError("is there already", path=path, hint="--force overwrites it")
    write_atomically(path, (files("planner") / "data" / "init.toml").read_text("utf-8"))
    out.say(f"wrote {path}; next: planner recommend {path}")
