"""Decoded labels, errors and decisions on numbers one can check by hand."""

from __future__ import annotations

import numpy as np
import pytest

from planner.models import resolve_model
from planner.records import Layout
from planner.validate.cases import INPUT_COLUMNS, Refused, decode_layout, read_case
from planner.validate.decisions import Points, decide
from planner.validate.score import errors

MIXTURE, DENSE = resolve_model("deepseek-ai/DeepSeek-V3"), resolve_model("Qwen/Qwen3-32B")


def labels(tp: int, dp: int = 1, moe_tp: int = 1, moe_ep: int = 1) -> dict[str, str]:
    return {"tp_size": str(tp), "attention_dp_size": str(dp), "moe_tp_size": str(moe_tp),
            "moe_ep_size": str(moe_ep), "pp_size": ""}  # fmt: skip


@pytest.mark.parametrize(
    ("row", "benchmark", "layout"),
    [
        (labels(4, 1, 2, 2), True, Layout(tp=2, ep=2)),
        (labels(1, 16, 4, 4), True, Layout(dp=4, ep=4)),
        (labels(4, 4, 1, 16), True, Layout(tp=4, ep=4)),
        (labels(4, 1, 2, 2), False, Layout(tp=4, ep=2)),
        (labels(2, 1, 4, 1), False, Layout(tp=4)),
        (labels(8, 1, 1, 8), True, Layout(tp=8, ep=8)),
    ],
)
def test_labels_that_multiply_two_widths_are_decoded(
    row: dict[str, str], benchmark: bool, layout: Layout
) -> None:
    assert decode_layout(row, MIXTURE, benchmark=benchmark) == layout


@pytest.mark.parametrize(
    ("label", "batch", "in_flight_per_rank"),
    [(labels(4, 4, 1, 16), 16, 64.0), (labels(1, 64, 8, 8), 2, 16.0), (labels(1, 4, 1, 4), 8, 8.0),
     (labels(4, 1, 2, 2), 8, 8.0)],
)  # fmt: skip
def test_requests_in_flight_are_those_of_the_labelled_ranks(
    label: dict[str, str], batch: int, in_flight_per_rank: float
) -> None:
    row = dict.fromkeys(INPUT_COLUMNS, "") | label | {
        "backend": "sglang", "model_path": "deepseek-ai/DeepSeek-V3", "system": "b200_sxm", "precision": "fp8",
        "mode": "agg", "isl": "1024", "osl": "1024", "batch_size": str(batch),
    }  # fmt: skip
    case, found = read_case(row)
    assert found == in_flight_per_rank
    assert found * case.layout.dp == batch * int(label["attention_dp_size"])


def test_a_dense_model_keeps_its_width() -> None:
    assert decode_layout(labels(4, 1, 2, 2), DENSE, benchmark=True) == Layout(tp=4)


def test_a_cluster_labelled_as_one_engine_is_refused() -> None:
    with pytest.raises(Refused, match="72 GPUs"):
        decode_layout(labels(72), MIXTURE, benchmark=True)


def test_coverage_counts_measurements_inside() -> None:
    found = errors([10.0, 10.0], [10.5, 20.0], sd80=[0.1, 0.1], sd95=[1.0, 1.0])
    assert found is not None
    assert (found.within_80, found.within_95) == (50.0, 100.0)


def _points(*columns: list[float]) -> Points:
    """Admitted ms, predicted rate, measured ms, measured rate, of candidates in one situation."""
    return Points(["s"] * len(columns[0]), *(np.array(x) for x in columns))


def test_regret_is_the_share_given_away() -> None:
    made = decide(_points([20.0, 25.0], [100.0, 90.0], [20.0, 25.0], [80.0, 100.0]), limit_ms=30.0)
    assert (made.n, made.regret, made.broken) == (1, 20.0, 0.0)


def test_a_pick_over_the_limit_by_more_than_five_percent_breaks_it() -> None:
    made = decide(_points([29.0, 20.0], [100.0, 50.0], [32.0, 20.0], [100.0, 50.0]), limit_ms=30.0)
    assert (made.breaks, made.broken) == (1, 100.0)


def test_nothing_admitted_is_counted_not_scored() -> None:
    made = decide(_points([40.0, 50.0], [1.0, 2.0], [20.0, 20.0], [1.0, 2.0]), limit_ms=30.0)
    assert (made.n, made.no_pick) == (0, 1)
