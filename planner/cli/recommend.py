"""`planner recommend`: a scenario in, a plan out."""

from __future__ import annotations

from typing import Annotated

import typer

from planner.cli.command import command
from planner.cli.output import Output
from planner.cli.question import (
    AsOfOption,
    CalibrationOption,
    ConfigOption,
    ExampleOption,
    GapOption,
    LockOption,
    PricesOption,
    ScenarioArgument,
    SetOption,
    TimeLimitOption,
    lock_path,
    question,
)

NOTHING_SATISFIES = 4


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    command(app, "recommend")(recommend)


def recommend(
    *,
    scenario: ScenarioArgument = None,
    config: ConfigOption = None,
    example: ExampleOption = None,
    set_: SetOption = None,
    prices: PricesOption = None,
    calibration: CalibrationOption = None,
    gap: GapOption = None,
    time_limit: TimeLimitOption = None,
    as_of: AsOfOption = None,
    robust: Annotated[
        bool,
        typer.Option("--robust", help="The plan of least maximum regret over scenarios, not the cheapest."),
    ] = False,
    locked: Annotated[
        bool, typer.Option("--locked", help="Answer with the locked plan, or refuse (6) if anything moved.")
    ] = False,
    lock: LockOption = None,
    re_solve: Annotated[
        bool, typer.Option("--re-solve", help="With --locked: solve again and compare to the byte.")
    ] = False,
    out: Output,
) -> int:
    """Recommend hardware, terms and software for a scenario."""
    from planner import api

    asked, path = question(scenario, config, example, out, set_)
    if locked and robust:
        raise typer.BadParameter("--locked answers with the stored plan; leave out --robust")
    with out.progress("reading prices and profiles") as on_progress:
        if locked:
            plan = api.locked_plan(
                lock_path(lock, path), asked, prices=prices, calibration=calibration, re_solve=re_solve, gap=gap,
                time_limit_s=time_limit, on_progress=on_progress,
            )  # fmt: skip
        else:
            plan = api.recommend(
                asked,
                api.load_catalog(prices),
                api.load_profiles(),
                as_of=as_of.date() if as_of else None,
                gap=gap,
                time_limit_s=time_limit,
                on_progress=on_progress,
                calibration=calibration,
                robust=robust,
            )
    out.emit(plan)
    return NOTHING_SATISFIES if plan.status == "infeasible" else 0
