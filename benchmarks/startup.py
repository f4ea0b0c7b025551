"""What starting and answering cost: `planner --help` beside `import typer`, CPU of a whole recommendation.

Read the first as a ratio (the goal: below 3), the second in CPU seconds (the goal: at most 4 on two old cores).
`python -P benchmarks/startup.py [--repeat 5] [--example chat-70b]`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

PLANNER = (sys.executable, "-P", "-m", "planner")


@dataclass(frozen=True, slots=True)
class Cost:
    """Best of several runs: the least disturbed one."""

    wall_s: float
    cpu_s: float


def cost_of(command: Sequence[str], *, repeat: int) -> Cost:
    """Cost of a command in fresh processes."""
    runs = [_once(command) for _ in range(repeat)]
    return Cost(min(r.wall_s for r in runs), min(r.cpu_s for r in runs))


def _once(command: Sequence[str]) -> Cost:
    before, began = os.times(), time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    after, wall = os.times(), time.perf_counter() - began
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Cost(wall, cpu)


def main() -> None:
    """Print a line per command."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--repeat", type=int, default=5)
    options.add_argument("--example", default="chat-70b")
    given = options.parse_args()
    parser = cost_of((sys.executable, "-P", "-c", "import typer"), repeat=given.repeat)
    shown = cost_of((*PLANNER, "--help"), repeat=given.repeat)
    answer = cost_of((*PLANNER, "recommend", "--example", given.example, "--quiet"), repeat=given.repeat)
    for name, cost in (
        ("import typer", parser),
        ("planner --help", shown),
        (f"recommend {given.example}", answer),
    ):
        print(f"{name:28} {cost.wall_s:6.2f} s wall  {cost.cpu_s:6.2f} s CPU")
    print(
        f"planner --help / import typer: {shown.wall_s / parser.wall_s:.2f} wall, {shown.cpu_s / parser.cpu_s:.2f} CPU"
    )


if __name__ == "__main__":
    main()
