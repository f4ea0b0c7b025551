"""`planner doctor`: is everything here that a plan needs, and what would more parts bring?"""

from __future__ import annotations

import platform
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

import typer

from planner.cli.command import PAGE, command
from planner.cli.output import Output
from planner.errors import MissingExtra

SOMETHING_MISSING = MissingExtra.exit_code
NEEDED = ("numpy", "scipy", "pyarrow", "highspy", "pulp", "pydantic", "typer", "rich")
EXTRAS = {
    "app": ("streamlit", "the dashboard"),
    "report": ("xlsxwriter", "procurement reports as XLSX and PDF"),
    "store": ("duckdb", "price and plan history"),
    "kernels": ("torch", "running and timing kernels"),
    "cluster": ("distributed", "sweeps over several machines"),
}
"""Optional part: the distribution that shows it is installed, and what it is for."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at; only `missing` makes the planner unfit to plan."""

    name: str
    state: Literal["ok", "absent", "missing"]
    found: str
    remedy: str = ""


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    command(app, "doctor", formats=PAGE)(doctor)


def doctor(*, out: Output) -> int:
    """Check solver, data, optional parts and GPU."""
    from planner.render.lists import checks

    found: list[Check] = []
    with out.progress("checking") as on_progress:
        for name, look in CHECKS.items():
            on_progress(f"checking {name}")
            found.append(_looked_at(name, look))
    found += [_extra(extra) for extra in EXTRAS]
    healthy = all(check.state != "missing" for check in found)
    out.emit(checks(found, healthy=healthy))
    return 0 if healthy else SOMETHING_MISSING


def _looked_at(name: str, look: Callable[[], str]) -> Check:
    """Whatever goes wrong in a check is its finding."""
    try:
        return Check(name, "ok", look())
    except _AbsentError as nothing:
        return Check(name, "absent", str(nothing))
    except Exception as error:
        found = f"{type(error).__name__}: {error}".rstrip(": ")
        return Check(name, "missing", found, "reinstall: pip install --force-reinstall openclaw-planner")


class _AbsentError(Exception):
    """Not there, and not needed."""


def _versions() -> str:
    import planner

    parts = [f"planner {planner.__version__}", f"Python {platform.python_version()}"]
    return ", ".join([*parts, *(f"{name} {version(name)}" for name in NEEDED)])


def _solver() -> str:
    """A fleet whose answer is known by hand: 3 requests/s on units of 2 takes two of them."""
    from planner import api

    fleet = api.size_fleet({"test": 3.0}, {"test": {"unit": 2.0}}, {"unit": 1.0}, splitting="continuous")
    if dict(fleet.counts) != {"unit": 2}:
        raise RuntimeError(f"the test fleet came out as {dict(fleet.counts)}, not 2 units")
    return f"test fleet solved to {fleet.status}"


def _prices() -> str:
    from planner import api
    from planner.render.words import price_ages

    offers = api.prices(as_of=date.today())
    return f"{len(offers):,} offers, {price_ages(offers)}"


def _profiles() -> str:
    from planner import api

    blocks = api.profile_blocks()
    dates = sorted(b.as_of for b in blocks if b.as_of)
    span = f"dated {dates[0]} to {dates[-1]}" if dates else "undated"
    return f"{len(blocks):,} op tables of {len({b.system for b in blocks})} systems, {span}"


def _examples() -> str:
    from planner import api

    return ", ".join(api.example_names())


def _gpu() -> str:
    """Names of the GPUs here; a plan needs none."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        raise _AbsentError("none seen; planning needs none, measuring does")
    command_line = [tool, "--query-gpu=name", "--format=csv,noheader"]
    done = subprocess.run(command_line, capture_output=True, text=True, timeout=10, check=False)
    if done.returncode or not done.stdout.strip():
        raise _AbsentError("nvidia-smi is here and shows no GPU")
    return ", ".join(done.stdout.strip().splitlines())


CHECKS: dict[str, Callable[[], str]] = {
    "versions": _versions,
    "solver": _solver,
    "prices": _prices,
    "profiles": _profiles,
    "examples": _examples,
    "GPU": _gpu,
}


def _extra(extra: str) -> Check:
    """Whether an optional part is installed; looked up, not imported (torch alone takes seconds)."""
    distribution, use = EXTRAS[extra]
    try:
        return Check(f"[{extra}]", "ok", f"{distribution} {version(distribution)}: {use}")
    except PackageNotFoundError:
        return Check(f"[{extra}]", "absent", use, f'pip install "openclaw-planner[{extra}]"')
