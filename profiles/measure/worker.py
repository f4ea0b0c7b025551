"""The child process in which foreign code runs: groups in, one line each way, rows out.

Its own standard output becomes standard error before anything foreign is imported, so that a kernel's prints
cannot be taken for rows. Started as `python -P -m planner.profiles.measure.worker`.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from planner.kernels import op as op_named
from planner.kernels.loading import manifest
from planner.profiles.errors import ProfileError
from planner.profiles.measure.devices import open_backend, parse_device
from planner.profiles.measure.group import Bench, Run
from planner.profiles.measure.protocol import Ceilings, Timing
from planner.profiles.tracefile import to_row


class Line:
    """The private line to the parent."""

    def __init__(self, to_parent: TextIO, from_parent: TextIO) -> None:
        self._to, self._from = to_parent, from_parent

    def say(self, **message: Any) -> None:
        """One message."""
        self._to.write(json.dumps(message) + "\n")
        self._to.flush()

    def hear(self) -> dict[str, Any] | None:
        """The next message, None when the parent is gone."""
        line = self._from.readline()
        return json.loads(line) if line else None

    def read(self) -> float:
        """The parent's clock (it is a `timing.Witness`); NaN where it has none for us."""
        self._to.write('{"clock": 1}\n')
        self._to.flush()
        return float(self._from.readline() or "nan")


def serve(line: Line) -> None:
    """Measure what the parent asks for until it hangs up."""
    setup = line.hear()
    if setup is None:
        return
    if parse_device(setup["device"])[0] == "cpu" and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # one core, whatever pools a library starts
    backend = open_backend(setup["device"])
    folders = [Path(folder) for folder in setup["folders"]]
    bench = Bench(
        backend, Timing(**setup["timing"]), line, Run(**setup["run"]), announce=lambda name: line.say(running=name),
        ceilings=Ceilings(**setup["ceilings"]), sequence=setup["sequence"], folders=tuple(folders),
    )  # fmt: skip
    line.say(ready=True, device=asdict(backend.device), software=asdict(backend.software))
    while (job := line.hear()) is not None:
        _measure(bench, job, folders, line)


def _measure(bench: Bench, job: Mapping[str, Any], folders: list[Path], line: Line) -> None:
    asked = op_named(job["op"])
    manifests = [manifest(name, folders) for name in job["variants"]]
    for trace in bench.measure(asked, job["shape"], job["dtype"], manifests):
        line.say(row=to_row(trace))
    line.say(done=True, ceilings=[bench.ceilings.copy_bytes_per_s, bench.ceilings.gemm_flops_per_s])


def _end_with_parent() -> None:
    """Ask Linux to end this process when its parent does: a kernel that hangs must not outlive a killed run."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG, prctl(2)


def main() -> None:
    """Take over the pipes, then serve."""
    _end_with_parent()
    to_parent = os.fdopen(os.dup(1), "w", encoding="utf-8")
    from_parent = os.fdopen(os.dup(0), "r", encoding="utf-8")
    os.dup2(2, 1)
    os.close(0)
    line = Line(to_parent, from_parent)
    try:
        serve(line)
    except (ProfileError, ValueError) as error:
        line.say(error=" ".join(str(error).split()))
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(1)


if __name__ == "__main__":
    main()
