"""`planner prices`: what a GPU-hour costs, where and on what terms."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from planner.cli.command import ROWS, command, new_app
from planner.cli.output import Output


def add_to(app: typer.Typer) -> None:
    """Register the group."""
    group = new_app("What a GPU-hour costs, where and on what terms.")
    command(group, "show", formats=ROWS)(show)
    app.add_typer(group, name="prices")


def show(
    *,
    gpu: Annotated[str | None, typer.Option(help="GPU, any usual spelling.")] = None,
    seller: Annotated[list[str] | None, typer.Option(help="Repeat for several.")] = None,
    region: Annotated[
        list[str] | None, typer.Option(help="The seller's spelling, or a pattern: us-*.")
    ] = None,
    country: Annotated[list[str] | None, typer.Option(help="Two letters: DE.")] = None,
    zone: Annotated[list[str] | None, typer.Option(help="eu, uk, us, ca, jp, in ...")] = None,
    term: Annotated[list[str] | None, typer.Option(help="on_demand, spot, committed_1y ...")] = None,
    cheapest: Annotated[int | None, typer.Option(min=1, help="Only this many of each GPU.")] = None,
    prices: Annotated[Path | None, typer.Option(help="Offers to use instead of the shipped ones.")] = None,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day that ages refer to. [default: today]")
    ] = None,
    out: Output,
) -> None:
    """Show offers, cheapest GPU-hour first."""
    from planner import api
    from planner.render.lists import offers

    catalog = api.load_catalog(prices)
    found = api.prices(
        catalog,
        gpu=gpu,
        as_of=as_of.date() if as_of else None,
        cheapest=cheapest,
        sellers=seller,
        regions=region,
        countries=country,
        zones=zone,
        terms=term,
    )
    out.emit(offers(found, left_out=sum(row.count for row in catalog.left_out)))
