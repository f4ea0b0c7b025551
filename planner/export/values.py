"""Terraform variables and Prometheus metrics of a plan."""

from __future__ import annotations

import json
from collections.abc import Iterator

from planner.export.services import Service, slug
from planner.plan import Placement, Plan


def terraform(plan: Plan, found: tuple[Service, ...]) -> str:
    """Variables for a `.auto.tfvars.json` file: what to rent, by name; resources and providers stay yours."""
    chosen = {id(p) for s in found for p in s.placements}
    rows = [p for p in plan.placements if id(p) in chosen]
    names: dict[str, dict[str, object]] = {}
    for p in rows:
        name = slug(f"{p.workload}-{p.gpu}-{p.term}")
        while name in names:
            name += "-more"
        names[name] = {
            "workload": p.workload, "seller": p.offer.seller, "instance_type": p.offer.instance,
            "region": p.offer.region, "term": p.term, "count": p.units, "gpu": p.gpu,
            "gpus_per_instance": p.offer.gpu_count, "hours_per_month": p.hours_per_month,
            "usd_per_hour": p.offer.usd_per_hour,
        }  # fmt: skip
    document = {"planner_plan": plan.question.digest, "planner_as_of": plan.as_of, "planner_instances": names}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


METRICS = (
    ("planner_cost_usd_per_month", "Planned cost per month, USD", lambda p: p.usd_per_month),
    ("planner_units", "Planned units", lambda p: float(p.units)),
    (
        "planner_load_requests_per_second",
        "Planned load in the busiest hours",
        lambda p: p.load_requests_per_s,
    ),
    ("planner_headroom_ratio", "Share of the capacity left free", lambda p: p.headroom),
)
"""Name, help, value of one placement; None is left out."""
TOTALS = (
    ("planner_plan_cost_usd_per_month", "Planned cost per month of everything, USD", "usd_per_month"),
    ("planner_plan_slo_probability", "Chance that every latency limit is met", "slo_probability"),
    ("planner_plan_measured_share", "Share of the dollars that rests on measurements", "measured_share"),
)


def prometheus(plan: Plan, found: tuple[Service, ...]) -> str:
    """Text for the textfile collector; all placements, hosted APIs included."""
    return "".join(_lines(plan))


def _lines(plan: Plan) -> Iterator[str]:
    for name, words, field in TOTALS:
        if (value := getattr(plan, field)) is not None:
            yield f"# HELP {name} {words}\n# TYPE {name} gauge\n{name} {value!r}\n"
    for name, words, measure in METRICS:
        yield f"# HELP {name} {words}\n# TYPE {name} gauge\n"
        for i, p in enumerate(plan.placements):
            if (value := measure(p)) is not None:
                yield f"{name}{{{_labels(i, p)}}} {value!r}\n"


def _labels(i: int, p: Placement) -> str:
    pairs = {"placement": str(i), "workload": p.workload, "seller": p.offer.seller, "instance": p.offer.instance,
             "gpu": p.gpu or "", "term": p.term, "engine": p.engine or ""}  # fmt: skip
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in pairs.items())


def _escaped(raw: str) -> str:
    return raw.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
