"""`planner prices refresh | diff | history | snapshots | quarantine`: prices over time."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from planner.cli.command import ROWS, Body, command
from planner.cli.output import Output
from planner.errors import InputError, MissingExtra

StoreOption = Annotated[
    str | None,
    typer.Option(help="Folder or postgresql:// URL. [default: $PLANNER_DATA/prices, else the user's data]"),
]


def add_to(group: typer.Typer) -> None:
    """Register the commands."""
    commands: dict[str, Body] = {
        "refresh": refresh,
        "diff": diff,
        "history": history,
        "snapshots": snapshots,
        "quarantine": quarantine,
    }
    for name, body in commands.items():
        command(group, name, formats=ROWS)(body)


def refresh(
    *,
    provider: Annotated[list[str] | None, typer.Option(help="Repeat for several. [default: all]")] = None,
    store: StoreOption = None,
    out: Output,
) -> int:
    """Fetch today's prices. Keys come from the environment; without one a provider is skipped."""
    from planner import api
    from planner.render.pricestore import refreshed

    with out.progress("asking the sellers") as on_progress:
        result = api.refresh_prices(provider, store=store, on_progress=on_progress)
    out.emit(refreshed(result))
    return MissingExtra.exit_code if result.failed else 0


def diff(
    *,
    old: Annotated[str, typer.Argument(help="shipped, store, store@DAY, a day, a snapshot or a file.")],
    new: Annotated[str, typer.Argument(help="The same.")],
    gpu: Annotated[str | None, typer.Option(help="GPU, any usual spelling.")] = None,
    store: StoreOption = None,
    out: Output,
) -> None:
    """Show what moved, came and went; what looks like a mistake first."""
    from planner import api
    from planner.render.prices import difference

    out.emit(difference(api.diff_prices(old, new, gpu=gpu, store=store), old, new))


def history(
    *,
    gpu: Annotated[str, typer.Argument(help="GPU, any usual spelling.")],
    term: Annotated[list[str] | None, typer.Option(help="on_demand, spot ... Repeat for several.")] = None,
    seller: Annotated[list[str] | None, typer.Option(help="Repeat for several.")] = None,
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day.")] = None,
    store: StoreOption = None,
    out: Output,
) -> None:
    """Show how prices moved, day by day, with a chart."""
    from planner import api
    from planner.render.prices import history

    day = since.date() if since else None
    points = api.price_history(gpu, store=store, terms=term, sellers=seller, since=day)
    out.emit(history(points, gpu))


def snapshots(*, store: StoreOption = None, out: Output) -> None:
    """List what was fetched, the latest first."""
    from planner import api
    from planner.render.pricestore import snapshots

    out.emit(snapshots(api.price_snapshots(store=store)))


def quarantine(
    *,
    accept: Annotated[str | None, typer.Option(help="Plan on this row (its id) all the same.")] = None,
    revoke: Annotated[str | None, typer.Option(help="Take that back.")] = None,
    because: Annotated[str, typer.Option(help="Why; kept with the decision.")] = "",
    store: StoreOption = None,
    out: Output,
) -> None:
    """List rows that failed a gate, with the reason; take one, or take that back."""
    from planner import api
    from planner.render.pricestore import held

    if accept and revoke:
        raise InputError("--accept and --revoke: give one of them")
    if accept:
        out.emit(held([api.decide_price(accept, "accept", because=because, store=store)]))
    elif revoke:
        out.emit(held([api.decide_price(revoke, "revoke", because=because, store=store)]))
    else:
        out.emit(held(api.held_prices(store=store)))
