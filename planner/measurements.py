"""Public names about traces: measure, import, verify and show what kernels do.

Every function imports what it needs when it is called; the clock and the file system are met here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from planner.errors import InputError, MissingExtra, check_known

if TYPE_CHECKING:
    from planner.analysis.session import Session
    from planner.leaderboard import Earner, Ranked
    from planner.profiles.block import Block
    from planner.profiles.changes import Speedup
    from planner.profiles.importers.foreign import Imported
    from planner.profiles.measure.session import Outcome, Progress
    from planner.profiles.store import Profiles
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
    path: Path | str,
    *,
    nonce: str | None = None,
    against: Path | str | None = None,
    save: Path | str | None = None,
) -> Verification:
    """Is a file of traces what it says? Accepted with a trust level, or rejected with reasons; runs none of it.

    `nonce` is the challenge its submitter was given; `against` a file from another machine with the same device;
    `save` receives the rows of an accepted file with the trust they have earned.
    """
    from planner.files import write_atomically
    from planner.profiles.tracefile import to_line
    from planner.profiles.verify import verify_file

    found = verify_file(Path(path), nonce=nonce, against=Path(against) if against else None)
    if save is not None and found.accepted:
        write_atomically(Path(save), "".join(map(to_line, found.traces)))
    return found


def import_profile(path: Path | str, output: Path | str) -> Imported:
    """Another project's op measurements as traces in `output`: Liger's CSV, AITER's tables, FlashInfer-Bench traces.

    Rows are marked imported and never pass trust 1; what cannot be carried is counted with the reason.
    """
    from planner.files import write_atomically
    from planner.profiles.importers.foreign import import_file
    from planner.profiles.tracefile import to_line

    found = import_file(Path(path), when=datetime.now(UTC).date().isoformat())
    write_atomically(Path(output), "".join(to_line(x) for x in found.traces))
    return found


def profile_blocks(
    gpu: str | None = None,
    *,
    profiles: Profiles | None = None,
    op: str | None = None,
    engine: str | None = None,
    dtype: str | None = None,
) -> tuple[Block, ...]:
    """Measured op tables, power included; `gpu` is any spelling, without it every system."""
    from planner.profiles.gpus import resolve_gpu
    from planner.profiles.store import load_profiles

    profiles = profiles if profiles is not None else load_profiles()
    check_known("op", [op] if op else None, profiles.ops)
    systems = (None,) if gpu is None else (gpu,) if gpu in profiles.systems else resolve_gpu(gpu).keys
    found = (profiles.blocks(system=s, op=op, engine=engine, dtype=dtype, value=None) for s in systems)
    return tuple(block for blocks in found for block in blocks)


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


def leaderboard(
    path: Path | str | None = None,
    *,
    device: str | None = None,
    op: str | None = None,
    dtype: str | None = None,
) -> tuple[Ranked, ...]:
    """Variants ranked by time against the baseline of their device, from shipped traces or those of a file.

    A file is verified first: rows of a rejected one count for nothing, and the reason is an InputError.
    """
    from planner.leaderboard import rank

    found = traces(device=device, op=op, dtype=dtype) if path is None else _verified(path)
    wanted = {"device": device, "op": op, "dtype": dtype}
    rows = rank(found)
    return tuple(r for r in rows if all(want in (None, getattr(r, name)) for name, want in wanted.items()))


def earning_kernels(session: Session, path: Path | str | None = None) -> tuple[Earner, ...]:
    """Variants ranked by dollars a month on the fleet of an opened question (`open_session`), with intervals.

    From the op tables of the plan's engines, and from traces (shipped, or of a verified file) of GPUs it rents.
    """
    from planner.leaderboard import Speedups, earners, rank
    from planner.records import Quantity

    def worth(speedups: Speedups) -> dict[str, Quantity | None]:
        saved = session.kernel_value(speedups).worth
        return {w.subject: w.usd_per_month for w in saved if w.workload == saved[0].workload}

    rows = rank(_verified(path) if path else traces())
    return earners(session.kernel_value(), rows, session.bare_plan, worth)


def _verified(path: Path | str) -> tuple[Trace, ...]:
    found = verify_profile(path)
    if not found.accepted:
        raise InputError(f"rejected: {found.reasons[0]}", path=path, hint="see planner profile verify")
    return found.traces
