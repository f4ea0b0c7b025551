"""The analyses as pages: a sentence with the finding first, the table after it."""

from __future__ import annotations

from planner.analysis.records import Distance, Explained, Flip, Flips, Verdict
from planner.render.document import Column, Document, Grid, Paragraph
from planner.render.words import dollars, number, plural

STATES = {"in": "in the plan", "out": "not chosen", "cannot": "cannot serve", "excluded": "not considered"}


def signed(change: float | None, digits: int = 1) -> str:
    """A change in percent, with its sign.

    >>> signed(3.04), signed(-12.0), signed(None)
    ('+3.0%', '-12.0%', 'not known')
    """
    return "not known" if change is None else f"{change:+.{digits}f}%"


def explained_page(x: Explained) -> Document:
    """Verdicts, one row each."""
    asked = ", ".join(f"{name} {value}" for name, value in x.asked.items()) or "every GPU"
    columns = (
        Column("Workload"), Column("Option"), Column("Verdict"), Column("Why"), Column("To turn it"),
        Column("Alone, $/month", right=True),
    )  # fmt: skip
    return (
        Paragraph(f"Why in or out: {asked}.", strong=True),
        Grid(columns, tuple(_verdict(v) for v in x.verdicts)),
        Paragraph(
            "Alone: the workload served with this option only, and the difference to what the plan pays for it."
        ),
    )


def _verdict(v: Verdict) -> tuple[str, ...]:
    binds = f"\nbinds: {v.binding}" if v.binding and v.binding != "price" else ""
    example = f"\n{plural(v.offers, 'offer')}, such as {v.example}" if v.example and v.state != "in" else ""
    alone = (
        f"{dollars(v.usd_per_month)}\n{signed(v.against_percent, 0)}"
        if v.usd_per_month is not None
        else "none"
    )
    return (v.workload, v.subject, STATES[v.state], f"{v.reason}{binds}{example}",
            "\n".join(map(_distance, v.distances)) or "nothing small", alone)  # fmt: skip


def _distance(d: Distance) -> str:
    amount = dollars if "USD" in d.unit else number
    unit = "" if "USD" in d.unit else f" {d.unit}"
    return f"{d.quantity} {signed(d.change_percent, 0)}: {amount(d.now)} to {amount(d.needed)}{unit}"


def flips_page(x: Flips) -> Document:
    """The nearest flip as the sentence, then all of them."""
    columns = (
        Column("Workload"), Column("What"), Column("Is"), Column("Quantity"), Column("Now", right=True),
        Column("Flips at", right=True), Column("Change", right=True), Column("Note"),
    )  # fmt: skip
    return (
        Paragraph(nearest(x), strong=True),
        Grid(columns, tuple(_flip(f) for f in x.flips)),
        Paragraph(f"How: {x.rule}."),
    )


def nearest(x: Flips) -> str:
    """The flip closest to today, in words."""
    known = [f for f in x.flips if f.change_percent is not None]
    if not known:
        return "Nothing within the range searched turns the plan."
    f = min(known, key=lambda f: abs(f.change_percent or 0.0))
    change, at = signed(f.change_percent), _amount(f, f.flips_at)
    if f.quantity == "demand":
        return f"Nearest: at {change} demand ({at} {f.unit}) the hardware of {f.workload} changes, {f.note}."
    verb = {"in": "leaves", "out": "enters"}[f.state]
    return f"Nearest: at {change} {f.quantity} ({at} {f.unit}), {f.subject} {verb} the plan for {f.workload}."


def _amount(f: Flip, value: float | None) -> str:
    if value is None:
        return "never"
    return dollars(value) if f.unit.startswith("USD") else number(value)


def _flip(f: Flip) -> tuple[str, ...]:
    unit = f.unit.removeprefix("USD ")
    return (f.workload, f.subject, f.state, f"{f.quantity}, {unit}", _amount(f, f.now), _amount(f, f.flips_at),
            "" if f.change_percent is None else signed(f.change_percent), f.note)  # fmt: skip
