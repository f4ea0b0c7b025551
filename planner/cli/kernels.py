"""`planner kernels`: the kernel variants we know."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from planner.cli.analyses import kernel_value, opened
from planner.cli.command import ROWS, command, new_app
from planner.cli.output import Output
from planner.cli.question import AsOfOption, ExampleOption
from planner.errors import InputError


def add_to(app: typer.Typer) -> None:
    """Register the group."""
    group = new_app("The kernel variants we know.")
    command(group, "list", formats=ROWS)(list_variants)
    command(group, "value", formats=ROWS)(kernel_value)
    command(group, "leaderboard", formats=ROWS)(leaderboard)
    command(group, "show", formats=ROWS)(show)
    app.add_typer(group, name="kernels")


def list_variants(
    op: Annotated[str | None, typer.Option(help="gemm, attention_decode, moe ...")] = None,
    engine: Annotated[str | None, typer.Option(help="vllm, sglang, trtllm ...")] = None,
    open_only: Annotated[bool, typer.Option("--open", help="Only with published source.")] = False,
    portable_only: Annotated[
        bool, typer.Option("--portable", help="Only those that run on two vendors.")
    ] = False,
    runnable: Annotated[
        bool,
        typer.Option(
            "--runnable", help="Those that can be run and measured here or elsewhere, ours among them."
        ),
    ] = False,
    *,
    out: Output,
) -> None:
    """List kernel variants: op, engines, language, licence, open, portable."""
    from planner import api
    from planner.render.lists import runnable as runnable_list
    from planner.render.lists import variants

    if runnable:
        if engine or open_only or portable_only:
            raise InputError("--runnable goes with --op only", hint="leave the other options out")
        out.emit(runnable_list(api.runnable_kernels(op)))
        return
    out.emit(variants(api.kernels(op=op, engine=engine, open_only=open_only, portable_only=portable_only)))


def leaderboard(
    file: Annotated[Path | None, typer.Argument(help="Traces to rank. [default: those shipped]")] = None,
    device: Annotated[
        str | None, typer.Option(help="Device key, as profile show --traces prints it.")
    ] = None,
    op: Annotated[str | None, typer.Option(help="gemm, rmsnorm, attention_decode ...")] = None,
    dtype: Annotated[str | None, typer.Option(help="fp32, bf16 ...")] = None,
    scenario: Annotated[
        Path | None, typer.Option(help="Rank by dollars a month on this question's fleet.")
    ] = None,
    example: ExampleOption = None,
    as_of: AsOfOption = None,
    *,
    out: Output,
) -> None:
    """Rank kernel variants by measured time, or by dollars a month with --scenario or --example."""
    from planner import api
    from planner.render.traces import earning, leaders

    if scenario is None and example is None:
        out.emit(leaders(api.leaderboard(file, device=device, op=op, dtype=dtype)))
        return
    found = api.earning_kernels(opened(scenario, None, example, None, None, None, as_of, out), file)
    out.emit(earning(e for e in found if op is None or op in e.ops))


def show(
    name: Annotated[str, typer.Argument(help="triton_gemm_tiled, numpy_rmsnorm ...")], *, out: Output
) -> None:
    """Show a runnable variant: sources, hash, tunables, what it compiled to."""
    from planner import api
    from planner.render.lists import runnable_one

    out.emit(runnable_one(api.runnable_kernel(name)))
