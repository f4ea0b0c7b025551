"""`ACCURACY.md`: what the shipped calibration's report says, for people.

`python -P -m planner.validate.pages` prints the document from the shipped calibration's report.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from planner.calibration.store import Calibration, load_calibration
from planner.canonical import from_data
from planner.estimate.recipes import FITTED
from planner.validate.accuracy import AccuracyRow, DecisionRow
from planner.validate.crossvalidate import NAMES

CURVE = NAMES["curve"]
LEAST_ROWS = 10  # of a group in the list of the worst


def accuracy_document(calibration: Calibration) -> str:
    """Text of `ACCURACY.md`."""
    rows = [from_data(AccuracyRow, row) for row in calibration.report["rows"]]
    decisions = [from_data(DecisionRow, row) for row in calibration.report["decisions"]]
    whole = [r for r in rows if r.group == "all"]
    groups = [r for r in rows if r.figures == CURVE and " / " in r.group and r.rows >= LEAST_ROWS]
    engines = [r for r in rows if r.figures == CURVE and r.group in FITTED]
    worst = sorted(groups, key=lambda r: -r.tpot_mean)[:8]
    head = ("what was left out", "rows", "TPOT %", "in 80 %", "in 95 %", "TTFT %", "in 80 %", "in 95 %")
    return "\n".join([
        "# Accuracy", "",
        "Written by `python -P -m planner.validate.pages > ACCURACY.md` from the report inside "
        "`planner/data/calibration.json`; do not edit.", "",
        f"{calibration.report['points']:,} distinct measurements on {calibration.report['curves']:,} concurrency "
        "curves of data-centre GPUs (NVIDIA aiconfigurator silicon sample, Apache-2.0, development side). Every "
        "figure below is of a prediction whose fit had not seen the row. Errors are median / mean / 90th percentile "
        "of the absolute percentage error; *in 80 %* is the share of measurements inside the 80 % interval.", "",
        "## Known combinations and unseen ones", "",
        *_table(head, (_cells(r, r.figures.removeprefix("cross-validated: ")) for r in whole)), "",
        "The first line flatters: its models were measured on its GPUs, only not at these lengths or layouts. For a "
        "model or a GPU of your own read the others; the last line is what one measured run of yours is worth "
        "(`planner calibrate`).", "",
        "## By engine, known combinations", "", *_table(head, (_cells(r, r.group) for r in engines)), "",
        "## Worst groups", "", *_table(head, (_cells(r, r.group) for r in worst)), "",
        "## All groups", "", *_table(head, (_cells(r, r.group) for r in groups)), "",
        "## Choices", "",
        "Engine, precision, layout and batch with the highest predicted output tokens/s/GPU under a TPOT limit, "
        "judged by the measured values. Regret is the mean share of the best possible throughput given away by the "
        "picks that kept the limit; broken are picks over it by more than 5 %.", "",
        *_table(("what was left out", "limit ms", "choices", "regret %", "broken %"), (
            (d.figures.removeprefix("cross-validated: "), f"{d.decisions.tpot_limit_ms:g}", str(d.decisions.n),
             f"{d.decisions.regret:.1f}", f"{d.decisions.broken:.1f}") for d in decisions)), "",
        *_REMARKS, "",
    ])  # fmt: skip


_REMARKS = (
    "## What the rows do not record",
    "",
    "KV-cache format, speculative decoding, CUDA graphs, streaming interval, limits on running requests and whether "
    "lengths were drawn at random. They are assumed per engine and model family (`docs/performance-model.md`); where "
    "the assumption is wrong the row is wrong by a factor, not by percent, and no fit can know. Rows of DeepSeek on "
    "SGLang hold two populations at equal settings; they make most of the 90th percentile.",
    "",
    "## Rows that look wrong",
    "",
    "They stay in the score. Kimi-K2.5 on H200 at concurrency 16 (TPOT four times its neighbours), DeepSeek on B300 "
    "with FP8 at ISL 8192 (two to three times B200), gpt-oss on one H200 with a TTFT of 26 s although memory is free, "
    "Qwen3-32B in bf16 on one H100 (2 to 5 requests run at once). Whole clusters labelled as one engine are refused.",
)


def _cells(r: AccuracyRow, name: str) -> tuple[str, ...]:
    return (
        name, f"{r.rows:,}", _three(r.tpot_median, r.tpot_mean, r.tpot_p90), f"{r.tpot_within_80:.0f}",
        f"{r.tpot_within_95:.0f}", _three(r.ttft_median, r.ttft_mean, r.ttft_p90), f"{r.ttft_within_80:.0f}",
        f"{r.ttft_within_95:.0f}",
    )  # fmt: skip


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]


def _three(median: float, mean: float, p90: float) -> str:
    return f"{median:.1f} / {mean:.1f} / {p90:.1f}"


if __name__ == "__main__":
    sys.stdout.write(accuracy_document(load_calibration()))
