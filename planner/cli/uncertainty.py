"""`planner regret` and `planner measure-next`: what a plan may cost for not knowing, and what to find out first."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

from planner.cli.command import command
from planner.cli.output import Output
from planner.cli.question import (
    AsOfOption,
    CalibrationOption,
    ConfigOption,
    ExampleOption,
    PricesOption,
    ScenarioArgument,
    SetOption,
    question,
)

WorldsOption: TypeAlias = Annotated[int, typer.Option(min=1, max=10_000, help="How many worlds to draw.")]
SeedOption: TypeAlias = Annotated[
    int, typer.Option(min=0, max=2**32 - 1, help="The same seed draws the same worlds.")
]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    command(app, "regret")(regret)
    command(app, "measure-next")(measure_next)


def regret(
    *,
    scenario: ScenarioArgument = None,
    config: ConfigOption = None,
    example: ExampleOption = None,
    set_: SetOption = None,
    prices: PricesOption = None,
    calibration: CalibrationOption = None,
    as_of: AsOfOption = None,
    worlds: WorldsOption = 100,
    seed: SeedOption = 0,
    out: Output,
) -> None:
    """Score the plan over sampled worlds: chance to keep its limits, cost, regret."""
    from planner import api

    asked, _ = question(scenario, config, example, out, set_)
    with out.progress("reading prices and profiles") as on_progress:
        found = api.regret(
            asked, api.load_catalog(prices), as_of=as_of.date() if as_of else None, worlds=worlds, seed=seed,
            calibration=calibration, on_progress=on_progress,
        )  # fmt: skip
    out.emit(found)


def measure_next(
    *,
    scenario: ScenarioArgument = None,
    config: ConfigOption = None,
    example: ExampleOption = None,
    set_: SetOption = None,
    prices: PricesOption = None,
    calibration: CalibrationOption = None,
    as_of: AsOfOption = None,
    worlds: WorldsOption = 100,
    seed: SeedOption = 0,
    out: Output,
) -> None:
    """Name the measurement that would remove most expected regret, and how to take it."""
    from planner import api

    asked, _ = question(scenario, config, example, out, set_)
    with out.progress("reading prices and profiles") as on_progress:
        found = api.measure_next(
            asked, api.load_catalog(prices), as_of=as_of.date() if as_of else None, worlds=worlds, seed=seed,
            calibration=calibration, on_progress=on_progress,
        )  # fmt: skip
    out.emit(found)
