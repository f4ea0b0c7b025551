"""Every format of `check` and `diff`, to the byte, from a small stored plan and a baseline."""

from __future__ import annotations

import difflib
from dataclasses import replace
from pathlib import Path

import pytest

from planner.compare import compare
from planner.judging import verdict_on
from planner.plan import Plan, load_plan
from planner.render import RENDERERS, render
from planner.verdict import Cause, Findings

HERE = Path(__file__).parent / "formats"
SAMPLE = Path(__file__).parents[1] / "data" / "plan_sample.json"
POLICY = {
    "max_usd_per_month": 1.0, "max_increase_percent": 500.0, "min_headroom": 0.999, "max_price_age_days": 10_000,
    "warn": {"min_slo_probability": 1.0},
}  # fmt: skip
LINES = {"max_usd_per_month": 12, "min_headroom": 14, "min_slo_probability": 17}
CAUSES = (
    Cause("demand", 23_580.0, ("workloads.chat.requests_per_s: 5.0 -> 8.0",)),
    Cause(
        "price and kernel",
        -30.0,
        ("offers: aaa -> bbb", "profiles: ccc -> ddd"),
        "these could not be told apart",
    ),
)


def found() -> Findings:
    plan = load_plan(SAMPLE)
    return verdict_on(
        plan, POLICY, scenario="planner.toml", baseline=baseline(plan), baseline_name="base.json",
        diff=compare(baseline(plan), plan, CAUSES, rule="each part is what the cost changed by"),
        line_of=LINES.get,
    )  # fmt: skip


def baseline(plan: Plan) -> Plan:
    first = plan.placements[0]
    before = replace(first, units=first.units + 1, usd_per_month=first.usd_per_month / 2)
    return replace(
        plan, placements=(before, *plan.placements[1:]), usd_per_month=(plan.usd_per_month or 0) / 2
    )


@pytest.mark.parametrize("format", sorted(set(RENDERERS) - {"csv"}))
def test_a_verdict_reads_as_it_did(format: str, update_golden: bool) -> None:
    _same(HERE / f"check.{format}", render(found(), format), update_golden)


@pytest.mark.parametrize("format", ["table", "markdown", "json"])
def test_a_difference_reads_as_it_did(format: str, update_golden: bool) -> None:
    _same(HERE / f"diff.{format}", render(found().diff, format), update_golden)


def _same(file: Path, now: str, update: bool) -> None:
    if update:
        file.write_text(now, encoding="utf-8")
    before = file.read_text(encoding="utf-8")
    changed = difflib.unified_diff(before.splitlines(), now.splitlines(), "before", "now", lineterm="")
    assert now == before, "\n".join(changed)
