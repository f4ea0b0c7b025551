"""Plans to export: a real one, one of every term, one whose names are out to break something."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from planner.plan import AlternativePart, Plan, load_plan
from planner.records import Layout

SAMPLE = Path(__file__).parents[2] / "data" / "plan_sample.json"
PART = AlternativePart("chat", 2, "h200_sxm", 8.0, "lambda", "gpu_8x_h200", "us-east-1", "on_demand", 20.0)
NASTY = 'x\'; touch broken #\n$(touch broken) `touch broken` "q" \\ ={{y}} é'


@pytest.fixture
def plan() -> Plan:
    """The sample: AWS on demand, a marketplace by the hour, a hosted API; with runners-up that tools can rent."""
    sample = load_plan(SAMPLE)
    parts = (
        PART,
        replace(PART, gpu="unheard_of"),
        replace(PART, workload="other"),
        replace(PART, seller="nobody"),
    )
    first = replace(sample.alternatives[0], parts=parts)
    return replace(sample, alternatives=(first, *sample.alternatives[1:]))


@pytest.fixture
def many(plan: Plan) -> Plan:
    """Every engine, layouts that differ, spot, hours that differ."""
    first = plan.placements[0]
    rows = [
        replace(first, workload=f"{engine}-{term}", engine=engine, term=term, units=2, layout=Layout(tp=2, dp=2, ep=4),
                hours_per_month=hours, offer=replace(first.offer, term=term),
                engine_flags=("--flag one", "--other", "key: value") if engine == "trtllm" else ("--flag one",))
        for engine in ("vllm", "sglang", "trtllm") for term in ("on_demand", "spot") for hours in (730.0, 200.0)
    ]  # fmt: skip
    return replace(plan, placements=tuple(rows))


@pytest.fixture
def nasty(plan: Plan) -> Plan:
    first = plan.placements[0]
    estimate = replace(first.estimate, model=NASTY) if first.estimate else None
    bad = replace(first, workload=NASTY, estimate=estimate, engine="trtllm", engine_flags=(f"k: {NASTY}",),
                  offer=replace(first.offer, seller="aws", instance=NASTY, region=NASTY, source=NASTY))  # fmt: skip
    return replace(plan, placements=(bad,))
