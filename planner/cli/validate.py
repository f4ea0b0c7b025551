"""`planner validate`: a file of measurements in, our accuracy on them out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from planner.cli.command import ROWS, command
from planner.cli.output import Output

Scheme = Literal["curve", "model", "system", "pair", "point"]


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    command(app, "validate", formats=ROWS)(validate)


def validate(
    file: Annotated[Path, typer.Argument(help="Measurements (CSV).")],
    predictions: Annotated[Path | None, typer.Option(help="Write one line per row here.")] = None,
    cross_validate: Annotated[
        Scheme | None,
        typer.Option(help="Refit on FILE, leaving this out at a time; point: pair, one point given."),
    ] = None,
    calibration: Annotated[Path | None, typer.Option(help="A file written by planner calibrate.")] = None,
    chart: Annotated[
        Path | None, typer.Option(help="Draw predicted against measured by engine: FILE.svg or FILE.png.")
    ] = None,
    *,
    out: Output,
) -> None:
    """Score our predictions against measurements."""
    from planner import api
    from planner.render.accuracy import accuracy_page

    with out.progress("predicting"):
        score = api.validate(
            file, predictions, cross_validate=cross_validate, calibration=calibration, chart=chart
        )
    if out.format == "json":
        out.write(score.to_json())
    else:
        out.emit(accuracy_page(score))
