"""`planner estimate`: one configuration in, its predicted speed out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from planner.cli.command import command
from planner.cli.output import Output


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    command(app, "estimate")(estimate)


def estimate(
    *,
    model: Annotated[str, typer.Option(help="Model name, or the path of a config.json.")],
    gpu: Annotated[str, typer.Option(help="GPU, any usual spelling.")],
    engine: Annotated[str, typer.Option(help="vllm, sglang, trtllm, llama.cpp ...")] = "vllm",
    precision: Annotated[str | None, typer.Option(help="Of the weights. [default: the checkpoint's]")] = None,
    kv_precision: Annotated[str | None, typer.Option(help="Of the KV cache. [default: the engine's]")] = None,
    tp: Annotated[int, typer.Option(min=1, help="Tensor-parallel degree.")] = 1,
    pp: Annotated[int, typer.Option(min=1, help="Pipeline-parallel degree.")] = 1,
    dp: Annotated[int, typer.Option(min=1, help="Attention-data-parallel degree.")] = 1,
    ep: Annotated[int, typer.Option(min=1, help="Expert-parallel degree.")] = 1,
    concurrency: Annotated[int, typer.Option(min=1, help="Requests in flight per replica.")] = 1,
    input_tokens: Annotated[int, typer.Option(min=1, help="Prompt length.")] = 1024,
    output_tokens: Annotated[int, typer.Option(min=1, help="Answer length.")] = 256,
    lengths: Annotated[
        Literal["random", "fixed"] | None,
        typer.Option(help="Random around these, or all equal. [default: random]"),
    ] = None,
    engine_version: Annotated[str | None, typer.Option(help="[default: the newest we know]")] = None,
    cuda_graphs: Annotated[bool | None, typer.Option(help="[default: on]")] = None,
    accepted_tokens: Annotated[
        float | None, typer.Option(min=1, help="Tokens per step with speculative decoding. [default: none]")
    ] = None,
    scheduler: Annotated[
        Literal["mixed", "prefill_first"] | None,
        typer.Option(help="Prompts beside running requests, or before them. [default: the engine's]"),
    ] = None,
    stream_interval: Annotated[
        int | None, typer.Option(min=1, help="Decode steps per streamed chunk. [default: 1]")
    ] = None,
    max_running: Annotated[
        int | None,
        typer.Option(min=1, help="Limit on running requests per attention rank. [default: memory]"),
    ] = None,
    kernels: Annotated[
        Literal["any", "open", "portable"], typer.Option(help="Kernel variants allowed.")
    ] = "any",
    calibration: Annotated[
        Path | None, typer.Option(help="Your measured runs: a file written by planner calibrate --save.")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Every byte of memory, every term of the times, every setting.")
    ] = False,
    out: Output,
) -> None:
    """Predict speed, memory and power of one configuration."""
    from planner import api

    with out.progress("estimating"):
        answer = (api.explain_estimate if explain else api.estimate)(
            model=model,
            gpu=gpu,
            engine=engine,
            weight_precision=precision,
            kv_precision=kv_precision,
            tp=tp,
            pp=pp,
            dp=dp,
            ep=ep,
            concurrency=concurrency,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            lengths=lengths,
            kernels=kernels,
            engine_version=engine_version,
            cuda_graphs=cuda_graphs,
            accepted_tokens=accepted_tokens,
            scheduler=scheduler,
            stream_interval=stream_interval,
            max_running=max_running,
            calibration=calibration,
        )
    out.emit(answer)
