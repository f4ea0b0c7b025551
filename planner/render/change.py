"""Two plans as a page: what changed, why, and what that does to cost, certainty and hardware."""

from __future__ import annotations

from planner.render.document import Bullets, Column, Document, Grid, Paragraph, section
from planner.render.words import UNKNOWN, dollars, number, percent
from planner.verdict import Cause, Moved, PlacementChange, PlanDiff

NAMES = {
    "usd_per_month": "Cost per month",
    "usd_per_million_input_tokens": "Per million input tokens",
    "usd_per_million_output_tokens": "Per million output tokens",
    "usd_per_million_total_tokens": "Per million tokens",
    "slo_probability": "Chance every SLO is met",
    "measured_share": "Measured share",
    "gap": "Gap to the proven bound",
    "oldest_price_days": "Oldest price, days",
}
CAUSES = {
    "price": "prices", "demand": "demand", "model": "model", "kernel": "kernels",
    "limit": "limits", "solver": "solver",
}  # fmt: skip
WRITERS = {"usd": dollars, "share": percent, "days": number}
SHOWN_CHANGES = 20


def change_page(diff: PlanDiff) -> Document:
    """The page of a difference."""
    return (Paragraph(headline(diff), strong=True), *change_sections(diff))


def change_sections(diff: PlanDiff) -> Document:
    """Tables of what moved, why, and which placements changed; empty ones are left out."""
    return (
        *section("What moved", _moved(diff)),
        *section("Why", _causes(diff), Paragraph(diff.rule if diff.causes else "")),
        *section("Placements", *_placements(diff)),
    )


def headline(diff: PlanDiff) -> str:
    """The change in one sentence.

    >>> from planner.verdict import Moved
    >>> cost = (Moved("usd_per_month", "usd", 1000.0, 1100.0),)
    >>> headline(PlanDiff("2026-01-01", "2026-01-02", cost, (), (), ""))
    'The plan costs $100 a month more: $1,000 -> $1,100 (+10.0%).'
    """
    cost, change = diff.cost, diff.cost.change
    if change is None:
        return f"The cost went from {dollars(cost.before)} to {dollars(cost.after)} a month."
    if not change:
        return f"The plan costs the same: {dollars(cost.after)} a month."
    side = "more" if change > 0 else "less"
    share = f" ({cost.percent:+.1f}%)" if cost.percent is not None else ""
    why = _main_cause(diff.causes)
    return (
        f"The plan costs {dollars(abs(change))} a month {side}: {dollars(cost.before)} -> "
        f"{dollars(cost.after)}{share}{why}."
    )


def _main_cause(causes: tuple[Cause, ...]) -> str:
    if not causes:
        return ""
    largest = max(causes, key=lambda c: abs(c.usd_per_month))
    return f", {'mostly' if len(causes) > 1 else 'all'} because of {cause_name(largest)}"


def cause_name(cause: Cause) -> str:
    """What a reader calls a cause; joined ones stay joined."""
    return " and ".join(CAUSES.get(part, part) for part in cause.name.split(" and "))


def _moved(diff: PlanDiff) -> Grid:
    columns = (Column(""), *(Column(t, right=True) for t in ("Before", "After", "Change")))
    return Grid(columns, tuple(_moved_row(m) for m in diff.moved if m.before != m.after or m is diff.cost))


def _moved_row(m: Moved) -> tuple[str, ...]:
    write = WRITERS[m.unit]
    if m.change is None:
        change = UNKNOWN
    elif m.unit == "share":
        change = f"{100 * m.change:+.1f} points"
    else:
        change = f"{'+' if m.change >= 0 else ''}{write(m.change)}"
        change += f" ({m.percent:+.1f}%)" if m.percent is not None and m.unit == "usd" else ""
    return NAMES.get(m.name, m.name), write(m.before), write(m.after), change


def _causes(diff: PlanDiff) -> Grid:
    columns = (Column("Cause"), Column("$/month", right=True), Column("Changed"))
    rows = tuple(
        (cause_name(c), signed(c.usd_per_month), "\n".join((*c.inputs, c.note) if c.note else c.inputs))
        for c in diff.causes
    )
    if len(rows) > 1:
        rows += (("all together", signed(sum(c.usd_per_month for c in diff.causes)), ""),)
    return Grid(columns, rows)


def signed(usd: float) -> str:
    """Dollars with their sign.

    >>> signed(12.0), signed(-12.0), signed(0.0)
    ('+$12.00', '-$12.00', '$0.00')
    """
    return f"{'+' if usd > 0 else ''}{dollars(usd)}"


def _placements(diff: PlanDiff) -> tuple[Grid, Bullets]:
    columns = (
        Column("Workload"), Column("Offer"), Column("Runs"),
        *(Column(t, right=True) for t in ("Units", "$/month")),
    )  # fmt: skip
    left = len(diff.placements) - SHOWN_CHANGES
    more = Bullets((f"and {left} more, in the JSON",) if left > 0 else ())
    return Grid(columns, tuple(map(_placement_row, diff.placements[:SHOWN_CHANGES]))), more


def _placement_row(c: PlacementChange) -> tuple[str, ...]:
    return (
        c.workload, c.offer, c.runs, f"{c.units_before} -> {c.units_after}",
        f"{dollars(c.usd_before)} -> {dollars(c.usd_after)}",
    )  # fmt: skip
