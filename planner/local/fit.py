"""Refit the local engines: `python -P -m planner.local.fit DATA_DIR [--as-of DATE] [--write FOLDER] [--leave-out]`.

Reads `DATA_DIR/measured/llm_decode_prefill.csv`, `achieved_peak.csv` and `training_throughput.csv`, reports
the errors on what the fit had not seen, and writes `local_effects.csv`, `local_intervals.csv` and
`local_training.csv` to the folder. The same inputs give the same bytes.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from planner.local import training
from planner.local.crossvalidate import TARGETS, Interval, by_configuration, by_device, intervals
from planner.local.sample import Figure, Share, assemble, read_figures, read_shares
from planner.local.solve import absolute_percent, log_errors, solve
from planner.local.store import EFFECT_COLUMNS, INTERVAL_COLUMNS, effect_rows, interval_rows
from planner.local.terms import TERMS, Effects, Floats, Ints

FIGURES, PEAKS, TRAINING = "llm_decode_prefill.csv", "achieved_peak.csv", "training_throughput.csv"


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit, judge, report and write."""
    parser = argparse.ArgumentParser(prog="planner.local.fit", description=__doc__)
    parser.add_argument("data", type=Path, help="folder that holds measured/")
    parser.add_argument("--as-of", default="", help="date written on every row")
    parser.add_argument("--write", type=Path, help="folder to write the tables to (none: only report)")
    parser.add_argument("--leave-out", action="store_true", help="only report what each level is worth")
    given = parser.parse_args(arguments)
    folder = given.data / "measured"
    if given.leave_out:
        for line in left_out(folder):
            sys.stdout.write(line)
            sys.stdout.flush()
        return
    effects, figures, found, report = run(folder)
    sys.stdout.write(report)
    if given.write:
        source = f"planner.local.fit on {digest(folder)}"
        _write(
            given.write / "local_effects.csv",
            EFFECT_COLUMNS,
            effect_rows(effects, figures, source, given.as_of),
        )
        _write(given.write / "local_intervals.csv", INTERVAL_COLUMNS,
               interval_rows(found, source, given.as_of))  # fmt: skip
        fitted = training.fit(folder / TRAINING)
        _write(given.write / "local_training.csv", training.COLUMNS,
               training.table(fitted, source, given.as_of))  # fmt: skip


def run(folder: Path) -> tuple[Effects, Ints, list[Interval], str]:
    """Effects, interval factors and a report of the fit on a folder of published figures."""
    figures, refused = read_figures(folder / FIGURES)
    benches = read_shares(folder / PEAKS)
    start, sample, shares = assemble(figures, benches)
    everything = solve(start, sample, shares, np.ones(len(figures)), np.ones(len(benches)))
    within = log_errors(sample, everything.log_terms(sample.index))
    configuration = by_configuration(everything, sample, shares, figures)
    device = by_device(everything, sample, shares, figures, benches)
    found = [
        *intervals(configuration, figures, known_device=True),
        *intervals(device, figures, known_device=False),
    ]
    answered = f"answered {len(figures)} of {len(figures) + len(refused)} rows, {len(start.names)} effects\n"
    lines = [
        _line("rows that were fitted", within, figures),
        _line("configuration left out", configuration, figures),
        _line("device left out", device, figures),
    ]
    used = sample.index[sample.index >= 0]
    counts = np.bincount(used, minlength=len(start.names))
    return everything, counts, found, answered + "".join(lines)


def left_out(folder: Path) -> Iterator[str]:
    """Errors on devices left out, with each level of each term taken away in turn."""
    figures, _ = read_figures(folder / FIGURES)
    benches = read_shares(folder / PEAKS)
    levels = [(term.name, level) for term in TERMS for level in term.levels if level != "all"]
    yield _line("everything", _device_errors(figures, benches), figures)
    yield _line("without microbenchmarks", _device_errors(figures, []), figures)
    for name, level in levels:
        errors = _device_errors(figures, benches, without=(name, level))
        yield _line(f"without {level} of {name}", errors, figures)


def _device_errors(
    figures: Sequence[Figure], benches: Sequence[Share], *, without: tuple[str, str] | None = None
) -> Floats:
    start, sample, shares = assemble(figures, benches, without=without)
    return by_device(
        solve(start, sample, shares, np.ones(len(figures)), np.ones(len(benches))),
        sample, shares, figures, benches,
    )  # fmt: skip


def _line(name: str, errors: Floats, figures: Sequence[Figure]) -> str:
    rows = len(figures)
    texts = []
    for t, target in enumerate(TARGETS):
        percent = absolute_percent(errors[t * rows : (t + 1) * rows])
        percent = percent[np.isfinite(percent)]
        median, high = np.percentile(percent, (50, 90))
        texts.append(
            f"{target} {len(percent)} rows: median {median:.1f} %, mean {percent.mean():.1f} %, P90 {high:.1f} %"
        )
    return f"{name}: {'; '.join(texts)}\n"


def digest(folder: Path) -> str:
    """Name of the inputs: the first twelve digits of the SHA-256 of the three files."""
    content = b"".join((folder / name).read_bytes() for name in (FIGURES, PEAKS, TRAINING))
    return f"published figures sha256:{hashlib.sha256(content).hexdigest()[:12]}"


def _write(path: Path, header: Sequence[str], rows: Sequence[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, header, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
