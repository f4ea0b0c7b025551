"""`planner profile`: what has been measured."""

from __future__ import annotations

from typing import Annotated

import typer

from planner.cli import profile_run
from planner.cli.command import ROWS, command, new_app
from planner.cli.output import Output


def add_to(app: typer.Typer) -> None:
    """Register the group."""
    group = new_app("What has been measured, and measuring it.")
    command(group, "show", formats=ROWS)(show)
    profile_run.add_to(group)
    app.add_typer(group, name="profile")


def show(
    gpu: Annotated[
        str | None, typer.Argument(help="GPU, any usual spelling; or a file of traces (.jsonl).")
    ] = None,
    op: Annotated[str | None, typer.Option(help="gemm, attention_decode, moe ...")] = None,
    engine: Annotated[str | None, typer.Option(help="vllm, sglang, trtllm ...")] = None,
    dtype: Annotated[str | None, typer.Option(help="bf16, fp8, nvfp4 ...")] = None,
    traces: Annotated[
        bool, typer.Option("--traces", help="Our own traces instead of the op tables.")
    ] = False,
    variant: Annotated[str | None, typer.Option(help="Of traces: one variant.")] = None,
    *,
    out: Output,
) -> None:
    """Show the op tables measured, with source and date; with --traces, or of a file, single traces."""
    from planner import api
    from planner.render.lists import blocks
    from planner.render.traces import trace_rows

    if traces or (gpu or "").endswith(".jsonl"):
        file, device = (gpu, None) if (gpu or "").endswith(".jsonl") else (None, gpu)
        out.emit(trace_rows(api.traces(file, device=device, op=op, variant=variant, dtype=dtype)))
    else:
        out.emit(blocks(api.profile_blocks(gpu, op=op, engine=engine, dtype=dtype)))
