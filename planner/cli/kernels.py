"""`planner kernels`: the kernel variants we know."""

from __future__ import annotations

from typing import Annotated

import typer

from planner.cli.analyses import kernel_value
from planner.cli.command import ROWS, command, new_app
from planner.cli.output import Output


def add_to(app: typer.Typer) -> None:
    """Register the group."""
    group = new_app("The kernel variants we know.")
    command(group, "list", formats=ROWS)(list_variants)
    command(group, "value", formats=ROWS)(kernel_value)
    app.add_typer(group, name="kernels")


def list_variants(
    op: Annotated[str | None, typer.Option(help="gemm, attention_decode, moe ...")] = None,
    engine: Annotated[str | None, typer.Option(help="vllm, sglang, trtllm ...")] = None,
    open_only: Annotated[bool, typer.Option("--open", help="Only with published source.")] = False,
    portable_only: Annotated[
        bool, typer.Option("--portable", help="Only those that run on two vendors.")
    ] = False,
    *,
    out: Output,
) -> None:
    """List kernel variants: op, engines, language, licence, open, portable."""
    from planner import api
    from planner.render.lists import variants

    out.emit(variants(api.kernels(op=op, engine=engine, open_only=open_only, portable_only=portable_only)))
