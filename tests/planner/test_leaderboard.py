"""Dollars for a measured kernel: only on a GPU the plan rents, and only against a kernel it runs there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from planner.analysis.records import KernelValue, KernelWorth
from planner.leaderboard import Ranked, Speedups, earners, priced, rank
from planner.plan import Plan, load_plan
from planner.profiles.tracefile import shipped_traces
from planner.records import Quantity


@pytest.fixture
def plan() -> Plan:
    """A plan whose first placement runs cuBLAS."""
    made = load_plan(Path(__file__).parents[1] / "data" / "plan_sample.json")
    first = replace(made.placements[0], gpu="h200_sxm", variants={"gemm": "cublas"})
    return replace(made, placements=(first, *made.placements[1:]))


def ranked(variant: str, ratio: float, **changes: object) -> Ranked:
    row = Ranked(
        "h200_sxm", "gemm", "bf16", variant, "torch_eager_gemm", 3, ratio, 0.9 * ratio, 1.1 * ratio, 0.8, 3, 0, 0, 0, 2
    )  # fmt: skip
    return replace(row, **changes)  # type: ignore[arg-type]


def hundred_per_unit(speedups: Speedups) -> dict[str, Quantity | None]:
    """A fleet that saves 100 dollars for every whole time that a kernel is faster."""
    return {
        name: Quantity(100 * (r - 1), 100 * (low - 1), 100 * (high - 1), "measured")
        for name, (r, low, high) in speedups.items()
    }


def test_a_faster_kernel_earns_what_the_plan_would_save_with_the_interval_of_its_times(plan: Plan) -> None:
    (row,) = priced([ranked("mine", 0.5)], plan, hundred_per_unit)
    q = row.usd_per_month
    assert q is not None
    assert (q.value, q.low, q.high) == pytest.approx((100.0, 100 * (1 / 0.55 - 1), 100 * (1 / 0.45 - 1)))


def test_a_slower_kernel_is_worth_a_negative_amount(plan: Plan) -> None:
    (row,) = priced([ranked("mine", 2.0)], plan, hundred_per_unit)
    assert row.usd_per_month is not None and row.usd_per_month.value == pytest.approx(-50.0)


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"device": "mi300x"}, "the plan rents no such device"),
        ({"against": "torch_eager_rmsnorm"}, "the plan does not run torch_eager_rmsnorm"),
    ],
)
def test_without_the_device_or_the_kernel_in_the_plan_there_are_no_dollars_and_a_reason(
    plan: Plan, changes: dict[str, object], note: str
) -> None:
    (row,) = priced([ranked("mine", 0.5, **changes)], plan, hundred_per_unit)
    assert (row.usd_per_month, row.note) == (None, note)


def test_earners_put_the_largest_saving_first_and_say_where_each_figure_is_from(plan: Plan) -> None:
    worth = KernelWorth("switch", "chat", "flash_attn_4", "flash_attn_3", ("attention_decode",),
                        Quantity(10.0, 5.0, 20.0, "interpolated"))  # fmt: skip
    value = KernelValue(1000.0, (worth, replace(worth, kind="option")), "")
    found = earners(value, [ranked("mine", 0.5), ranked("torch_eager_gemm", 1.0)], plan, hundred_per_unit)
    assert [(e.variant, e.evidence) for e in found] == [("mine", "traces"), ("flash_attn_4", "op tables")]


def test_shipped_traces_rank_every_engine_of_the_core_they_were_taken_on() -> None:
    gemm = [r for r in rank(shipped_traces()) if r.op == "gemm"]
    assert {"torch_eager_gemm", "onnxruntime_cpu_gemm", "openvino_gemm", "numpy_gemm"} <= {
        r.variant for r in gemm
    }
    assert [r.time_ratio for r in gemm] == sorted(r.time_ratio for r in gemm)
