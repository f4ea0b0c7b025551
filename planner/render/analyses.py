"""The analyses as pages: a sentence with the finding first, the table after it."""

from __future__ import annotations

from planner.analysis.records import (
    Arbitrage,
    Distance,
    Explained,
    Flip,
    Flips,
    Frontier,
    FrontierPoint,
    KernelValue,
    KernelWorth,
    LockIn,
    OwningPoint,
    Restricted,
    Route,
    Verdict,
)
from planner.records import Quantity
from planner.render.document import Bullets, Column, Document, Grid, Paragraph, section
from planner.render.words import dollars, number, percent, plural

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


def money(q: Quantity | None) -> str:
    """Dollars a month with their interval."""
    return "not known" if q is None else f"{dollars(q.value)}\n{dollars(q.low)} to {dollars(q.high)}"


def kernel_value_page(x: KernelValue) -> Document:
    """The most valuable kernel as the sentence, then option, switch and engine values."""
    columns = (
        Column("Workload"), Column("Kernel or engine", whole=True), Column("Against"), Column("Ops"),
        Column("$/month, 80% interval", right=True), Column("Note"),
    )  # fmt: skip
    return (
        Paragraph(_most_valuable(x), strong=True),
        *(
            block
            for kind, title in WORTH.items()
            for block in section(title, Grid(columns, tuple(_worth(w) for w in x.worth if w.kind == kind)))
        ),
        Paragraph(f"How: {x.rule}."),
    )


WORTH = {
    "option": "Option value: cost without it, less cost of all",
    "switch": "Switch value: cost with today's forced, less cost with it forced, in the same engine",
    "engine": "Engine value: cost with the other engine only, less cost with this one only",
    "speedup": "Value of being faster: cost today, less cost if it were",
}


def _most_valuable(x: KernelValue) -> str:
    known = [w for w in x.worth if w.usd_per_month is not None and w.kind in ("option", "speedup")]
    if not known:
        return "No kernel of the plan can be compared."
    best = max(known, key=lambda w: w.usd_per_month.value if w.usd_per_month else 0.0)
    worth = best.usd_per_month
    assert worth is not None
    verb = "would save" if best.kind == "speedup" else "is worth"
    said = f"{dollars(worth.value)} a month ({dollars(worth.low)} to {dollars(worth.high)})"
    return f"{best.subject} {verb} {said} to {best.workload}, of {dollars(x.usd_per_month)} the plan costs."


def _worth(w: KernelWorth) -> tuple[str, ...]:
    return (w.workload, w.subject, w.against or "", ", ".join(w.ops), money(w.usd_per_month), w.note)


def lock_in_page(x: LockIn) -> Document:
    """The claim as the sentence; portability, locks and the split as tables."""
    columns = (
        Column("Restriction"), Column("$/month", right=True), Column("Extra", right=True),
        Column("Ratio", right=True), Column("Note"),
    )  # fmt: skip
    return (
        Paragraph(x.claim, strong=True),
        *section("Portability cost: avoiding lock-in", Grid(columns, tuple(map(_restricted, x.portability)))),
        *section("Lock-in cost: being locked in, one way at a time", Grid(columns, tuple(map(_restricted, x.lock_in)))),
        *section("Split: each on top of those above it", Grid(columns, tuple(map(_restricted, x.split)))),
        Paragraph(f"Against the free choice of {dollars(x.usd_per_month)} a month; extras of the split are against the "
                  "line before."),
    )  # fmt: skip


def _restricted(r: Restricted) -> tuple[str, ...]:
    if r.usd_per_month is None:
        return (r.restriction, "no plan", "", "", r.note)
    return (r.restriction, dollars(r.usd_per_month), dollars(r.extra_usd_per_month), f"{r.ratio:.2f}", r.note)


def arbitrage_page(x: Arbitrage) -> Document:
    """The claim as the sentence, routes cheapest first, and where owning wins."""
    columns = (
        Column("Bought as"), Column("$/month", right=True), Column("Against hyperscaler", right=True),
        Column("Hardware"), Column("Price"), Column("Note"),
    )  # fmt: skip
    owning = (
        Column("Card", whole=True), Column("Rent/h", right=True), Column("Price", right=True),
        Column("Owning wins above", right=True), Column("Note"),
    )  # fmt: skip
    return (
        Paragraph(x.claim, strong=True),
        Grid(columns, tuple(map(_route, x.routes))),
        *section("Owning against renting the same card", Grid(owning, tuple(map(_owning, x.owning)))),
        Bullets(x.notes),
    )


def _route(r: Route) -> tuple[str, ...]:
    usd = "none" if r.usd_per_month is None else dollars(r.usd_per_month)
    spread = (
        f"\n{dollars(r.low_usd_per_month)} to {dollars(r.high_usd_per_month)}"
        if r.low_usd_per_month is not None
        else ""
    )
    against = "" if r.against_percent is None else signed(r.against_percent, 0)
    return (r.route, usd + spread, against, r.hardware, r.price_basis, r.note)


def _owning(p: OwningPoint) -> tuple[str, ...]:
    share = (
        "never" if p.break_even_utilisation is None else f"{percent(p.break_even_utilisation)} of the hours"
    )
    return (p.gpu, dollars(p.rent_usd_per_hour), dollars(p.purchase_usd), share, p.note)


def frontier_page(x: Frontier) -> Document:
    """One table per axis; the plan's own point is marked where it is on the frontier."""
    columns = (Column("Setting", right=True), Column("$/month", right=True), Column("Hardware"), Column(""))
    axes = dict.fromkeys(p.axis for p in x.points)
    units = {p.axis: p.unit for p in x.points}
    return (
        Paragraph(
            "Cost against what it buys: on each line no other plan is both cheaper and better.", strong=True
        ),
        *(
            block
            for axis in axes
            for block in section(
                f"{axis}, {units[axis]}",
                Grid(columns, tuple(_point(p) for p in x.points if p.axis == axis)),
            )
        ),
        *section("Left out", Bullets(x.missing)),
    )


def _point(p: FrontierPoint) -> tuple[str, ...]:
    return (number(p.value), dollars(p.usd_per_month), p.hardware, "the plan" if p.is_plan else "")
