"""A plan as advice: the decision first, then what it costs and carries, then why, then how sure we are."""

from __future__ import annotations

from planner.plan import Finding, Placement, Plan
from planner.render.document import Bullets, Column, Document, Facts, Grid, Paragraph, section
from planner.render.risk import robust_sections
from planner.render.words import (
    bases,
    dollars,
    hardware,
    long_date,
    number,
    percent,
    place,
    plural,
    price_ages,
    stack,
    stacked,
    term,
)

SHOWN_ALTERNATIVES = 5
SHOWN_REASONS = 8
SHOWN_SHARE = 0.03  # of a phase's time
SHOWN_PLACEMENTS = 3  # in the decision sentence; the table below it has all
CAUTION = {
    "optimal": "No plan within these limits costs less.",
    "within_gap": "No plan within these limits can be more than {gap} cheaper.",
    "limit": "The solver stopped at its limit with this plan in hand: one up to {gap} cheaper may exist.",
    "infeasible": "",
}


def advice(plan: Plan) -> Document:
    """The whole page, section by section; sections without content are left out."""
    return (
        Paragraph(decision(plan), strong=True),
        Paragraph(CAUTION[plan.status].format(gap=percent(plan.gap))),
        *section("Before you sign", _findings(plan, {"failure", "warning"}), _unserved(plan)),
        *section("Cost and confidence", _cost(plan)),
        *section("Placements", _placements(plan)),
        *section("Predicted, with 80% intervals", _predictions(plan)),
        *section("Kernels", kernels(plan)),
        *section("Best alternatives, and why each lost", _alternatives(plan)),
        *robust_sections(plan),
        *section("Left out", _rejected(plan)),
        *section("Assumptions", _assumptions(plan)),
        *section("Evidence", _evidence(plan)),
        *section("Notes", _findings(plan, {"note"})),
        *section("Reproduce", _provenance(plan)),
    )


def decision(plan: Plan) -> str:
    """The answer in one sentence."""
    if not plan.placements:
        return (
            "No plan satisfies the limits." if plan.status == "infeasible" else "There is no load to serve."
        )
    if len(plan.placements) == 1:
        (p,) = plan.placements
        where = f" in {place(p.offer)}" if p.term not in ("api", "owned") else ""
        runs = f", running {', '.join(stack(p)[:3])}" if p.engine else ""
        return f"{_order(p)}{where} for {p.workload}{runs}: {dollars(plan.usd_per_month)} a month."
    orders = [f"{_order(p)} for {p.workload}" for p in plan.placements[:SHOWN_PLACEMENTS]]
    orders = [order[0].lower() + order[1:] for order in orders]
    left = len(plan.placements) - len(orders)
    more = f"; and {plural(left, 'more placement')}, below" if left else ""
    return f"For {dollars(plan.usd_per_month)} a month: {'; '.join(orders)}{more}."


def _order(p: Placement) -> str:
    """One placement as an order one could carry out: verb, units, hardware, seller, term."""
    offer = p.offer
    if p.term == "api":
        return f"Call the hosted API of {offer.seller} ({offer.instance})"
    if p.term == "owned":
        verb = "Buy" if "would_buy" in offer.flags else "Use your own"
        return f"{verb} {hardware(offer) if p.units == 1 else f'{p.units} x ({hardware(offer)})'}"
    gpus = f"{p.units * offer.gpu_count:g} {p.gpu}"
    return f"Rent {gpus} as {p.units} x {offer.instance} from {offer.seller}, {term(p.term)},"


def _cost(plan: Plan) -> Facts:
    rows = [("Cost per month", dollars(plan.usd_per_month))]
    if plan.bound_usd_per_month is not None:
        rows.append(
            ("No plan costs less than", f"{dollars(plan.bound_usd_per_month)} (gap {percent(plan.gap)})")
        )
    if tokens := plan.usd_per_million_tokens:
        split = (
            f"input {dollars(tokens.input)}, output {dollars(tokens.output)}, total {dollars(tokens.total)}"
        )
        rows.append(("Per million tokens", f"{split}; {tokens.rule}"))
    rows.append(("Chance every SLO is met", percent(plan.slo_probability)))
    rows.append(
        ("Measured share", f"{percent(plan.measured_share)} of the dollars rest on measured step time")
    )
    rows.append(("Prices", price_ages(p.offer for p in plan.placements)))
    return Facts(tuple(rows))


def _placements(plan: Plan) -> Grid:
    columns = (
        Column("Workload"), Column("Units", right=True), Column("Offer"), Column("Runs"),
        Column("Load", right=True), Column("$/month", right=True),
    )  # fmt: skip
    return Grid(columns, tuple(_placement_row(p) for p in plan.placements))


def _placement_row(p: Placement) -> tuple[str, ...]:
    offer = p.offer
    hourly = f"{dollars(offer.usd_per_hour)}/h" if p.term != "api" else ""
    lines = (
        f"{offer.seller} {offer.instance}",
        hardware(offer) if p.gpu else "",
        place(offer) if p.term not in ("api", "owned") else "",
        " ".join(x for x in (term(p.term), hourly) if x),
        "" if p.around_the_clock else f"{p.hours_per_month:,.0f} hours a month",
    )
    return (
        p.workload,
        str(p.units) if p.gpu else "",
        "\n".join(x for x in lines if x),
        "\n".join(stack(p)),
        f"{number(p.load_requests_per_s)} req/s" + (f"\n{percent(p.headroom)} free" if p.gpu else ""),
        dollars(p.usd_per_month),
    )


def _predictions(plan: Plan) -> Grid:
    speeds = (
        Column("TTFT, ms", right=True),
        Column("TPOT, ms", right=True),
        Column("Output tok/s", right=True),
    )
    columns = (Column("Workload"), Column("One replica"), *speeds, Column("Basis"))
    rows = []
    for p in plan.placements:
        if (e := p.estimate) is None:
            rows.append((p.workload, p.offer.seller, *["not known"] * 4))
            continue
        known = (e.ttft_ms, e.tpot_ms, e.output_tokens_per_s)
        name = f"{p.workload} ({e.statistic})"
        rows.append((name, f"{e.gpus_per_replica} x {e.gpu}", *map(stacked, known), bases(known)))
    return Grid(columns, tuple(rows))


def _alternatives(plan: Plan) -> Grid:
    columns = (
        Column("Instead"),
        Column("$/month", right=True),
        Column("Against plan", right=True),
        Column("Why not"),
    )
    return Grid(
        columns,
        tuple(
            (
                a.summary,
                dollars(a.usd_per_month),
                "not known" if a.delta_percent is None else f"{a.delta_percent:+.1f}%",
                a.reason,
            )
            for a in plan.alternatives[:SHOWN_ALTERNATIVES]
        ),
    )


def kernels(plan: Plan) -> Grid:
    """What each engine runs where its time goes, and the flags that make it so; equal stacks once."""
    columns = (
        Column("Workload"),
        Column("Kernels, by share of time"),
        Column("Start it with"),
    )
    rows = {}
    for p in plan.placements:
        if p.engine is None or p.estimate is None:
            continue
        shares: dict[str, dict[str, float]] = {}
        for op in p.estimate.ops:
            if op.op not in ("host", "elementwise"):
                by_phase = shares.setdefault(op.variant, {})
                by_phase[op.phase] = by_phase.get(op.phase, 0.0) + op.time_share
        words = "\n".join(
            f"{variant}: "
            + ", ".join(f"{percent(share)} of {phase}" for phase, share in sorted(by_phase.items()))
            for variant, by_phase in shares.items()
            if max(by_phase.values()) >= SHOWN_SHARE
        )
        rows[p.workload, p.engine, p.layout, p.gpu] = (
            f"{p.workload}\n{p.gpu}", words, "\n".join((p.engine, *p.engine_flags))
        )  # fmt: skip
    return Grid(columns, tuple(rows.values()))


def _rejected(plan: Plan) -> Grid:
    columns = (Column("Reason"), Column("Count", right=True), Column("For example"))
    rows = [(r.reason, f"{r.count:,}", ", ".join(r.examples)) for r in plan.rejected[:SHOWN_REASONS]]
    left = plan.rejected[SHOWN_REASONS:]
    if left:
        rows.append(
            (f"{plural(len(left), 'more reason')}, in the JSON", f"{sum(r.count for r in left):,}", "")
        )
    return Grid(columns, tuple(rows))


def _assumptions(plan: Plan) -> Grid:
    columns = (Column("Assumption"), Column("Value", right=True), Column("Source"), Column("As of"))
    return Grid(
        columns, tuple((a.name, _value(a.value), a.source, a.as_of or "undated") for a in plan.assumptions)
    )


def _value(value: str | float | bool | None) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else number(value)


def _evidence(plan: Plan) -> Grid:
    columns = (Column("For"), Column("Basis"), Column("Share of dollars", right=True), Column("Rests on"))
    return Grid(
        columns,
        tuple(
            (
                e.subject,
                e.basis,
                percent(e.share_of_dollars),
                ", ".join(x for x in (e.detail, e.source, e.as_of) if x),
            )
            for e in plan.evidence
        ),
    )


def _findings(plan: Plan, levels: set[str]) -> Bullets:
    chosen = sorted((f for f in plan.findings if f.level in levels), key=lambda f: f.level != "failure")
    return Bullets(tuple(_finding(f) for f in chosen))


def _finding(f: Finding) -> str:
    label = {"failure": "FAILED ", "warning": "", "note": ""}[f.level]
    seen = (
        f" (is {number(f.value)}, limit {number(f.limit)})"
        if f.value is not None and f.limit is not None
        else ""
    )
    return f"{label}{f.rule}: {f.message}{seen}"


def _unserved(plan: Plan) -> Bullets:
    return Bullets(
        tuple(
            f"{u.workload}: {number(u.requests_per_s)} requests/s are not served: {u.reason}"
            for u in plan.unserved
        )
    )


def _provenance(plan: Plan) -> Facts:
    digests = plan.digests
    short = [(n, getattr(digests, n)) for n in ("prices", "profiles", "calibration")]
    data = ", ".join(f"{name} {digest[:12] if digest else 'not known'}" for name, digest in short)
    versions = ", ".join(f"{name} {version}" for name, version in sorted(plan.versions.items()))
    rows = (
        ("As of", long_date(plan.as_of)),
        ("Scenario", plan.question.digest[:12]),
        ("Data", data),
        ("Versions", versions),
    )
    return Facts(tuple(r for r in rows if r[1]))
