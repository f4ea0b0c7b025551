"""`planner report | export | focus`: the doors for purchasers, finance and operators."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from planner.cli.command import command
from planner.cli.output import Output
from planner.cli.prices_own import figure
from planner.errors import InputError
from planner.files import write_atomically

REPORTS = ("html", "pdf", "xlsx", "markdown")
BINARY = ("pdf", "xlsx")


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    command(app, "report", formats=REPORTS)(report)


def report(
    plan: Annotated[Path, typer.Argument(help="Plan, as `recommend -o plan.json` wrote it.")],
    *,
    baseline: Annotated[
        Path | None, typer.Option(help='Plan of what runs today: "do nothing", and the saving against it.')
    ] = None,
    lock: Annotated[Path | None, typer.Option(help="Lock whose digest the report names.")] = None,
    assume: Annotated[
        list[str] | None, typer.Option(help="An input: discount_rate=0.1, staff_usd_per_month=5000; repeat.")
    ] = None,
    currency: Annotated[str, typer.Option(help="Name of the currency that fx_rate leads to.")] = "USD",
    out: Output,
) -> None:
    """Write a procurement report: HTML, PDF, XLSX with live formulas, or Markdown."""
    from planner import api

    if out.format in BINARY and out.goes_to_stdout:
        raise InputError(f"{out.format}: not for a terminal", hint=f"-o report.{out.format}")
    content = api.report(
        api.load_plan(plan),
        out.format,
        baseline=api.load_plan(baseline) if baseline else None,
        lock=lock,
        assume=dict(map(figure, assume or ())),
        currency=currency,
    )
    if out.format in BINARY and out.path:
        write_atomically(out.path, content)
        out.say(f"wrote {out.path}")
    else:
        out.write(content.decode())
