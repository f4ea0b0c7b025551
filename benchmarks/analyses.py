"""What a first answer and a small change cost: CPU seconds of the three-workload example, analysis by analysis.

`python -P benchmarks/analyses.py [--example shared-budget]`. The goals: a first answer with the full catalogue in under
3 s of CPU, an interactive change (one price, one rate, one limit) with all analyses refreshed in under 1 s. Read the
figures against each other: a busy machine counts more seconds for the same work.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from datetime import date
from typing import TypeVar

import planner
from planner.analysis.session import STUDIES, Session
from planner.optimize.solve import solve

T = TypeVar("T")
DAY = date(2026, 11, 22)


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """Result and CPU seconds."""
    began = time.process_time()
    found = work()
    return found, time.process_time() - began


def studied(session: Session, label: str) -> None:
    """A line per analysis and their sum."""
    parts = {name: timed(lambda study=study: study(session.case))[1] for name, study in STUDIES.items()}  # type: ignore[misc]
    print(f"{label:34} {sum(parts.values()):6.2f}  " + "  ".join(f"{n} {s:.2f}" for n, s in parts.items()))


def main() -> None:
    """Print what each step takes."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--example", default="shared-budget")
    scenario = planner.load_example(options.parse_args().example)
    catalog, profiles = planner.load_catalog(), planner.load_profiles()
    first, seconds = timed(lambda: planner.open_session(scenario, catalog, profiles, as_of=DAY))
    print(f"{'first answer, full catalogue':34} {seconds:6.2f}")
    _, alone = timed(lambda: solve(first.case.problem))
    _, parts = timed(lambda: first.case.memory.family.decide(first.case.problem))
    print(
        f"{'re-solve as a whole / by parts':34} {alone:6.3f} / {parts:.3f} = {alone / max(parts, 1e-9):.0f}x"
    )
    studied(first, "all analyses, cold")
    studied(first, "all analyses, same question")
    offer = first.bare_plan.placements[0].offer
    name = next(iter(scenario.workloads))
    peak = scenario.workloads[name].demand.peak_requests_per_s
    for label, change in (
        ("one price", {"price": {offer.label: 1.1 * offer.usd_per_hour}}),
        ("one rate", {"rate": {name: 1.1 * peak}}),
        ("one limit", {"limit": {"constraints.max_spot_share": 0.5}}),
    ):
        changed, seconds = timed(lambda change=change: first.change(**change))  # type: ignore[arg-type,misc]
        _, page = timed(lambda changed=changed: changed.bare_plan)  # type: ignore[misc]
        print(f"{label + ': new plan':34} {seconds + page:6.2f}")
        studied(changed, f"{label}: all analyses")


if __name__ == "__main__":
    main()
