"""A bill beside the plan, as a reader sees it."""

from __future__ import annotations

from typing import Any

from planner.render.listing import Listing, Shown
from planner.render.words import dollars


def bill_page(found: Any) -> Listing:
    """Planned and charged by month and seller, with what was not compared."""
    columns = (
        Shown("Month", lambda r: r.month, whole=True),
        Shown("Seller", lambda r: r.seller, whole=True),
        Shown("Planned", lambda r: dollars(r.planned_usd), right=True),
        Shown(
            "Charged",
            lambda r: dollars(r.charged_usd) if r.charged_usd is not None else "nothing",
            right=True,
        ),
        Shown("Difference", lambda r: _signed(r.difference_usd), right=True),
    )
    planned, charged = (sum(getattr(r, f) or 0.0 for r in found.rows) for f in ("planned_usd", "charged_usd"))
    notes = [f"{found.cost_column} of the bill, USD before tax"]
    if found.rows:
        notes.insert(
            0,
            f"all together: planned {dollars(planned)}, charged {dollars(charged)}, {_signed(charged - planned)}",
        )
    notes += [f"not compared: {why}: {rows:,} rows, {dollars(usd)}" for why, rows, usd in found.left_out]
    title = (
        "What was charged beside what was planned"
        if found.rows
        else "No row of the bill belongs to this plan"
    )
    names = ("month", "seller", "planned_usd", "charged_usd")
    return Listing(title, found.rows, columns, tuple(notes), fields=names)


def _signed(usd: float) -> str:
    return f"{'+' if usd > 0 else ''}{dollars(usd)}"
