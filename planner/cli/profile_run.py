"""`planner profile run | verify | import`: measure kernels here, judge a file of measurements, take over others'."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli.command import ROWS, Body, command
from planner.cli.output import STDOUT, Output
from planner.errors import InputError

if TYPE_CHECKING:
    from planner.profiles.measure.session import Progress

REJECTED = 3


def add_to(group: typer.Typer) -> None:
    """Register the commands."""
    commands: dict[str, Body] = {"run": run, "verify": verify, "import": import_}
    for name, body in commands.items():
        command(group, name, formats=ROWS)(body)


def run(
    *,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1, rocm or xpu.")] = "cpu",
    op: Annotated[list[str] | None, typer.Option(help="Repeat for several. [default: all]")] = None,
    variant: Annotated[
        list[str] | None, typer.Option(help="Repeat for several. [default: all that run]")
    ] = None,
    dtype: Annotated[
        list[str] | None, typer.Option(help="Repeat for several. [default: those listed]")
    ] = None,
    shapes: Annotated[
        Path | None, typer.Option(help="CSV of op, dtype, shape, value. [default: ours]")
    ] = None,
    budget: Annotated[float, typer.Option(help="Seconds to spend.")] = 600.0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the file of -o.")] = False,
    folder: Annotated[
        list[Path] | None, typer.Option(help="Manifests of further variants; their code runs.")
    ] = None,
    nonce: Annotated[str | None, typer.Option(help="Challenge to answer, as given by a reviewer.")] = None,
    submitter: Annotated[str, typer.Option(help="Your name in every row.")] = "unknown",
    out: Output,
) -> None:
    """Check and time kernel variants on this machine; rows go to the file of -o, one by one."""
    from planner import api
    from planner.render.traces import trace_rows

    if out.path in (None, STDOUT):
        raise InputError("-o: missing", hint="name a file for the traces, as traces.jsonl")
    path = out.path
    assert path is not None
    with out.bar("starting") as update:

        def told(progress: Progress) -> None:
            update(
                progress.done / max(progress.total, 1),
                f"{progress.done} of {progress.total} cells, {progress.what}",
            )

        done = api.run_profile(
            path, device=device, ops=op, variants=variant, dtypes=dtype, shapes=shapes, budget_s=budget,
            resume=resume, folders=folder or (), nonce=nonce, submitter=submitter, on_progress=told,
        )  # fmt: skip
    out.say(f"{path}: {done.rows} rows added to {done.kept} in {done.seconds:.0f} s")
    if done.cells_left:
        out.say(f"{done.cells_left} cells are left; go on with --resume")
    replace(out, path=None).emit(trace_rows(api.traces(path)))


def verify(
    file: Annotated[Path, typer.Argument(help="JSON-lines file of traces.")],
    nonce: Annotated[str | None, typer.Option(help="The challenge its submitter was given.")] = None,
    against: Annotated[
        Path | None, typer.Option(help="An accepted file from another machine with the same device.")
    ] = None,
    save: Annotated[
        Path | None, typer.Option(help="Write the rows of an accepted file here, with their trust.")
    ] = None,
    *,
    out: Output,
) -> int:
    """Judge a file of traces: schema, hash, physics, statistics, calibration, sources. Exit 3: rejected."""
    from planner import api
    from planner.render.traces import verdict

    found = api.verify_profile(file, nonce=nonce, against=against, save=save)
    out.emit(verdict(found))
    for reason in found.reasons:
        out.say(f"rejected: {reason}")
    return 0 if found.accepted else REJECTED


def import_(
    file: Annotated[Path, typer.Argument(help="CSV of Liger or AITER, traces of FlashInfer-Bench.")],
    *,
    out: Output,
) -> None:
    """Turn other projects' op measurements into traces, in the file of -o; marked imported, trust 1 at most."""
    from planner import api
    from planner.render.traces import trace_rows

    if out.path in (None, STDOUT):
        raise InputError("-o: missing", hint="name a file for the traces, as traces.jsonl")
    assert out.path is not None
    found = api.import_profile(file, out.path)
    for reason, count in found.left_out.items():
        out.say(f"left out: {count} rows: {reason}")
    replace(out, path=None).emit(trace_rows(found.traces))
