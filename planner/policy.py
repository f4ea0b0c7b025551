"""Gates on a finished plan: each rule of `[policy]` judged. Rules judge; they never shape the plan.

`recommend` reports what they find, `check` turns failures into exit code 3. A limit in `[policy]` fails, the
same limit in `[policy.warn]` warns.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal

from planner.plan import Finding, Placement, Plan
from planner.verdict import Checked, Level

Unit = Literal["usd", "percent", "share", "days"]
Measure = Callable[[Plan, Plan | None], float | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """What a rule looks at, and whether its limit is the most or the least that is allowed."""

    measure: Measure
    bound: Literal["most", "least"]
    words: str
    unit: Unit
    baseline: bool = False
    """Whether it compares with a baseline plan."""

    def broken(self, value: float, limit: float) -> bool:
        """Whether the value is on the wrong side of the limit."""
        return value > limit if self.bound == "most" else value < limit


def checked(plan: Plan, policy: Mapping[str, Any], *, baseline: Plan | None = None) -> tuple[Checked, ...]:
    """Every rule of `policy` that is set, judged, in the order of `RULES`."""
    return tuple(c for name in RULES for c in _judged(name, plan, policy, baseline))


def judge(plan: Plan, policy: Mapping[str, Any], *, baseline: Plan | None = None) -> tuple[Finding, ...]:
    """Findings of every rule that the plan breaks, or that cannot be judged."""
    return tuple(
        Finding(c.level, c.rule, c.message, c.value, c.limit)
        for c in checked(plan, policy, baseline=baseline)
        if c.level != "pass"
    )


def aged(plan: Plan, today: date) -> Plan:
    """The plan with the ages its prices have on another day: a stored plan does not stay young."""

    def age(p: Placement) -> Placement:
        if p.offer.as_of is None:
            return p
        days = max((today - date.fromisoformat(p.offer.as_of)).days, 0)
        return replace(p, offer=replace(p.offer, age_days=days))

    return replace(plan, placements=tuple(map(age, plan.placements)))


def quiet(plan: Plan, policy: Mapping[str, Any], baseline: Plan | None) -> bool:
    """Whether the cost moved less than the policy wants to hear about."""
    threshold = policy.get("quiet_below_usd_per_month")
    moved = _increase_usd(plan, baseline)
    return threshold is not None and moved is not None and abs(moved) < threshold


def _judged(name: str, plan: Plan, policy: Mapping[str, Any], baseline: Plan | None) -> Iterator[Checked]:
    limit, softer = policy.get(name), (policy.get("warn") or {}).get(name)
    shown = limit if limit is not None else softer
    if shown is None:
        return
    rule = RULES[name]
    if rule.baseline and (baseline is None or quiet(plan, policy, baseline)):
        why = "no baseline plan to compare with" if baseline is None else "the change is too small to count"
        yield Checked(name, "note" if baseline is None else "pass", why, None, shown)
        return
    value = rule.measure(plan, baseline)
    if value is None:
        if name != "max_price_age_days":  # undated prices are told apart below
            yield Checked(name, "warning", f"{rule.words} is not known, so it cannot be judged", None, shown)
    elif limit is not None and rule.broken(value, limit):
        yield Checked(name, "failure", _broken(rule, plan, name), value, limit)
    elif softer is not None and rule.broken(value, softer):
        yield Checked(name, "warning", _broken(rule, plan, name), value, softer)
    else:
        yield Checked(name, "pass", f"{rule.words} is within the limit", value, shown)
    if name == "max_price_age_days":
        yield from _undated(plan, policy, shown)


def _broken(rule: Rule, plan: Plan, name: str) -> str:
    side = "more" if rule.bound == "most" else "less"
    return f"{rule.words} is {side} than the policy allows{_named(plan, name)}"


def _named(plan: Plan, rule: str) -> str:
    """Who it is about, where one seller or placement stands out."""
    if rule == "max_seller_share" and (dollars := _by_seller(plan)):
        return f": {max(dollars, key=lambda s: (dollars[s], s))}"
    if rule == "min_headroom":
        tight = min((p for p in plan.placements if p.headroom is not None), key=lambda p: p.headroom or 0.0)
        return f": {tight.workload} on {_offer(tight)}"
    return ""


def _undated(plan: Plan, policy: Mapping[str, Any], limit: float) -> Iterator[Checked]:
    unknown = [p for p in plan.placements if p.term != "owned" and p.offer.age_days is None]
    if unknown:
        level: Level = "failure" if policy.get("unknown_price_age") == "fail" else "warning"
        text = (
            f"{len(unknown)} price(s) without a date, {_offer(unknown[0])} among them: "
            "the age cannot be judged"
        )
        yield Checked("max_price_age_days", level, text, None, limit)


def _cost(plan: Plan, _: Plan | None) -> float | None:
    return plan.usd_per_month


def _increase_usd(plan: Plan, baseline: Plan | None) -> float | None:
    if baseline is None or plan.usd_per_month is None or baseline.usd_per_month is None:
        return None
    return plan.usd_per_month - baseline.usd_per_month


def _increase_percent(plan: Plan, baseline: Plan | None) -> float | None:
    change = _increase_usd(plan, baseline)
    before = baseline.usd_per_month if baseline else None
    return 100.0 * change / before if change is not None and before else None


def _spot_share(plan: Plan, _: Plan | None) -> float | None:
    load = sum(p.load_requests_per_s * p.hours_per_month for p in plan.placements)
    spot = sum(p.load_requests_per_s * p.hours_per_month for p in plan.placements if p.term == "spot")
    return spot / load if load > 0 else 0.0


def _oldest_price(plan: Plan, _: Plan | None) -> float | None:
    ages = [p.offer.age_days for p in plan.placements if p.term != "owned" and p.offer.age_days is not None]
    return float(max(ages)) if ages else None


def _by_seller(plan: Plan) -> dict[str, float]:
    dollars: dict[str, float] = defaultdict(float)
    for p in plan.placements:
        if p.term != "owned":
            dollars[p.offer.seller] += p.usd_per_month
    return dollars


def _largest_seller(plan: Plan, _: Plan | None) -> float | None:
    total = sum(p.usd_per_month for p in plan.placements)
    return max(_by_seller(plan).values(), default=0.0) / total if total > 0 else 0.0


def _least_headroom(plan: Plan, _: Plan | None) -> float | None:
    return min((p.headroom for p in plan.placements if p.headroom is not None), default=None)


def _kernel_change(plan: Plan, _: Plan | None) -> float | None:
    """What a kernel change saves on the fleet, as `check --kernels-before --kernels-after` found it."""
    found = plan.analyses.get("kernel_value")
    rows = found.get("worth", ()) if isinstance(found, Mapping) else ()
    known = [w for w in rows if w.get("kind") == "speedup" and w.get("usd_per_month") is not None]
    fleet = [w for w in known if w.get("workload") == "all"] or known
    return sum(float(w["usd_per_month"]["value"]) for w in fleet) if fleet else None


RULES: Mapping[str, Rule] = {
    "max_usd_per_month": Rule(_cost, "most", "the cost per month", "usd"),
    "max_increase_usd_per_month": Rule(
        _increase_usd, "most", "the increase over the baseline", "usd", baseline=True
    ),
    "max_increase_percent": Rule(
        _increase_percent, "most", "the increase over the baseline", "percent", baseline=True
    ),
    "max_spot_share": Rule(_spot_share, "most", "the share of the load on spot", "share"),
    "max_price_age_days": Rule(_oldest_price, "most", "the age of the oldest price", "days"),
    "min_slo_probability": Rule(
        lambda plan, _: plan.slo_probability, "least", "the chance that every limit is met", "share"
    ),
    "max_seller_share": Rule(_largest_seller, "most", "the share of the dollars with one seller", "share"),
    "min_measured_share": Rule(
        lambda plan, _: plan.measured_share,
        "least",
        "the share of the dollars that rests on measurements",
        "share",
    ),
    "min_headroom": Rule(_least_headroom, "least", "the capacity left free", "share"),
    "min_kernel_value_usd_per_month": Rule(
        _kernel_change, "least", "what the kernel change saves on this fleet", "usd"
    ),
}
"""Every rule by its key in `[policy]`, in the order they are reported."""


def _offer(p: Placement) -> str:
    return f"{p.offer.seller} {p.offer.instance}"
