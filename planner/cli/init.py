"""`planner init`: a commented scenario that runs at once, offline, on shipped data."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from planner.cli.command import command
from planner.cli.output import STDOUT, Output
from planner.errors import InputError
from planner.files import write_atomically


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    command(app, "init", formats=("toml",))(init)


def init(
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if it is there.")] = False,
    *,
    out: Output,
) -> None:
    """Write a commented planner.toml (or -o FILE)."""
    text = (files("planner") / "data" / "init.toml").read_text("utf-8")
    if out.path == STDOUT:
        out.write(text)
        return
    path = out.path or Path("planner.toml")
    if path.exists() and not force:
        raise InputError("is there already", path=path, hint="--force overwrites it")
    write_atomically(path, text)
    out.say(f"wrote {path}; next: planner recommend {path}")
