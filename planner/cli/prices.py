"""`planner prices`: what a GPU-hour costs, where and on what terms; the rest of the group in `prices_*`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from planner.cli import prices_own, prices_store
from planner.cli.command import ROWS, command, new_app
from planner.cli.output import Output


def add_to(app: typer.Typer) -> None:
    """Register the group."""
    group = new_app("What a GPU-hour costs, where and on what terms.")
    command(group, "show", formats=ROWS)(show)
    for part in (prices_store, prices_own):
        part.add_to(group)
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
    per: Annotated[
        list[str] | None,
        typer.Option(help="Rank by price per gpu, gib, tbps or tflops, or by co2; repeat for more."),
    ] = None,
    prices: Annotated[
        Path | None, typer.Option(help="Offers of a file, of the store, of store@DAY. [default: shipped]")
    ] = None,
    store: prices_store.StoreOption = None,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day that ages refer to. [default: today]")
    ] = None,
    out: Output,
) -> None:
    """Show offers, cheapest GPU-hour first."""
    from planner import api
    from planner.render.prices import age_warning, offers, offers_per_unit

    catalog = api.load_catalog(prices, store=store)
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
    left_out = sum(row.count for row in catalog.left_out)
    if out.format in ("json", "csv") and (warning := age_warning(found)):
        out.say(f"warning: {warning}")
    if per:
        out.emit(offers_per_unit(api.prices_per_unit(found, per), per, left_out=left_out))
    else:
        out.emit(offers(found, left_out=left_out))
