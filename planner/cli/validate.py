"""`planner validate`: a file of measurements in, our accuracy on them out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from planner.cli.command import ROWS, command
from planner.cli.output import Output


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    command(app, "validate", formats=ROWS)(validate)


def validate(
    file: Annotated[Path, typer.Argument(help="Measurements (CSV).")],
    predictions: Annotated[Path | None, typer.Option(help="Write one line per row here.")] = None,
    *,
    out: Output,
) -> None:
    """Score our predictions against measurements."""
    from planner import api
    from planner.render.lists import accuracy

    with out.progress("predicting"):
        score = api.validate(file, predictions)
    if out.format == "json":
        out.write(score.to_json())
    else:
        out.emit(accuracy(score.rows))
