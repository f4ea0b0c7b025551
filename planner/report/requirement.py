"""What was asked, from the plan's own copy of the question."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from planner.plan import Plan
from planner.render.document import Block, Column, Facts, Grid, Paragraph
from planner.render.words import number


def requirement(plan: Plan) -> tuple[Block, ...]:
    """Workloads with demand and limits, and every constraint; the text itself where it is no document."""
    try:
        asked = json.loads(plan.question.text)
        workloads, limits = asked["workloads"], asked.get("constraints", {})
    except (ValueError, KeyError, TypeError):
        return (Paragraph(f"As asked: {plan.question.text}"),)
    columns = (
        Column("Workload"), Column("Model"), Column("Requests/s, peak", right=True), Column("mean", right=True),
        Column("Tokens in, out", right=True), Column("Limits"), Column("Formats allowed"),
    )  # fmt: skip
    rows = tuple(_row(name, w) for name, w in workloads.items())
    stated = tuple(
        (key.replace("_", " "), _said(value))
        for key, value in sorted(limits.items())
        if value not in ([], {}, None)
    )
    return Grid(columns, rows), Facts(stated)


def _row(name: str, w: Mapping[str, Any]) -> tuple[str, ...]:
    peak, mean = _rates(w)
    limits = [
        f"{key.removesuffix('_ms').upper()} {w[key]:g} ms" for key in ("ttft_ms", "tpot_ms") if key in w
    ]
    if limits:
        limits.append(f"for {w.get('percentile', 95):g}% of requests")
    if "requests" in w:
        limits.append(f"{w['requests']:,.0f} requests a month within {w.get('deadline_hours', 0):g} hours")
    formats = f"{', '.join(w.get('weight_precisions', ()))}; KV {', '.join(w.get('kv_precisions', ()))}"
    tokens = f"{_length(w.get('input_tokens'))}, {_length(w.get('output_tokens'))}"
    return name, str(w.get("model", "")), peak, mean, tokens, "\n".join(limits) or w.get("kind", ""), formats


def _rates(w: Mapping[str, Any]) -> tuple[str, str]:
    """Peak and mean rate, as far as the question states them."""
    if "requests_per_s" in w:
        return (number(w["requests_per_s"]),) * 2
    periods = w.get("demand") or w.get("periods")
    if isinstance(periods, list) and periods:
        hours = sum(p["hours_per_month"] for p in periods)
        total = sum(p["hours_per_month"] * p["requests_per_s"] for p in periods)
        return number(max(p["requests_per_s"] for p in periods)), number(total / hours if hours else None)
    return "see limits", "see limits"


def _length(value: Any) -> str:
    """Mean of a length, however it was stated."""
    if isinstance(value, int | float):
        return number(float(value))
    if isinstance(value, Mapping) and "histogram" in value:
        return number(sum(tokens * share for tokens, share in value["histogram"]))
    if isinstance(value, Mapping):
        return number(value.get("mean") or value.get("nominal"))
    return "not known"


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return " ".join(
            f"{key.replace('_', ' ')} {_said(each)}" for key, each in value.items() if each is not None
        )
    return ", ".join(map(_said, value)) if isinstance(value, list) else str(value)
