"""A plan to report on, and one whose every name from outside is out to break something."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from planner.inputs import load_example
from planner.plan import Alternative, Plan, Question, Rejected, load_plan

SAMPLE = Path(__file__).parents[2] / "data" / "plan_sample.json"
NASTY = (
    '=HYPERLINK("http://evil.example","x")', "<script>alert(1)</script>", "+1+cmd|' /C calc'!A0", "@SUM(1+1)",
    '"><img src=x onerror=alert(1)>', "{{ 7*7 }}", "-2+3", "a|b\n# h\x1b[31m</title>", "\u202egpj.exe",
)  # fmt: skip


@pytest.fixture
def plan() -> Plan:
    """The sample, its dollars following from units, price and hours, its question a real one."""
    sample, asked = load_plan(SAMPLE), load_example("shared-budget")
    rows = tuple(
        replace(p, usd_per_month=p.units * p.offer.usd_per_hour * p.hours_per_month) if p.term != "api" else p
        for p in sample.placements
    )
    total = sum(p.usd_per_month for p in rows)
    return replace(sample, placements=rows, usd_per_month=total, question=Question(asked.digest, asked.text))


@pytest.fixture
def nasty(plan: Plan) -> Plan:
    first = plan.placements[0]
    rows = tuple(
        replace(first, workload=name, engine_flags=(name,), variants={name: name}, gpu=name,
                offer=replace(first.offer, seller=name, instance=name, region=name, source=name, licence=name))
        for name in NASTY
    )  # fmt: skip
    return replace(
        plan,
        placements=rows,
        alternatives=tuple(Alternative(name, 1e6, 10.0, name) for name in NASTY),
        rejected=tuple(Rejected(name, 1, (name,)) for name in NASTY),
    )
