"""The sections of a report, in the order a purchaser reads: decision, need, options, cost, risk, signatures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from planner.plan import Placement, Plan
from planner.render.advice import CAUTION, decision, kernels
from planner.render.document import Block, Bullets, Column, Facts, Grid, Paragraph
from planner.render.words import (
    UNKNOWN,
    dollars,
    hardware,
    long_date,
    number,
    percent,
    place,
    plural,
    price_ages,
    term,
)
from planner.report.analyses import analysis_blocks
from planner.report.inputs import Input
from planner.report.requirement import requirement
from planner.report.risks import risks
from planner.report.sensitivity import SWING, Win, monthly, spot_loss, swings, wins
from planner.report.tco import YEARS, CostRow, Tco, tco, undiscounted
from planner.report.words import GLOSSARY, QUESTIONS

SHOWN_OPTIONS = 12
SHOWN_RULED_OUT = 15
SHOWN_SWINGS = 12
LATEST = "Compared with the runners-up listed: a mix of offers may win earlier, and planner flip finds where."


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar from `low` to `high`, in the unit of its chart."""

    label: str
    low: float
    high: float
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Horizontal bars; `mark` is a line through all of them. The table that follows says the same."""

    title: str
    bars: tuple[Bar, ...]
    mark: float | None = None
    mark_label: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with what stands under it."""

    title: str
    blocks: tuple[Block | Chart, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """Everything a writer needs: the plan, the inputs, the cost over the years, the sections."""

    plan: Plan
    baseline: Plan | None
    inputs: tuple[Input, ...]
    currency: str
    cost: Tco
    sections: tuple[Section, ...]
    digest: str

    @property
    def title(self) -> str:
        """Heading of the document."""
        return f"GPU procurement report, {long_date(self.plan.as_of)}"


def report_of(
    plan: Plan,
    inputs: Sequence[Input],
    *,
    digest: str,
    baseline: Plan | None = None,
    currency: str = "USD",
) -> Report:
    """The report of a plan; `baseline` is what runs today ("do nothing"), `digest` of the lock or the plan."""
    cost = tco(plan, inputs)
    given = tuple(inputs)
    sections = (
        Section("Decision", _decision(plan, baseline)),
        Section("What is needed", requirement(plan)),
        Section("Options considered", _options(plan, baseline, given)),
        Section("Total cost of ownership", _tco(cost, currency)),
        Section("What to order", (_orders(plan),)),
        Section("Assumptions", (_inputs(given), _assumptions(plan))),
        Section("What would change the answer", tuple(_sensitivity(plan))),
        Section("Kernels and lock-in", tuple(_kernels(plan))),
        Section("How sure we are", _evidence(plan)),
        Section("Where the prices are from", (_prices(plan),)),
        Section("Risks", (risks(plan),)),
        Section("Request for quotation", tuple(_rfq(plan))),
        Section("Ruled out", (_ruled_out(plan),)),
        Section("Signatures", _signatures()),
        Section("Glossary", (Facts(GLOSSARY),)),
        Section("Reproduce", (_provenance(plan, digest),)),
    )
    return Report(plan, baseline, given, currency, cost, sections, digest)


def _decision(plan: Plan, baseline: Plan | None) -> tuple[Block, ...]:
    facts = [("Cost per month", dollars(plan.usd_per_month))]
    if baseline is not None and None not in (baseline.usd_per_month, plan.usd_per_month):
        saved = (baseline.usd_per_month or 0.0) - (plan.usd_per_month or 0.0)
        word = "Saving against today" if saved >= 0 else "More than today"
        facts.append((word, f"{dollars(abs(saved))} a month, {dollars(12 * abs(saved))} a year"))
    else:
        facts.append(("Saving against today", "not known: give today's plan as the baseline"))
    facts += [
        ("For how long", _how_long(plan)),
        ("Chance every latency limit is met", percent(plan.slo_probability)),
        ("Rests on measurements", f"{percent(plan.measured_share)} of the dollars"),
        ("Prices", price_ages(p.offer for p in plan.placements)),
    ]
    caution = CAUTION[plan.status].format(gap=percent(plan.gap))
    return (Paragraph(decision(plan), strong=True), Paragraph(caution), Facts(tuple(facts)))


def _how_long(plan: Plan) -> str:
    months = [p.offer.commitment_months for p in plan.placements if p.offer.commitment_months]
    if not months:
        return "no commitment: everything can be ended by the hour"
    span = f"{min(months)}" if min(months) == max(months) else f"{min(months)} to {max(months)}"
    return f"commitments of {span} months; the rest can be ended by the hour"


def _options(plan: Plan, baseline: Plan | None, inputs: tuple[Input, ...]) -> tuple[Block | Chart, ...]:
    growth = next(i.value or 0.0 for i in inputs if i.name == "price_change_per_year")
    rows = [("1", "This plan", monthly(plan), "the cheapest that meets every limit")]
    shown = plan.alternatives[: SHOWN_OPTIONS - 2]
    rows += [(str(i), a.summary, a.usd_per_month, a.reason) for i, a in enumerate(shown, start=2)]
    today = baseline.usd_per_month if baseline else None
    nothing = (
        decision(baseline) if baseline else "what runs today is not known: give its plan as the baseline"
    )
    rows.append((str(len(rows) + 1), "Do nothing", today, nothing))
    best = monthly(plan)
    columns = (
        Column("No."), Column("Option"), Column("$/month", right=True), Column("Against plan", right=True),
        *(Column(f"{plural(n, 'year')}, $", right=True) for n in YEARS), Column("Why, or why not"),
    )  # fmt: skip
    cells = tuple(
        (no, what, dollars(usd), _against(usd, best), *(_years(usd, n, growth) for n in YEARS), why)
        for no, what, usd, why in rows
    )
    bars = tuple(Bar(f"{no}. {what}", 0.0, usd, dollars(usd)) for no, what, usd, _ in rows if usd is not None)
    left = len(plan.alternatives) - len(shown)
    note = f"{left} dearer options are in the plan's file. " if left > 0 else ""
    basis = "Over the years: this compute alone, undiscounted, at the yearly change of prices below."
    return (Chart("Cost per month of each option", bars), Grid(columns, cells), Paragraph(note + basis))


def _against(usd: float | None, best: float | None) -> str:
    return UNKNOWN if usd is None or not best else f"{100 * (usd / best - 1):+.1f}%"


def _years(usd: float | None, years: int, growth: float) -> str:
    return UNKNOWN if usd is None else dollars(undiscounted(CostRow("Rental, on demand", usd), years, growth))


def _tco(cost: Tco, currency: str) -> tuple[Block, ...]:
    columns = (Column("Cost"), *(Column(f"{plural(n, 'year')}, {currency}", right=True) for n in YEARS))
    rows = [
        (row.name, *(number(x) if x is not None else "not counted" for x in cells))
        for row, cells in zip(cost.rows, cost.over, strict=True)
    ]
    rows.append(("Total, undiscounted", *map(number, cost.totals)))
    rows.append(("Total, present value", *map(number, cost.present_values)))
    notes = (
        "Totals are sums of unrounded figures. A row not counted is not in the plan: fill it in under Assumptions.",
        "Owned hardware is annualised: purchase less resale, upkeep, power and cooling of the machine are inside.",
        "A commitment is renewed at its price; an upfront payment is inside its hourly price, not paid at the start.",
        "Recurring costs are paid in the middle of each year.",
    )
    return Grid(columns, tuple(rows)), Bullets(notes)


def _orders(plan: Plan) -> Grid:
    columns = (
        Column("For"), Column("Seller"), Column("Item"), Column("Units", right=True), Column("Where"), Column("Term"),
        Column("$/hour each", right=True), Column("Hours/month", right=True), Column("$/month", right=True),
    )  # fmt: skip
    rows = tuple(
        (
            p.workload, p.offer.seller, f"{p.offer.instance}\n{hardware(p.offer) if p.gpu else ''}".strip(),
            str(p.units), place(p.offer) if p.term not in ("api", "owned") else "", term(p.term), *_hourly(p),
            dollars(p.usd_per_month),
        )
        for p in plan.placements
    )  # fmt: skip
    return Grid(columns, (*rows, ("Total", "", "", "", "", "", "", "", dollars(monthly(plan)))))


def _hourly(p: Placement) -> tuple[str, str]:
    """Price and hours; a hosted API has neither."""
    return ("", "") if p.term == "api" else (dollars(p.offer.usd_per_hour), number(p.hours_per_month))


def _inputs(inputs: tuple[Input, ...]) -> Grid:
    columns = (Column("Input of this report"), Column("Value", right=True), Column("Name"), Column("Source"))
    return Grid(columns, tuple((i.words, _value(i), i.name, i.source) for i in inputs))


def _value(i: Input) -> str:
    if i.value is None:
        return "not known"
    if i.unit == "share":
        return percent(i.value)
    return number(i.value) if i.unit == "per_usd" else dollars(i.value)


def _assumptions(plan: Plan) -> Grid:
    columns = (Column("Assumption of the plan"), Column("Value"), Column("Source"), Column("As of"))
    return Grid(
        columns,
        tuple(
            (a.name, a.value if isinstance(a.value, str) else number(a.value), a.source, a.as_of or "undated")
            for a in plan.assumptions
        ),
    )


def _sensitivity(plan: Plan) -> Iterator[Block | Chart]:
    found, total = swings(plan), monthly(plan) or 0.0
    shown = found[:SHOWN_SWINGS]
    bars = tuple(
        Bar(s.what, s.low, s.high, f"{dollars(s.low)} to {dollars(s.high)}") for s in shown if s.high > s.low
    )
    title = f"Cost per month if one price moves by {percent(SWING)}, the plan left as it is"
    yield Chart(title, bars, total, dollars(total))
    columns = (Column("If this moves"), Column("20% lower", right=True), Column("20% higher", right=True))
    yield Grid(columns, tuple((s.what, dollars(s.low), dollars(s.high)) for s in shown))
    yield Paragraph("Planning again after an increase can only lessen it.")
    edges = (Column("Break-even"), *(Column(t, right=True) for t in ("Today, $/month", "Turns at", "Change")))
    yield Grid(edges, tuple(map(_win, list(wins(plan))[: 2 * SHOWN_OPTIONS])))
    yield Paragraph(LATEST)
    lost = spot_loss(plan)
    if lost is None:
        yield Paragraph("Spot: the plan rents nothing that can be taken back at short notice.")
    else:
        yield Paragraph(
            f"Spot loss: {percent(lost[0])} of the load runs on spot. If all of it is taken away at once, the rest "
            f"can carry {percent(lost[1])} of the load in the busiest hours."
        )
    yield from analysis_blocks(plan, ("flip", "frontier", "arbitrage", "regret", "measure_next"))


def _win(w: Win) -> tuple[str, ...]:
    what = f"{w.who}: {w.what} is beaten above, at the latest" if w.holds else f"{w.what} wins below"
    return what, dollars(w.now), dollars(w.at), f"{w.percent:+.1f}%"


def _kernels(plan: Plan) -> Iterator[Block | Chart]:
    notes = [f.message for f in plan.findings if f.rule == "kernels"]
    yield Bullets(tuple(notes) or ("the plan names no kernels",))
    yield kernels(plan)
    yield from analysis_blocks(plan, ("kernel_value", "lock_in"))


def _evidence(plan: Plan) -> tuple[Block, ...]:
    columns = (
        Column("For"),
        Column("Basis"),
        Column("Share of dollars", right=True),
        Column("Rests on"),
        Column("As of"),
    )
    rows = tuple(
        (e.subject, e.basis, percent(e.share_of_dollars), ", ".join(x for x in (e.detail, e.source) if x),
         e.as_of or "undated")
        for e in plan.evidence
    )  # fmt: skip
    warned = tuple(f"{f.rule}: {f.message}" for f in plan.findings if f.level != "note")
    return Grid(columns, rows), Bullets(warned)


def _prices(plan: Plan) -> Grid:
    columns = (
        Column("Seller"), Column("Item"), Column("Region"), Column("Term"), Column("$/hour", right=True),
        Column("Price of"), Column("Age, days", right=True), Column("Source"), Column("Licence of the data"),
    )  # fmt: skip
    offers = dict.fromkeys(p.offer for p in plan.placements)
    return Grid(
        columns,
        tuple(
            (o.seller, o.instance, place(o), term(o.term), dollars(o.usd_per_hour), o.as_of or "undated",
             UNKNOWN if o.age_days is None else str(o.age_days), o.source, o.licence)
            for o in offers
        ),
    )  # fmt: skip


def _rfq(plan: Plan) -> Iterator[Block]:
    yield Paragraph(
        "Ask for each line, in writing, with the date until which the answer holds. What is in the plan keeps its "
        f"place up to the price shown; another option wins below the one shown, for all of it together. {LATEST}"
    )
    yield Bullets(QUESTIONS)
    columns = (
        Column("Seller"), Column("Item and quantity"), Column("Today, $/month", right=True),
        Column("Wins at, $/month", right=True), Column("That is", right=True), Column("Quoted"),
        Column("Valid until"),
    )  # fmt: skip
    rows = []
    for w in list(wins(plan))[: 2 * SHOWN_OPTIONS]:
        edge = f"{'up to' if w.holds else 'below'} {dollars(w.at)}"
        rows.append((w.who or "in the item", w.what, dollars(w.now), edge, f"{w.percent:+.1f}%", "", ""))
    yield Grid(columns, tuple(rows))


def _ruled_out(plan: Plan) -> Grid:
    columns = (Column("Reason"), Column("Count", right=True), Column("For example"))
    rows = [(r.reason, f"{r.count:,}", ", ".join(r.examples)) for r in plan.rejected[:SHOWN_RULED_OUT]]
    left = plan.rejected[SHOWN_RULED_OUT:]
    if left:
        rows.append(
            (plural(len(left), "more reason"), f"{sum(r.count for r in left):,}", "in the plan's file")
        )
    return Grid(columns, tuple(rows))


def _signatures() -> tuple[Block, ...]:
    roles = ("Prepared by", "Reviewed, engineering", "Reviewed, finance", "Approved by")
    columns = (Column("Role"), Column("Name"), Column("Date"), Column("Signature"))
    return (Grid(columns, tuple((role, "", "", "") for role in roles)),)


def _provenance(plan: Plan, digest: str) -> Facts:
    d = plan.digests
    rows = [
        ("Digest of the lock or plan", digest),
        ("Scenario", plan.question.digest),
        *((f"Data, {name}", getattr(d, name) or UNKNOWN) for name in ("prices", "profiles", "calibration")),
        ("Versions", ", ".join(f"{name} {v}" for name, v in sorted(plan.versions.items()))),
        ("As of", plan.as_of),
    ]
    return Facts(tuple(rows))
