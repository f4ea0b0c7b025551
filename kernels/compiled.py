"""The table of what every Triton kernel of ours compiled to: registers, spills, shared memory, per target.

`python -P -m planner.kernels.compiled --jobs 2` compiles what the table lacks or has of an older source, and
writes it; `planner.kernels.pages` puts it into the documentation.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import astuple, fields
from functools import cache
from importlib.resources import files
from pathlib import Path

from planner.kernels.compile import Compiled
from planner.kernels.errors import KernelError
from planner.kernels.loading import variants
from planner.kernels.manifests import Manifest

TABLE = "data/compiled.csv"
COLUMNS = tuple(f.name for f in fields(Compiled))
NUMBERS = ("registers", "spill_bytes", "shared_bytes")


@cache
def load_compiled() -> tuple[Compiled, ...]:
    """The shipped table."""
    text = files("planner.kernels").joinpath(TABLE).read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return tuple(Compiled(**{k: int(v) if k in NUMBERS else v for k, v in row.items()}) for row in rows)  # type: ignore[arg-type]


def declared() -> Iterator[tuple[Manifest, str, str]]:
    """Every variant of ours with each target its manifest declares, in every dtype that has code of its own.

    That is the first dtype, and those with tunables of their own: fp16 differs from bf16 in the operands' type only.
    """
    for variant in variants():
        if variant.role == "ours":
            own = [d for d in variant.dtypes if d == variant.dtypes[0] or d in variant.config_for]
            yield from ((variant, target, dtype) for target in variant.targets for dtype in own)


def missing(rows: Iterable[Compiled]) -> list[tuple[Manifest, str, str]]:
    """Declared pairs that no row of the present source covers."""
    covered = {(row.variant, row.sha256, row.target, row.dtype) for row in rows}
    return [(v, t, d) for v, t, d in declared() if (v.name, v.sha256[:16], t, d) not in covered]


def compile_in_child(variant: str, targets: Iterable[str], dtypes: Iterable[str]) -> list[Compiled]:
    """Compile one variant in a process of its own.

    Raises `KernelError` with what the compiler said.
    """
    asked = [f"--target={target}" for target in targets] + [f"--dtype={dtype}" for dtype in dtypes]
    command = [sys.executable, "-P", "-m", "planner.kernels.compile", variant, *asked]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if errors := [line["error"] for line in lines if "error" in line]:
        raise KernelError("; ".join(errors))
    if done.returncode or not lines:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise KernelError(f"{variant}: the compiler ended with {done.returncode}: {last}")
    return [Compiled(**line) for line in lines]


def _write(path: Path, rows: list[Compiled]) -> None:
    """The table in order; written whole after each variant, so that a long run can be cut short."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(astuple(row) for row in sorted(rows, key=astuple))


def main(arguments: list[str]) -> int:
    """Bring the table up to date."""
    import argparse

    parser = argparse.ArgumentParser(prog="planner.kernels.compiled")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--table", type=Path, default=Path("kernels") / TABLE)
    asked = parser.parse_args(arguments)
    wanted = {(v.name, v.sha256[:16], t, d) for v, t, d in declared()}
    rows = [r for r in load_compiled() if (r.variant, r.sha256, r.target, r.dtype) in wanted]
    todo: dict[str, tuple[set[str], set[str]]] = {}
    for variant, target, dtype in missing(rows):
        targets, dtypes = todo.setdefault(variant.name, (set(), set()))
        targets.add(target)
        dtypes.add(dtype)
    failed = 0
    with ThreadPoolExecutor(asked.jobs) as pool:
        jobs = [pool.submit(compile_in_child, name, *pairs) for name, pairs in todo.items()]
        for job in as_completed(jobs):
            try:
                new = job.result()
            except KernelError as error:
                failed += 1
                sys.stderr.write(f"{error}\n")
                continue
            made = {(r.variant, r.target, r.dtype) for r in new}
            rows = [r for r in rows if (r.variant, r.target, r.dtype) not in made] + new
            _write(asked.table, rows)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
