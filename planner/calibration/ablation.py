"""Terms of the model left out one by one: `python -P -m planner.calibration.ablation DATA_DIR`.

Prints, for each term, the median / mean / 90th percentile error of the physics alone and of the whole model
cross-validated by curve. A term that does not earn its place shows here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from planner.calibration.points import Curve, curves_of
from planner.calibration.priors import PRIORS, QUANTITIES
from planner.calibration.split import left_out
from planner.profiles.store import load_profiles
from planner.validate.formats import read_table

Change = Callable[[Curve], Curve]


@dataclass(frozen=True, slots=True)
class Term:
    """A physical term and how a curve looks without it."""

    name: str
    without: Change


def _setup(**settings: Any) -> Change:
    def change(curve: Curve) -> Curve:
        return replace(
            curve, evaluation=replace(curve.evaluation, setup=replace(curve.evaluation.setup, **settings))
        )

    return change


def _no_queue(curve: Curve) -> Curve:
    return replace(curve, evaluation=replace(curve.evaluation, running_limit=float("inf")))


def _steps(keep: Callable[[Any, Any], Any]) -> Change:
    """Another mixed step, from the mixed and the decode step."""

    def change(curve: Curve) -> Curve:
        e = curve.evaluation
        steps = replace(e.step.steps, mixed=keep(e.step.steps.mixed, e.step.steps.decode))
        return replace(curve, evaluation=replace(e, step=replace(e.step, steps=steps)))

    return change


TERMS: tuple[Term, ...] = (
    Term("nothing", lambda curve: curve),
    Term("prefill interference", _steps(lambda mixed, decode: decode)),
    Term("equal lengths keep step", _setup(random_lengths=True)),
    Term("streaming interval", _setup(stream_interval=1)),
    Term("opening burst", _setup(opening_burst=0.0)),
    Term("speculative decoding", _setup(accepted_tokens=1.0)),
    Term("KV-capacity queue", _no_queue),
)


def rows(curves: Sequence[Curve]) -> list[tuple[str, ...]]:
    """(term, physics TPOT, whole TPOT, physics TTFT, whole TTFT) without each physical term, engine constants
    refitted, and without each group of the residual."""
    found = [_row(t.name, [t.without(c) for c in curves], PRIORS) for t in TERMS]
    for group in sorted({*PRIORS["tpot"].constant, *PRIORS["tpot"].smooth}):
        without = {q: replace(p, constant=_less(p.constant, group), smooth=_less(p.smooth, group))
                   for q, p in PRIORS.items()}  # fmt: skip
        found.append(_row(f"residual: {group}", curves, without))
    return found


def _less(groups: Mapping[str, float], name: str) -> dict[str, float]:
    return {k: v for k, v in groups.items() if k != name}


def _row(name: str, curves: Sequence[Curve], priors: Mapping[str, Any]) -> tuple[str, ...]:
    out = list(left_out(curves, "curve", priors=priors))
    cells = [name]
    for q in QUANTITIES:
        whole = np.concatenate([o.miss(q) for o in out])
        cells += [_three(whole + np.concatenate([o.mean[q] for o in out])), _three(whole)]
    return tuple(cells)


def _three(miss: Any) -> str:
    error = 100.0 * np.abs(np.expm1(-miss))
    return f"{np.median(error):.1f} / {error.mean():.1f} / {np.percentile(error, 90):.1f}"


def main(arguments: Sequence[str]) -> None:
    """Print the table."""
    table = read_table(Path(arguments[0]) / "validation" / "silicon_dev.csv")
    head = ("without", "TPOT, physics", "TPOT, all", "TTFT, physics", "TTFT, all")
    for line in (head, ("---",) * len(head), *rows(curves_of(table, load_profiles()))):
        sys.stdout.write(f"| {' | '.join(line)} |\n")


if __name__ == "__main__":
    main(sys.argv[1:])
