"""`planner calibrate`: a few measured points of yours in, a calibration file out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from planner.cli.command import command
from planner.cli.output import Output


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    command(app, "calibrate")(calibrate)


def calibrate(
    file: Annotated[
        Path, typer.Argument(help="Measured points: CSV, or JSON of vLLM bench, GuideLLM or AIPerf.")
    ],
    save: Annotated[Path | None, typer.Option(help="Write the calibration here, for --calibration.")] = None,
    model: Annotated[str, typer.Option(help="For JSON: model. [default: what the file says]")] = "",
    gpu: Annotated[str, typer.Option(help="For JSON: GPU.")] = "",
    engine: Annotated[str, typer.Option(help="For JSON: engine.")] = "vllm",
    engine_version: Annotated[str, typer.Option(help="For JSON: its version.")] = "",
    precision: Annotated[str, typer.Option(help="For JSON: format of the weights. [default: bf16]")] = "",
    kv_precision: Annotated[str, typer.Option(help="For JSON: format of the KV cache.")] = "",
    tp: Annotated[int, typer.Option(min=1, help="For JSON: tensor-parallel degree.")] = 1,
    pp: Annotated[int, typer.Option(min=1, help="For JSON: pipeline-parallel degree.")] = 1,
    dp: Annotated[int, typer.Option(min=1, help="For JSON: attention-data-parallel degree.")] = 1,
    ep: Annotated[int, typer.Option(min=1, help="For JSON: expert-parallel degree.")] = 1,
    *,
    out: Output,
) -> None:
    """Pull predictions towards your own measured points."""
    from planner import api
    from planner.files import write_atomically
    from planner.render.accuracy import calibrated_page

    stated = {
        "model": model, "gpu": gpu, "engine": engine, "engine_version": engine_version, "weight_precision": precision,
        "kv_precision": kv_precision, "tp": str(tp), "pp": str(pp), "dp": str(dp), "ep": str(ep),
    }  # fmt: skip
    with out.progress("calibrating"):
        own = api.calibrate(file, **stated)
    if save is not None:
        write_atomically(save, own.to_json())
        out.say(f"wrote {save}")
    if out.format == "json":
        out.write(own.to_json())
    else:
        out.emit(calibrated_page(own))
