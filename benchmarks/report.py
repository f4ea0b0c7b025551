"""How long a large report takes: 50 workloads, 150 placements, 500 options, in every form.

python -P benchmarks/report.py
"""

from __future__ import annotations

import json
import time
from dataclasses import replace

import planner
from planner.plan import Plan, Question
from planner.report import FORMATS, inputs_of, report_of, write

WORKLOADS, EACH, OPTIONS = 50, 3, 500


def large() -> Plan:
    """The plan of an example, over and over under other names."""
    plan = planner.recommend(planner.load_example("chat-70b"))
    names = [f"service-{i:02d}" for i in range(WORKLOADS)]
    rows = tuple(replace(p, workload=name) for name in names for p in (plan.placements * EACH)[:EACH])
    asked = json.loads(plan.question.text)
    asked["workloads"] = dict.fromkeys(names, asked["workloads"]["chat"])
    many = plan.alternatives * (OPTIONS // len(plan.alternatives) + 1)
    return replace(
        plan, placements=rows, usd_per_month=sum(p.usd_per_month for p in rows), alternatives=many[:OPTIONS],
        question=Question(plan.question.digest, json.dumps(asked)),
    )  # fmt: skip


def main() -> None:
    """One line per form."""
    plan = large()
    inputs = inputs_of({}, discount_rate=0.08, discount_source="assumption")
    for format in FORMATS:
        start = time.process_time()
        data = write(report_of(plan, inputs, digest="d" * 64), format)
        print(f"{format:10} {time.process_time() - start:6.2f} s of CPU {len(data) / 1e3:8.0f} kB")


main()
