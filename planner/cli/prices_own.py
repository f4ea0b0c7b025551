"""`planner prices own | terms | tokens`: owning against renting, who publishes what, hosted models."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from planner.cli.command import ROWS, Body, command
from planner.cli.output import Output
from planner.errors import InputError


def add_to(group: typer.Typer) -> None:
    """Register the commands."""
    commands: dict[str, Body] = {"own": own, "terms": terms, "tokens": tokens}
    for name, body in commands.items():
        command(group, name, formats=ROWS)(body)


def own(
    *,
    gpu: Annotated[str, typer.Argument(help="GPU, any usual spelling.")],
    purchase: Annotated[
        float | None, typer.Option(help="USD per GPU with its host's share. [default: the card at launch]")
    ] = None,
    electricity: Annotated[float | None, typer.Option(help="USD per kWh.")] = None,
    place: Annotated[str | None, typer.Option(help="Its electricity price: Germany, US-Texas.")] = None,
    sector: Annotated[str, typer.Option(help="industrial, commercial, non-residential, residential.")] = (
        "commercial"
    ),
    country: Annotated[str | None, typer.Option(help="Grid for the carbon, two letters: DE.")] = None,
    rent: Annotated[
        float | None, typer.Option(help="USD per hour. [default: the median on-demand offer]")
    ] = None,
    assume: Annotated[
        list[str] | None, typer.Option(help="An assumption of yours: horizon_years=4, load_w=350.")
    ] = None,
    prices: Annotated[Path | None, typer.Option(help="Offers that the rent is taken from.")] = None,
    out: Output,
) -> None:
    """Show what a useful hour of an owned card costs, part by part, and when owning beats renting it."""
    from planner import api
    from planner.render.pricestore import own

    curve = api.own_cost(
        gpu,
        purchase_usd=purchase,
        electricity_usd_per_kwh=electricity,
        place=place,
        sector=sector,
        rent_usd_per_hour=rent,
        country=country,
        catalog=api.load_catalog(prices),
        given=dict(map(figure, assume or ())),
    )
    out.emit(own(curve))


def figure(text: str) -> tuple[str, float]:
    """Name and value of `--assume NAME=VALUE`; InputError where it is none."""
    name, _, value = text.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError as error:
        raise InputError(f"--assume {text!r}: no number", hint="like horizon_years=4") from error


def terms(
    *,
    prices: Annotated[Path | None, typer.Option(help="A file, the store, store@DAY.")] = None,
    out: Output,
) -> None:
    """Show which terms each seller publishes, and which are absent."""
    from planner import api
    from planner.render.pricestore import published

    out.emit(published(api.price_terms(api.load_catalog(prices))))


def tokens(
    *,
    model: Annotated[str | None, typer.Argument(help="Any part of a model's name.")] = None,
    seller: Annotated[str | None, typer.Option(help="openai, together ...")] = None,
    as_of: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Prices of that day.")] = None,
    out: Output,
) -> None:
    """Show what hosted APIs charge per million tokens; needs the store extra."""
    from planner import api
    from planner.render.pricestore import tokens

    out.emit(tokens(api.token_prices(model, seller=seller, as_of=as_of.date() if as_of else None)))
