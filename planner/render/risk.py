"""Regret, what to measure next, and the scenarios behind a robust plan, in words."""

from __future__ import annotations

from collections.abc import Mapping

from planner.canonical import from_data
from planner.plan import Assumption, Plan
from planner.render.document import Bullets, Column, Document, Facts, Grid, Paragraph, section
from planner.render.words import dollars, percent, plural
from planner.risk import Deciles, Measurement, MeasureNext, Regret, Robust

SHOWN_COMMANDS = 1  # measurements whose commands are printed; the JSON has all


def regret_page(r: Regret) -> Document:
    """Chance, cost and regret over the worlds, then other quantiles and who wins how often."""
    average, usd = dollars(r.expected_regret_usd_per_month), dollars(r.usd_per_month)
    said = f"Not knowing how things turn out costs {average} a month on average, on a plan of {usd}."
    facts = Facts((
        ("Regret a month", f"{average} on average, "
         f"{dollars(r.p90_regret_usd_per_month)} in the worst tenth of worlds"),
        ("Cost a month", _deciles(r.cost_usd_per_month) + ", what is missing rented besides"),
        ("With hindsight", _deciles(r.perfect_usd_per_month)),
        ("Chance every SLO is met", f"{percent(r.slo_probability)} with the demand stated, "
         f"{percent(r.slo_probability_any_demand)} with demand drawn too"),
        ("Chance the choice is cheapest", f"{percent(r.cheapest_probability)}: the same machines, in other counts, are "
         "within 1% of the best"),
        ("Worlds", f"{r.worlds:,} of seed {r.seed}"),
    ))  # fmt: skip
    return (
        Paragraph(said, strong=True),
        *section("Over the worlds", facts),
        *section("Planned on another side of the predictions", _quantiles(r)),
        *section("Cheapest with hindsight", _winners(r)),
        *section("Assumptions", _assumptions(r.assumptions)),
    )


def measure_page(m: MeasureNext) -> Document:
    """The measurements, and how to take the first."""
    if not m.measurements or m.measurements[0].removes_usd_per_month <= 0:
        said = "No single measurement would change the plan for the better."
        return Paragraph(said, strong=True), *section("Assumptions", _assumptions(m.assumptions))
    first = m.measurements[0]
    said = (f"Measure {_name(first)}: knowing it before signing saves {dollars(first.removes_usd_per_month)} a month "
            f"on average, {percent(first.share_of_regret)} of the expected regret of "
            f"{dollars(m.expected_regret_usd_per_month)}.")  # fmt: skip
    return (
        Paragraph(said, strong=True),
        *section("Measurements", _measurements(m)),
        *section("How to take the first", *(Bullets(x.commands) for x in m.measurements[:SHOWN_COMMANDS])),
        *section("Assumptions", _assumptions(m.assumptions)),
    )


def robust_sections(plan: Plan) -> Document:
    """The scenarios a robust plan was compared in; nothing for any other plan."""
    found = plan.analyses.get("regret")
    if isinstance(found, Mapping) and "scenarios" in found:
        found = from_data(Robust, dict(found))
    if not isinstance(found, Robust):
        return ()
    dearer = found.usd_per_month - found.cheapest_usd_per_month
    said = (f"The least maximum regret of {plural(found.candidates, 'plan')} compared over "
            f"{plural(len(found.scenarios), 'scenario')}: at most {dollars(found.max_regret_usd_per_month)} a month; "
            f"{dollars(found.max_regret_of_cheapest_usd_per_month)} for the cheapest plan, which costs "
            + (f"{dollars(dearer)} less." if dearer > 0.5 else "the same."))  # fmt: skip
    columns = (Column("Scenario"), Column("Best then", right=True), Column("Regret", right=True),
               Column("Of the cheapest plan", right=True))  # fmt: skip
    rows = tuple(
        (s.scenario, *map(dollars, (s.perfect_usd_per_month, s.regret_usd_per_month,
                                    s.regret_of_cheapest_usd_per_month)))
        for s in found.scenarios
    )  # fmt: skip
    return section("Regret by scenario, a month", Paragraph(said), Grid(columns, rows))


def _quantiles(r: Regret) -> Grid:
    columns = (Column("Quantile", right=True), Column("$/month", right=True), Column("SLOs kept", right=True),
               Column("Regret", right=True), Column("Machines"))  # fmt: skip
    rows = ((percent(q.quantile), dollars(q.usd_per_month), percent(q.slo_probability),
             dollars(q.expected_regret_usd_per_month), q.units) for q in r.quantiles)  # fmt: skip
    return Grid(columns, tuple(rows))


def _winners(r: Regret) -> Grid:
    columns = (Column("GPU models"), Column("Share of worlds", right=True))
    return Grid(columns, tuple((", ".join(w.gpus) or "none", percent(w.share)) for w in r.winners))


def _measurements(m: MeasureNext) -> Grid:
    columns = (Column("Measure"), Column("Basis now"), Column("Speed, times predicted", right=True),
               Column("In the plan"), Column("Removes a month", right=True),
               Column("Of the regret", right=True))  # fmt: skip
    rows = ((_name(x), x.basis, f"{x.speed_low:.2f} to {x.speed_high:.2f}", "yes" if x.in_plan else "no",
             dollars(x.removes_usd_per_month), percent(x.share_of_regret)) for x in m.measurements)  # fmt: skip
    return Grid(columns, tuple(rows))


def _name(x: Measurement) -> str:
    return f"{x.model.rpartition('/')[2]} on {x.gpu} with {x.engine}"


def _deciles(d: Deciles) -> str:
    return f"{dollars(d.p10)} to {dollars(d.p90)}, middle {dollars(d.p50)}"


def _assumptions(found: tuple[Assumption, ...]) -> Grid:
    columns = (Column("Assumption"), Column("Value", right=True), Column("Source"), Column("As of"))
    return Grid(columns, tuple((a.name, str(a.value), a.source, a.as_of or "undated") for a in found))
