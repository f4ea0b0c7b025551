"""What can go wrong with a plan, from what the plan itself says."""

from __future__ import annotations

from collections import defaultdict

from planner.plan import Plan
from planner.render.document import Column, Grid
from planner.render.words import percent, term

CONCENTRATED = 0.5
HEAVY = 0.15


def risks(plan: Plan) -> Grid:
    """Risk, where it comes from, what to do; general ones that no data speak about come last and say so."""
    columns = (Column("Risk"), Column("Here"), Column("What to do"))
    return Grid(columns, tuple(_rows(plan)))


def _rows(plan: Plan) -> list[tuple[str, str, str]]:
    rows = [
        _lead_time(plan),
        _single_seller(plan),
        _single_vendor(plan),
        _commitment(plan),
        *_found(plan),
    ]
    unknown = "no date is known for any of these machines"
    return [*rows, ("End of support", unknown, "ask each seller until when they offer and support them")]


def _lead_time(plan: Plan) -> tuple[str, str, str]:
    bought = sorted({p.gpu or "" for p in plan.placements if "would_buy" in p.offer.flags})
    if bought:
        return (
            "Lead time",
            f"{', '.join(bought)} must be bought first; no delivery time is known",
            "get one in writing",
        )
    return (
        "Lead time",
        "nobody has checked that these machines are free today",
        "reserve before you announce a date",
    )


def _single_seller(plan: Plan) -> tuple[str, str, str]:
    dollars: dict[str, float] = defaultdict(float)
    for p in plan.placements:
        dollars[p.offer.seller] += p.usd_per_month
    total = sum(dollars.values())
    if not total:
        return ("Single seller", "nothing is bought", "")
    most = max(dollars, key=lambda s: (dollars[s], s))
    share = dollars[most] / total
    text = f"{percent(share)} of the dollars go to {most}, of {len(dollars)} seller(s)"
    return (
        "Single seller",
        text,
        "policy max_seller_share limits it" if share > CONCENTRATED else "none needed",
    )


def _single_vendor(plan: Plan) -> tuple[str, str, str]:
    notes = [f.message for f in plan.findings if f.rule == "kernels" and f.level == "note"]
    text = notes[0] if notes else "not known"
    return ("Lock-in by kernels", text, "the section on kernels says what avoiding it costs")


def _commitment(plan: Plan) -> tuple[str, str, str]:
    bound = [p for p in plan.placements if p.term.startswith("committed")]
    share = sum(p.usd_per_month for p in bound) / (sum(p.usd_per_month for p in plan.placements) or 1.0)
    if not bound:
        return (
            "Commitment",
            "none: prices may rise with the market",
            "see what a quote for a year would have to be",
        )
    terms = ", ".join(sorted({term(p.term) for p in bound}))
    return (
        "Commitment",
        f"{percent(share)} of the dollars are bound ({terms})",
        "check exit and transfer clauses",
    )


TITLES = {
    "spot": ("Capacity taken back", "keep a share on demand, or cap spot"),
    "price_age": ("Old or undated prices", "ask for a quote before you rely on them"),
    "licence": ("Licence", "ask the seller and your lawyer"),
    "ambiguous_gpu": ("Unclear hardware", "have the exact model confirmed"),
    "marketplace": ("Single machines of a marketplace", "expect them to vanish"),
    "broker": ("Sold through a broker", "ask the maker of the offer too"),
    "slo_probability": ("Latency limits missed", "plan at a higher quantile, or measure"),
}


def _found(plan: Plan) -> list[tuple[str, str, str]]:
    return [(*TITLES[f.rule][:1], f.message, TITLES[f.rule][1]) for f in plan.findings if f.rule in TITLES]
