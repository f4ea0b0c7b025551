"""Public names about traces: measure, import, verify and show what kernels do.

Every function imports what it needs when it is called; the clock and the file system are met here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from planner.errors import InputError, MissingExtra, check_known

if TYPE_CHECKING:
    from planner.profiles.changes import Speedup
    from planner.profiles.measure.session import Outcome, Progress
    from planner.profiles.trace import Trace
    from planner.profiles.verify import Verification


def run_profile(
    path: Path | str,
    *,
    device: str = "cpu",
    ops: Collection[str] | None = None,
    variants: Collection[str] | None = None,
    dtypes: Collection[str] | None = None,
    shapes: Path | str | None = None,
    budget_s: float = 600.0,
    resume: bool = False,
    folders: Iterable[Path] = (),
    nonce: str | None = None,
    submitter: str = "unknown",
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Outcome:
    """Measure kernel variants on a device here into a JSON-lines file, most valuable cells first.

    `shapes` is a CSV list of op, dtype, shape and value in place of the shipped one; `folders` hold manifests of
    further variants. Rows are written one by one; `resume` goes on with a file that is there.
    """
    from planner.kernels import load_ops
    from planner.profiles.measure.devices import parse_device
    from planner.profiles.measure.session import Order, run_session
    from planner.profiles.measure.shapes import read_cells, shipped_cells

    kind, _ = parse_device(device)
    if kind != "cpu" and find_spec("torch") is None:
        raise MissingExtra(f"device {device}: needs torch built for it; install openclaw-planner[kernels]")
    if budget_s <= 0:
        raise InputError(f"budget: {budget_s:g} is not above 0", hint="give seconds")
    check_known("op", ops, load_ops())
    _check_variants(variants, tuple(folders))
    cells = read_cells(Path(shapes)) if shapes else shipped_cells("cpu" if kind == "cpu" else "accelerator")
    chosen = tuple(
        cell
        for cell in cells
        if cell.calibration or ((not ops or cell.op in ops) and (not dtypes or cell.dtype in dtypes))
    )
    order = Order(
        device, chosen, budget_s, tuple(variants or ()), tuple(folders), submitter=submitter, nonce=nonce
    )
    return run_session(order, Path(path), resume=resume, on_progress=on_progress)


def _check_variants(variants: Collection[str] | None, folders: tuple[Path, ...]) -> None:
    from planner.kernels.loading import manifest

    for name in variants or ():
        manifest(name, folders)


def kernel_speedups(before: Path | str, after: Path | str) -> tuple[Speedup, ...]:
    """How many times faster each variant became from one trace file to another, with intervals; below 1 is slower."""
    from planner.profiles.changes import speedups
    from planner.profiles.tracefile import read_traces

    return speedups(read_traces(Path(before)), read_traces(Path(after)))


def verify_profile(
    path: Path | str, *, nonce: str | None = None, against: Path | str | None = None
) -> Verification:
    """Is a file of traces what it says? Accepted with a trust level, or rejected with reasons; runs none of it.

    `nonce` is the challenge its submitter was given; `against` a file from another machine with the same device.
    """
    from planner.profiles.verify import verify_file

    return verify_file(Path(path), nonce=nonce, against=Path(against) if against else None)


def traces(
    path: Path | str | None = None,
    *,
    device: str | None = None,
    op: str | None = None,
    variant: str | None = None,
    dtype: str | None = None,
) -> tuple[Trace, ...]:
    """Traces of a file, or those shipped, filtered; InputError for a device or op none of them has."""
    from planner.profiles.tracefile import read_traces, shipped_traces

    found = read_traces(Path(path)) if path else shipped_traces()
    check_known("device", [device] if device else None, {x.device.device_key for x in found})
    check_known("op", [op] if op else None, {x.job.op for x in found})
    check_known("variant", [variant] if variant else None, {x.kernel.variant for x in found})
    return tuple(
        x
        for x in found
        if device in (None, x.device.device_key)
        and op in (None, x.job.op)
        and variant in (None, x.kernel.variant)
        and dtype in (None, x.job.dtype_in)
    )
