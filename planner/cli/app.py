"""The command line: `planner COMMAND ...`. Parsing here, work in `planner.api`, words in `planner.render`.

Exit codes: 0 answer · 1 bug · 2 usage · 3 policy failed · 4 nothing satisfies the limits · 5 bad input ·
6 lock mismatch · 7 no answer within the solver's limits · 8 an optional part is missing · 130 interrupted.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from planner.cli import (
    analyses,
    calibrate,
    ci,
    dashboard,
    doctor,
    estimate,
    init,
    kernels,
    prices,
    profile,
    recommend,
    report,
    uncertainty,
    validate,
)
from planner.cli.command import new_app

app = new_app("Which GPU, which kernel variants, from whom and on what terms.")
for group in (
    init,
    recommend,
    analyses,
    uncertainty,
    ci,
    report,
    estimate,
    validate,
    calibrate,
    prices,
    kernels,
    profile,
    dashboard,
    doctor,
):
    group.add_to(app)


def _version(wanted: bool) -> None:
    if wanted:
        import planner

        typer.echo(f"planner {planner.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Which GPU, which kernel variants, from whom and on what terms."""


def main() -> None:
    """Console entry. A character the terminal cannot show becomes `?` instead of a crash."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    app(prog_name="planner")
