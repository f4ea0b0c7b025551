"""`planner recommend`: a scenario in, a plan out."""

from __future__ import annotations

import tomllib
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli.command import command
from planner.cli.output import Output
from planner.errors import InputError

if TYPE_CHECKING:
    from planner.scenario import Scenario

NOTHING_SATISFIES = 4
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change one key, spelled as in TOML: workloads.chat.requests_per_s=24; repeat for more.",
    ),
]


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    command(app, "recommend")(recommend)


def recommend(
    *,
    scenario: Annotated[Path | None, typer.Argument(help="Scenario file (TOML, YAML or JSON).")] = None,
    config: Annotated[
        Path | None, typer.Option(help="Scenario file, when none is given as argument.")
    ] = None,
    example: Annotated[str | None, typer.Option(help="Run a shipped scenario instead.")] = None,
    set_: SetOption = None,
    prices: Annotated[Path | None, typer.Option(help="Offers to use instead of the shipped ones.")] = None,
    calibration: Annotated[
        Path | None, typer.Option(help="Your measured runs: a file written by planner calibrate --save.")
    ] = None,
    gap: Annotated[
        float | None, typer.Option(min=0, max=1, help="Stop this close to the best, as a share.")
    ] = None,
    time_limit: Annotated[float | None, typer.Option(min=0, help="Guard on the solver, seconds.")] = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Day that ages of prices refer to. [default: today]"),
    ] = None,
    out: Output,
) -> int:
    """Recommend hardware, terms and software for a scenario."""
    from planner import api

    question = _question(scenario, config, example, out)
    if set_:
        question = api.change_scenario(question, settings(set_))
    with out.progress("reading prices and profiles") as on_progress:
        plan = api.recommend(
            question,
            api.load_catalog(prices),
            api.load_profiles(),
            as_of=as_of.date() if as_of else None,
            gap=gap,
            time_limit_s=time_limit,
            on_progress=on_progress,
            calibration=calibration,
        )
    out.emit(plan)
    return NOTHING_SATISFIES if plan.status == "infeasible" else 0


def settings(given: list[str]) -> dict[str, object]:
    """Values of `--set` by dotted path; what is no TOML value is text. Raises InputError.

    >>> settings(["constraints.zones=['eu']", "workloads.chat.model=qwen3-32b"])
    {'constraints.zones': ['eu'], 'workloads.chat.model': 'qwen3-32b'}
    """
    values: dict[str, object] = {}
    for setting in given:
        key, equals, text = setting.partition("=")
        if not (key.strip() and equals and text.strip()):
            raise InputError(f"--set {setting!r}: not KEY=VALUE", hint="workloads.chat.requests_per_s=24")
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            value = text.strip()
        values[key.strip()] = value
    return values


def _question(named: Path | None, config: Path | None, example: str | None, out: Output) -> Scenario:
    """The scenario asked about; a file that was searched for is named on stderr."""
    from planner import api

    if example is not None:
        if named or config:
            raise typer.BadParameter("give a scenario file or --example, not both")
        return api.load_example(example)
    path = api.find_scenario(named, config=config)
    if not (named or config):
        out.say(f"scenario: {path}")
    return api.load_scenario(path)
