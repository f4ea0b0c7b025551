"""Gates on a finished plan: each rule of `[policy]` as a finding. Rules judge; they never shape the plan.

`recommend` reports the findings, `check` turns failures into exit code 3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from planner.plan import Finding, Placement, Plan

Rule = Callable[[Plan, Any, Mapping[str, Any]], Iterator[Finding]]


def judge(plan: Plan, policy: Mapping[str, Any]) -> tuple[Finding, ...]:
    """Findings of every rule of `policy` that is set and that the plan breaks, or that cannot be judged."""
    found: list[Finding] = []
    for name, rule in RULES.items():
        if policy.get(name) is not None:
            found.extend(rule(plan, policy[name], policy))
    return tuple(found)


def _max_usd_per_month(plan: Plan, limit: float, _: Mapping[str, Any]) -> Iterator[Finding]:
    if plan.usd_per_month is not None and plan.usd_per_month > limit:
        yield _failure(
            "max_usd_per_month", "the plan costs more than the policy allows", plan.usd_per_month, limit
        )


def _max_spot_share(plan: Plan, limit: float, _: Mapping[str, Any]) -> Iterator[Finding]:
    load = sum(p.load_requests_per_s * p.hours_per_month for p in plan.placements)
    spot = sum(p.load_requests_per_s * p.hours_per_month for p in plan.placements if p.term == "spot")
    if load > 0 and spot / load > limit:
        yield _failure(
            "max_spot_share", "more of the load rests on spot than the policy allows", spot / load, limit
        )


def _max_price_age_days(plan: Plan, limit: float, policy: Mapping[str, Any]) -> Iterator[Finding]:
    ages = [(p.offer.age_days, p) for p in plan.placements if p.term != "owned"]
    oldest = max((age for age, _ in ages if age is not None), default=None)
    if oldest is not None and oldest > limit:
        yield _failure("max_price_age_days", "a price is older than the policy allows", float(oldest), limit)
    unknown = [p for age, p in ages if age is None]
    if unknown:
        level = "failure" if policy.get("unknown_price_age") == "fail" else "warning"
        text = f"{len(unknown)} price(s) without a date, {_name(unknown[0])} among them: the age cannot be judged"
        yield Finding(level, "max_price_age_days", text, None, limit)  # type: ignore[arg-type]


def _min_slo_probability(plan: Plan, limit: float, _: Mapping[str, Any]) -> Iterator[Finding]:
    seen = plan.slo_probability
    if seen is not None and seen < limit:
        yield _failure(
            "min_slo_probability", "the limits are met less surely than the policy asks", seen, limit
        )


def _min_measured_share(plan: Plan, limit: float, _: Mapping[str, Any]) -> Iterator[Finding]:
    seen = plan.measured_share
    if seen is not None and seen < limit:
        yield _failure(
            "min_measured_share",
            "less of the dollars rests on measurements than the policy asks",
            seen,
            limit,
        )


def _max_increase_percent(plan: Plan, limit: float, _: Mapping[str, Any]) -> Iterator[Finding]:
    yield Finding("note", "max_increase_percent", "no baseline plan to compare with", None, limit)


RULES: dict[str, Rule] = {
    "max_usd_per_month": _max_usd_per_month,
    "max_increase_percent": _max_increase_percent,
    "max_spot_share": _max_spot_share,
    "max_price_age_days": _max_price_age_days,
    "min_slo_probability": _min_slo_probability,
    "min_measured_share": _min_measured_share,
}


def _failure(rule: str, message: str, value: float, limit: float) -> Finding:
    return Finding("failure", rule, message, value, limit)


def _name(p: Placement) -> str:
    return f"{p.offer.seller} {p.offer.instance}"
