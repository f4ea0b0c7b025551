"""Records as tables with units in their headings: the twin of every chart, and what the charts are drawn from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from planner.render import render
from planner.render.words import UNKNOWN, dollars, number, percent, place, term

if TYPE_CHECKING:
    from planner.plan import Estimate, Finding, Placement, Plan
    from planner.records import Quantity
    from planner.scenario import Scenario, Workload

BASES_BY_EVIDENCE = ("measured", "interpolated", "calibrated", "transferred", "roofline", "quoted")
LIMITS = {"ttft_ms": "Time to first token, ms", "tpot_ms": "Time per further token, ms"}


def gpu_name(key: str | None) -> str:
    """A GPU's key as people write it.

    >>> gpu_name("h200_sxm"), gpu_name("rtx_4090"), gpu_name(None)
    ('H200 SXM', 'RTX 4090', 'hosted API')
    """
    return key.replace("_", " ").upper() if key else "hosted API"


def _order(p: Placement, *, with_term: bool) -> str:
    """One placement in a few words: how many of what, from whom, on what terms."""
    offer = p.offer
    if p.term == "api":
        return f"call the hosted API of {offer.seller}"
    gpus = f"{p.units * offer.gpu_count:g} × {gpu_name(p.gpu)}"
    if p.term == "owned":
        return f"{'buy' if 'would_buy' in offer.flags else 'use your own'} {gpus}"
    terms = term(p.term) if with_term else ""
    hours = "" if p.around_the_clock else f"{p.hours_per_month:,.0f} h a month"
    said = ", ".join(x for x in (terms, hours) if x)
    return f"rent {gpus} from {offer.seller}" + (f" ({said})" if said else "")


def headline(plan: Plan) -> str:
    """What to do, in one sentence, workload by workload."""
    if not plan.placements:
        return "There is no load to serve."
    parts = []
    for name in dict.fromkeys(p.workload for p in plan.placements):
        own = [p for p in plan.placements if p.workload == name]
        terms = {term(p.term) for p in own if p.term not in ("owned", "api")}
        shared = len(terms) == 1
        orders = [_order(p, with_term=not shared) for p in own]
        verbs = [order.partition(" ")[0] for order in orders]
        orders = [
            order.removeprefix("rent ") if i and verbs[i - 1] == "rent" else order
            for i, order in enumerate(orders)
        ]
        text = " and ".join([", ".join(orders[:-1]), orders[-1]] if orders[:-1] else orders) + (
            f", {terms.pop()}" if shared else ""
        )
        parts.append((name, text))
    cost = f"{dollars(plan.usd_per_month)} a month"
    if len(parts) == 1:
        text = parts[0][1]
        return f"{text[0].upper()}{text[1:]}: {cost}."
    return f"{cost}. " + " ".join(f"For {name}: {text}." for name, text in parts)


def because(plan: Plan) -> str:
    """Why this and not the next best, in two sentences."""
    found = {"limit": "The best plan found before the solver's limit."}.get(
        plan.status, "The cheapest plan that meets every limit."
    )
    dearer = [a for a in plan.alternatives if a.delta_percent is not None]
    if not dearer:
        return f"{found} Nothing else within these limits can serve the load."
    nearest = min(dearer, key=lambda a: a.delta_percent or 0.0)
    more = f"{nearest.delta_percent:.0f} % more" if (nearest.delta_percent or 0) >= 1 else "about the same"
    return (f"{found} The nearest other choice, {_short(nearest.summary)} at {dollars(nearest.usd_per_month)}, costs "
            f"{more}: {nearest.reason}.")  # fmt: skip


def question(scenario: Scenario) -> str:
    """The question in one line."""
    return "; ".join(_asked(name, w) for name, w in scenario.workloads.items()) + _within(scenario)


def _asked(name: str, w: Workload) -> str:
    first = f"first token ≤ {w.ttft_ms:,.0f} ms" if w.ttft_ms else ""
    further = f"then ≤ {w.tpot_ms:g} ms each" if w.tpot_ms else ""
    slo = ", ".join(x for x in (first, further) if x)
    held = f", {slo} for {w.percentile:g} %" if slo else ""
    load = (f"{w.requests:,.0f} requests in {w.deadline_hours:g} h" if w.requests
            else f"{w.demand.peak_requests_per_s:.4g} requests/s")  # fmt: skip
    return f"**{name}**: {w.shape.name}, {load}, {w.input_tokens.mean:,.0f} in / {w.output_tokens.mean:,.0f} out{held}"


def _within(scenario: Scenario) -> str:
    limits = scenario.constraints
    parts = [
        "data in " + ", ".join(limits.zones or limits.countries or ())
        if limits.zones or limits.countries
        else "",
        ", ".join(term(t) for t in limits.terms) if limits.terms else "",
        f"{limits.spare_replicas} may fail" if limits.spare_replicas else "",
        f"at most {dollars(limits.budget_usd_per_month)} a month" if limits.budget_usd_per_month else "",
    ]
    said = [p for p in parts if p]
    return f" — {', '.join(said)}" if said else ""


def placements(plan: Plan) -> pd.DataFrame:
    """What to order, one row per placement."""
    rows = [
        {
            "Workload": p.workload, "Units": p.units, "Machine": f"{p.offer.gpu_count:g} × {gpu_name(p.gpu)}",
            "Seller": p.offer.seller, "Instance": p.offer.instance, "Where": place(p.offer), "Term": term(p.term),
            "$/hour each": p.offer.usd_per_hour, "$/month": p.usd_per_month,
            "Runs": " · ".join(x for x in (p.engine, p.weight_precision, str(p.layout) if p.layout else "") if x)
            or "run by the seller",
            "Load, requests/s": p.load_requests_per_s, "Free, %": None if p.headroom is None else 100 * p.headroom,
            "Price of": p.offer.as_of or UNKNOWN,
        }
        for p in plan.placements
    ]  # fmt: skip
    return pd.DataFrame(rows)


def options(plan: Plan) -> pd.DataFrame:
    """The plan and its alternatives by cost."""
    chosen = {"Choice": hardware(plan), "$/month": plan.usd_per_month, "Against the plan, %": 0.0,
              "Why": "recommended", "Short": hardware(plan), "Recommended": True}  # fmt: skip
    others = [
        {"Choice": a.summary, "$/month": a.usd_per_month, "Against the plan, %": a.delta_percent, "Why": a.reason,
         "Short": _short(a.summary), "Recommended": False}
        for a in plan.alternatives
    ]  # fmt: skip
    return pd.DataFrame([chosen, *others])


def hardware(plan: Plan) -> str:
    """All GPUs of a plan in a few words, such as `4 × H200 SXM + 2 × GH200`."""
    counts: dict[str, float] = {}
    for p in plan.placements:
        counts[gpu_name(p.gpu)] = counts.get(gpu_name(p.gpu), 0) + p.units * p.offer.gpu_count
    return " + ".join(f"{n:g} × {name}" for name, n in counts.items()) or "nothing"


def _short(summary: str) -> str:
    """A summary without seller and software, for an axis."""
    parts = [part.partition(" (")[0] for part in summary.split("; ")]
    return " + ".join(dict.fromkeys(re.sub(r"^(\d+) x (1 )?", r"\1 × ", part) for part in parts))


def names(plan: Plan) -> list[str]:
    """A name for each placement, told apart by seller and then by number where workload and GPU are the same."""
    short = [f"{p.workload} on {gpu_name(p.gpu)}" for p in plan.placements]
    longer = [f"{name}, {p.offer.seller}" if short.count(name) > 1 else name
              for name, p in zip(short, plan.placements, strict=True)]  # fmt: skip
    return [
        f"{name} ({longer[:i].count(name) + 1})" if longer.count(name) > 1 else name
        for i, name in enumerate(longer)
    ]


def predictions(plan: Plan, scenario: Scenario) -> pd.DataFrame:
    """Predicted latencies with interval, basis and limit, one row per placement and kind."""
    rows = []
    for name, p in zip(names(plan), plan.placements, strict=True):
        for kind, label in LIMITS.items():
            q: Quantity | None = getattr(p.estimate, kind) if p.estimate else None
            limit = getattr(scenario.workloads[p.workload], kind)
            if q is not None:
                rows.append(
                    {"Kind": label, "Placement": name, "Predicted": q.value,
                     "Low (80 %)": q.low, "High (80 %)": q.high, "Limit": limit, "Basis": q.basis,
                     "Statistic": p.estimate.statistic if p.estimate else ""}
                )  # fmt: skip
    return pd.DataFrame(rows)


def demand(scenario: Scenario) -> pd.DataFrame:
    """Load-duration curves: rate against the hours of the month it lasts, busiest first."""
    rows = []
    for name, w in scenario.workloads.items():
        at = 0.0
        for period in w.demand.periods:
            rows.append({"Workload": name, "From hour": at, "To hour": at + period.hours_per_month,
                         "Requests/s": period.requests_per_s})  # fmt: skip
            at += period.hours_per_month
    return pd.DataFrame(rows)


def rejected(plan: Plan) -> pd.DataFrame:
    """Why options were left out, most frequent first."""
    rows = [
        {"Reason": r.reason, "Options": r.count, "For example": "; ".join(r.examples)} for r in plan.rejected
    ]
    return pd.DataFrame(rows, columns=["Reason", "Options", "For example"]).sort_values(
        "Options", ascending=False, kind="stable"
    )


def evidence(plan: Plan) -> pd.DataFrame:
    """Share of the dollars by basis of performance and prices."""
    rows = [
        {"Subject": e.subject, "Basis": e.basis, "Share of dollars, %": 100 * e.share_of_dollars, "Detail": e.detail,
         "Source": e.source, "As of": e.as_of or UNKNOWN}
        for e in plan.evidence
    ]  # fmt: skip
    return pd.DataFrame(rows)


def assumptions(plan: Plan) -> pd.DataFrame:
    """What the answer rests on that nobody measured here."""
    rows = [
        {"Assumption": a.name, "Value": str(a.value), "Source": a.source, "As of": a.as_of or UNKNOWN}
        for a in plan.assumptions
    ]
    return pd.DataFrame(rows)


def ops(plan: Plan, licences: Mapping[str, bool]) -> pd.DataFrame:
    """Share of step time per op, with the kernel variant that runs it and whether its source is open."""
    rows = [
        {"Placement": name, "Phase": s.phase, "Op": s.op, "Kernel": s.variant,
         "Source": {True: "open", False: "closed"}.get(licences.get(s.variant), "no kernel"),  # type: ignore[arg-type]
         "Share of time, %": 100 * s.time_share, "Basis": s.basis}
        for name, p in zip(names(plan), plan.placements, strict=True)
        if p.estimate
        for s in p.estimate.ops
    ]  # fmt: skip
    return pd.DataFrame(rows)


def positions(found: Iterable[Any]) -> pd.DataFrame:
    """Ops on the roofline; ops of the same name are one row."""
    rows = pd.DataFrame(
        [{"Phase": p.phase, "Op": p.op, "Kernel": p.variant, "flops": p.flops, "bytes": p.bytes, "s": p.seconds,
          "floor": p.floor_s, "Basis": p.basis} for p in found]
    )  # fmt: skip
    keys = ["Phase", "Op", "Kernel", "Basis"]
    table = rows.groupby(keys, sort=False, as_index=False).sum()
    table["FLOP/byte"] = table["flops"] / table["bytes"]
    table["TFLOP/s"] = table["flops"] / table["s"] / 1e12
    table["Of the limit, %"] = 100 * table["floor"] / table["s"]
    table["Share of time, %"] = 100 * table["s"] / table.groupby("Phase")["s"].transform("sum")
    return table[[*keys, "FLOP/byte", "TFLOP/s", "Of the limit, %", "Share of time, %"]]


def roofs(found: Sequence[Any]) -> pd.DataFrame:
    """Corners of the rooflines of the formats in use: bandwidth up to the ridge, then the matrix rate."""
    low = min(p.flops / p.bytes for p in found) / 2
    high = max(p.flops / p.bytes for p in found) * 2
    bandwidth = found[0].peak_bytes_per_s
    rows = [
        {"Roof": f"{peak / 1e12:,.0f} TFLOP/s", "FLOP/byte": x, "TFLOP/s": min(peak, x * bandwidth) / 1e12}
        for peak in sorted({p.peak_flops_per_s for p in found})
        for x in (low, peak / bandwidth, max(high, 2 * peak / bandwidth))
    ]
    return pd.DataFrame(rows)


def compared(now: Plan | None, before: Plan | None) -> pd.DataFrame:
    """Baseline and what-if side by side, with the difference."""
    rows = []
    for label, show, value in FIGURES:
        a, b = (None if p is None else value(p) for p in (before, now))
        rows.append({"": label, "Baseline": show(a), "What if": show(b), "Change": change(a, b, show)})
    return pd.DataFrame(rows)


def change(before: float | None, now: float | None, show: Any = number) -> str:
    """A difference with its sign, empty where nothing changed or one side is missing.

    >>> change(100.0, 150.0), change(1.0, 1.0), change(None, 1.0)
    ('+50', '', '')
    """
    if before is None or now is None or abs(now - before) <= 1e-9 * max(abs(now), abs(before)):
        return ""
    return f"{'+' if now > before else '−'}{show(abs(now - before))}"


def total_per_million(plan: Plan) -> float | None:
    """Dollars per million tokens, input and output together."""
    return plan.usd_per_million_tokens.total if plan.usd_per_million_tokens else None


FIGURES: Sequence[tuple[str, Any, Any]] = (
    ("Cost per month", dollars, lambda p: p.usd_per_month),
    ("Cost per million tokens", dollars, total_per_million),
    ("Chance every limit is met", percent, lambda p: p.slo_probability),
    ("Share of dollars on measured data", percent, lambda p: p.measured_share),
)
"""What is compared: label, words, figure."""


def price_age(plan: Plan) -> tuple[str, str]:
    """Age of the oldest price in the plan, short and in words; what has no date says so."""
    offers = {p.offer for p in plan.placements if p.term != "owned"}
    if not offers:
        return "own", "only hardware of your own"
    undated = sum(o.as_of is None for o in offers)
    oldest = max((o.age_days for o in offers if o.age_days is not None), default=None)
    if oldest is None:
        return "no date", f"the source dates none of the {len(offers)} prices used; ask before you sign"
    words = f"oldest price {oldest} days" + (
        f"; {undated} of {len(offers)} without a date" if undated else ""
    )
    return f"{oldest} days", words


def findings(plan: Plan, *levels: str) -> list[Finding]:
    """Findings of these levels, failures first."""
    return sorted((f for f in plan.findings if f.level in levels), key=lambda f: f.level != "failure")


def widest(estimates: Iterable[Estimate | None]) -> str:
    """The weakest basis among the estimates, in a word."""
    present = {q.basis for e in estimates if e for q in (e.tpot_ms, e.ttft_ms) if q}
    return next((b for b in reversed(BASES_BY_EVIDENCE) if b in present), UNKNOWN)


def of_record(record: Any) -> dict[str, pd.DataFrame]:
    """Tables of any analysis: its lists of records, one each, and what is left as name and value."""
    data = json.loads(render(record, "json"))
    if not isinstance(data, dict):
        data = {"": data}
    found: dict[str, pd.DataFrame] = {}
    single: dict[str, Any] = {}
    for name, value in data.items():
        if isinstance(value, list) and value and all(isinstance(v, dict) for v in value):
            found[name.replace("_", " ")] = pd.json_normalize(value)
        elif value not in (None, [], {}):
            single[name.replace("_", " ")] = value
    if single:
        flat = pd.json_normalize(single).iloc[0]
        found = {"": pd.DataFrame({"Figure": flat.index, "Value": [str(v) for v in flat]})} | found
    return found
