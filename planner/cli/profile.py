"""`planner profile`: what has been measured."""

from __future__ import annotations

from typing import Annotated

import typer

from planner.cli.command import ROWS, command, new_app
from planner.cli.output import Output


def add_to(app: typer.Typer) -> None:
    """Register the group."""
    group = new_app("What has been measured.")
    command(group, "show", formats=ROWS)(show)
    app.add_typer(group, name="profile")


def show(
    gpu: Annotated[str | None, typer.Argument(help="GPU, any usual spelling.")] = None,
    op: Annotated[str | None, typer.Option(help="gemm, attention_decode, moe ...")] = None,
    engine: Annotated[str | None, typer.Option(help="vllm, sglang, trtllm ...")] = None,
    dtype: Annotated[str | None, typer.Option(help="bf16, fp8, nvfp4 ...")] = None,
    *,
    out: Output,
) -> None:
    """Show the op tables measured, with source and date."""
    from planner import api
    from planner.render.lists import blocks

    out.emit(blocks(api.profile_blocks(gpu, op=op, engine=engine, dtype=dtype)))
