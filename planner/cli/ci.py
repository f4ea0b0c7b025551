"""`planner check | diff | lock | render`: the doors for pipelines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli.command import PAGE, command
from planner.cli.output import STDOUT, Output
from planner.cli.question import (
    LOCK_NAME,
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
    both,
    lock_path,
    question,
    question_path,
    read_question,
)
from planner.errors import InputError
from planner.files import write_atomically

if TYPE_CHECKING:
    from planner.plan import Plan

VERDICT = (*PAGE, "github", "junit", "sarif")
NO_PLAN = range(4, 8)
"""Exit codes that a pipeline's page reports too, beside the line on stderr."""


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    command(app, "check", formats=VERDICT)(check)
    command(app, "diff")(diff)
    command(app, "lock", formats=("toml",))(lock)
    command(app, "render", formats=VERDICT)(render)
    command(app, "lint", formats=("table",))(lint)


def check(
    *,
    scenario: ScenarioArgument = None,
    config: ConfigOption = None,
    example: ExampleOption = None,
    set_: SetOption = None,
    baseline: Annotated[
        Path | None, typer.Option(help="Plan to compare with; a first run without it passes and says so.")
    ] = None,
    plan: Annotated[Path | None, typer.Option(help="Judge this plan instead of making one.")] = None,
    prices: PricesOption = None,
    calibration: CalibrationOption = None,
    baseline_prices: Annotated[
        Path | None, typer.Option(help="Offers of the baseline, to tell prices from measurements.")
    ] = None,
    kernels_before: Annotated[
        Path | None, typer.Option(help="Traces before a kernel change; the policy may ask what it is worth.")
    ] = None,
    kernels_after: Annotated[Path | None, typer.Option(help="Traces after it.")] = None,
    causes: Annotated[bool, typer.Option(help="Re-solve to split the change by cause.")] = True,
    fail_on_warn: Annotated[bool, typer.Option("--fail-on-warn", help="A warning fails too.")] = False,
    save: Annotated[Path | None, typer.Option(help="Write the plan here, the next baseline.")] = None,
    gap: GapOption = None,
    time_limit: TimeLimitOption = None,
    as_of: AsOfOption = None,
    locked: Annotated[
        bool, typer.Option("--locked", help="Judge the locked plan; refuse (6) if anything moved.")
    ] = False,
    lock: LockOption = None,
    out: Output,
) -> int:
    """Judge the plan of a scenario by its policy, against a baseline. Exit 3 where it fails."""
    from planner import api
    from planner.errors import exit_code

    path = question_path(scenario, config, example, out)
    if locked and plan:
        raise typer.BadParameter("give --plan or --locked, not both")
    try:
        asked = read_question(path, example, set_)
        with out.progress("reading prices and profiles") as on_progress:
            made = api.load_plan(plan) if plan else None
            if locked:
                made = api.locked_plan(
                    lock_path(lock, path),
                    asked,
                    prices=prices,
                    calibration=calibration,
                    on_progress=on_progress,
                )
            found = api.check(
                asked,
                api.load_catalog(prices),
                plan=made,
                path=path,
                baseline=_baseline(baseline, out),
                baseline_path=baseline,
                baseline_catalog=api.load_catalog(baseline_prices) if baseline_prices else None,
                kernel_change=both(kernels_before, kernels_after, "--kernels-before", "--kernels-after"),
                causes=causes,
                calibration=calibration,
                fail_on_warn=fail_on_warn,
                as_of=as_of.date() if as_of else None,
                gap=gap,
                time_limit_s=time_limit,
                on_progress=on_progress,
            )
    except Exception as error:
        if out.format != "table" and exit_code(error) in NO_PLAN:
            out.emit(api.no_plan(error, path=path))
        raise
    if save and found.plan:
        write_atomically(save, found.plan.to_json())
        out.say(f"wrote {save}")
    out.emit(found)
    return found.exit_code


def _baseline(path: Path | None, out: Output) -> Plan | None:
    from planner import api

    if path is None:
        return None
    if not path.exists():
        out.say(f"no baseline yet at {path}: nothing to compare with (--save {path} writes it)")
        return None
    return api.load_plan(path)


def diff(
    *,
    base: Annotated[Path, typer.Argument(help="Plan before, as `recommend -o base.json` wrote it.")],
    head: Annotated[Path, typer.Argument(help="Plan after.")],
    prices: Annotated[Path | None, typer.Option(help="Offers HEAD was made from. [default: shipped]")] = None,
    baseline_prices: Annotated[
        Path | None, typer.Option(help="Offers BASE was made from. [default: the same]")
    ] = None,
    calibration: CalibrationOption = None,
    causes: Annotated[bool, typer.Option(help="Re-solve to split the change by cause.")] = True,
    out: Output,
) -> None:
    """Show what changed between two plans, and why: prices, demand, model, kernels or limits."""
    from planner import api

    before, after = api.load_plan(base), api.load_plan(head)
    with out.progress("telling the causes apart") as on_progress:
        found = api.compare(
            before,
            after,
            api.load_catalog(prices),
            baseline_catalog=api.load_catalog(baseline_prices) if baseline_prices else None,
            causes=causes,
            calibration=calibration,
            on_progress=on_progress,
        )
    out.emit(found)


def lock(
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
    out: Output,
) -> None:
    """Write planner.lock (or -o FILE) and the plan beside it: the same answer tomorrow, to the byte."""
    from planner import api

    asked, path = question(scenario, config, example, out, set_)
    target = out.path or lock_path(None, path)
    if target == STDOUT:
        raise InputError("-o -: a lock is a file beside its plan", hint=f"give a path, or take {LOCK_NAME}")
    with out.progress("reading prices and profiles") as on_progress:
        plan = api.recommend(
            asked,
            api.load_catalog(prices),
            as_of=as_of.date() if as_of else None,
            gap=gap,
            time_limit_s=time_limit,
            on_progress=on_progress,
            calibration=calibration,
        )
    stored = target.with_name(f"{target.name}.json")
    found = api.lock(plan, plan_name=stored.name, prices=str(prices) if prices else "shipped")
    write_atomically(stored, plan.to_json())
    write_atomically(target, found.to_toml())
    out.say(f"wrote {target} and {stored}; commit both")


def render(
    file: Annotated[Path, typer.Argument(help="What recommend, check or diff wrote as JSON.")],
    *,
    out: Output,
) -> None:
    """Show a stored plan, verdict or difference in another format."""
    from planner import api

    out.emit(api.load_record(file))


def lint(
    files: Annotated[list[Path], typer.Argument(help="Scenario files.")],
    *,
    out: Output,
) -> int:
    """Read scenarios and say what is wrong in them, one line each; nothing is planned."""
    from planner import api
    from planner.errors import ScenarioError

    wrong = []
    for file in files:
        try:
            api.load_scenario(file)
        except ScenarioError as error:
            wrong.append(str(error))
    if wrong:
        out.write("".join(f"{line}\n" for line in wrong))
        return ScenarioError.exit_code
    out.say(f"{len(files)} fine")
    return 0
