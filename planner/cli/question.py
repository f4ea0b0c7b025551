"""The scenario and the data a command works on: options that several commands share."""

from __future__ import annotations

import tomllib
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from planner.cli.output import Output
from planner.errors import InputError

if TYPE_CHECKING:
    from planner.scenario import Scenario

ScenarioArgument: TypeAlias = Annotated[
    Path | None, typer.Argument(help="Scenario file (TOML, YAML or JSON).")
]
ConfigOption: TypeAlias = Annotated[
    Path | None, typer.Option(help="Scenario file, when none is given as argument.")
]
ExampleOption: TypeAlias = Annotated[str | None, typer.Option(help="Run a shipped scenario instead.")]
PricesOption: TypeAlias = Annotated[
    Path | None, typer.Option(help="Offers to use instead of the shipped ones.")
]
CalibrationOption: TypeAlias = Annotated[
    Path | None, typer.Option(help="Your measured runs: a file written by planner calibrate --save.")
]
GapOption: TypeAlias = Annotated[
    float | None, typer.Option(min=0, max=1, help="Stop this close to the best, as a share.")
]
TimeLimitOption: TypeAlias = Annotated[
    float | None, typer.Option(min=0, help="Guard on the solver, seconds.")
]
AsOfOption: TypeAlias = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="Day that ages of prices refer to. [default: today]"),
]
LockOption: TypeAlias = Annotated[
    Path | None, typer.Option(help="The lock. [default: planner.lock beside the scenario]")
]
SetOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change one key, spelled as in TOML: workloads.chat.requests_per_s=24; repeat for more.",
    ),
]
LOCK_NAME = "planner.lock"


def question(
    named: Path | None, config: Path | None, example: str | None, out: Output, set_: list[str] | None = None
) -> tuple[Scenario, Path | None]:
    """The scenario asked about, with what `--set` changes, and its file; one searched for is named on stderr."""
    path = question_path(named, config, example, out)
    return read_question(path, example, set_), path


def read_question(path: Path | None, example: str | None, set_: list[str] | None = None) -> Scenario:
    """The scenario of a file or an example, with what `--set` changes."""
    from planner import api

    asked = api.load_scenario(path) if path else api.load_example(example or "")
    return api.change_scenario(asked, settings(set_)) if set_ else asked


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


def question_path(named: Path | None, config: Path | None, example: str | None, out: Output) -> Path | None:
    """File of the scenario asked about, before it is read; None for an example."""
    from planner import api

    if example is not None:
        if named or config:
            raise typer.BadParameter("give a scenario file or --example, not both")
        return None
    path = api.find_scenario(named, config=config)
    if not (named or config):
        out.say(f"scenario: {path}")
    return path


def both(one: Path | None, other: Path | None, *names: str) -> tuple[Path, Path] | None:
    """Two files that go together, or neither."""
    if (one is None) != (other is None):
        raise typer.BadParameter(f"{' and '.join(names)} go together")
    return (one, other) if one is not None and other is not None else None


def lock_path(given: Path | None, scenario: Path | None) -> Path:
    """The lock in force."""
    return given or (scenario.parent if scenario else Path()) / LOCK_NAME
