"""`planner report | export | focus`: the doors for purchasers, finance and operators."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from planner.cli.command import ROWS, command, new_app
from planner.cli.output import Output
from planner.cli.prices_own import figure
from planner.errors import InputError
from planner.files import write_atomically

REPORTS = ("html", "pdf", "xlsx", "markdown")
BINARY = ("pdf", "xlsx")
TOOLS = ("launch", "skypilot", "dstack", "kubernetes", "karpenter", "llm-d", "terraform", "prometheus")
PlanArgument = Annotated[Path, typer.Argument(help="Plan, as `recommend -o plan.json` wrote it.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    command(app, "report", formats=REPORTS)(report)
    command(app, "export", formats=TOOLS)(export)
    group = new_app("Forecasts and bills in FOCUS form.")
    command(group, "forecast", formats=("csv",))(forecast)
    command(group, "compare", formats=ROWS)(compare)
    app.add_typer(group, name="focus")


def report(
    plan: PlanArgument,
    *,
    baseline: Annotated[
        Path | None, typer.Option(help='Plan of what runs today: "do nothing", and the saving against it.')
    ] = None,
    lock: Annotated[Path | None, typer.Option(help="Lock whose digest the report names.")] = None,
    assume: Annotated[
        list[str] | None, typer.Option(help="An input: discount_rate=0.1, staff_usd_per_month=5000; repeat.")
    ] = None,
    currency: Annotated[str, typer.Option(help="Name of the currency that fx_rate leads to.")] = "USD",
    analyse: Annotated[
        bool,
        typer.Option("--analyse", help="Compute flips, kernel value, lock-in, arbitrage and frontier too."),
    ] = False,
    prices: Annotated[
        Path | None, typer.Option(help="For --analyse: offers the plan was made from. [default: shipped]")
    ] = None,
    out: Output,
) -> None:
    """Write a procurement report: HTML, PDF, XLSX with live formulas, or Markdown."""
    from planner import api

    if out.format in BINARY and out.goes_to_stdout:
        raise InputError(f"{out.format}: not for a terminal", hint=f"-o report.{out.format}")
    stored = api.load_plan(plan)
    if analyse:
        with out.progress("analysing the plan") as on_progress:
            stored = api.analysed(stored, api.load_catalog(prices), on_progress=on_progress)
    content = api.report(
        stored,
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


def export(
    plan: PlanArgument,
    *,
    service: Annotated[
        str | None, typer.Option(help="One service of the plan; needed where a file holds one.")
    ] = None,
    out: Output,
) -> None:
    """Write the plan for another tool: launch commands, manifests, variables, metrics."""
    from planner import api

    out.write(api.export(api.load_plan(plan), out.format, service=service))


def forecast(
    plan: PlanArgument,
    *,
    start: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d", "%Y-%m"], help="First month. [default: after the plan's]"),
    ] = None,
    months: Annotated[int, typer.Option(min=1, max=120, help="How many.")] = 12,
    account: Annotated[str, typer.Option(help="BillingAccountId of every row.")] = "forecast",
    out: Output,
) -> None:
    """Write what the bills would say, as a FOCUS 1.3 file; name it so: forecast.focus-1.3.csv."""
    from planner import api

    first = start.date() if start else None
    out.write(api.forecast(api.load_plan(plan), start=first, months=months, account=account))


def compare(
    plan: PlanArgument,
    bill: Annotated[Path, typer.Argument(help="FOCUS file (CSV) of what was charged.")],
    *,
    tag: Annotated[list[str] | None, typer.Option(help="Only rows with this tag: team=chat; repeat.")] = None,
    out: Output,
) -> None:
    """Show what was charged beside what the plan said, by month and seller."""
    from planner import api
    from planner.render.bills import bill_page

    pairs = [text.partition("=") for text in tag or ()]
    if wrong := [key for key, equals, _ in pairs if not (key and equals)]:
        raise InputError(f"--tag {wrong[0]!r}: not KEY=VALUE", hint="like team=chat")
    out.emit(bill_page(api.actuals(api.load_plan(plan), bill, tags={k: v for k, _, v in pairs})))
