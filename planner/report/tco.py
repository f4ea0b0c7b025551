"""Total cost of ownership over 1, 3 and 5 years, undiscounted and as present value.

year y of a recurring cost c a month:   12 c (1 + g)^(y - 1),  g only for rents and API prices
present value of that year:             the same / (1 + r)^(y - 0.5)   (paid over the year, so mid-year)
once at the start: as it is;   once at the end of n years: / (1 + r)^n
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from planner.plan import Placement, Plan
from planner.report.inputs import Input

YEARS = (1, 3, 5)
MONTHS = 12
MIDDLE = 0.5
"""Where in the year a recurring cost is paid."""

ROWS = {
    "on_demand": "Rental, on demand",
    "spot": "Rental, spot",
    "capacity_block": "Rental, capacity blocks",
    "committed_1y": "Commitments",
    "committed_3y": "Commitments",
    "owned": "Owned hardware, annualised",
    "api": "Hosted APIs",
}
FLOATING = frozenset({"Rental, on demand", "Rental, spot", "Rental, capacity blocks", "Hosted APIs"})
"""Rows whose prices may change from year to year; a commitment and an own machine keep theirs."""


@dataclass(frozen=True, slots=True)
class CostRow:
    """One row of the table: a cost a month, or once; `at_end` for the latter where it falls due at the end."""

    name: str
    usd: float | None
    once: bool = False
    at_end: bool = False

    @property
    def floats(self) -> bool:
        """Whether the yearly change of prices applies."""
        return self.name in FLOATING


@dataclass(frozen=True, slots=True)
class Tco:
    """Rows with their totals over each of `YEARS`, and the sums; None in a row is not known and not counted."""

    rows: tuple[CostRow, ...]
    over: tuple[tuple[float | None, ...], ...]
    totals: tuple[float, ...]
    present_values: tuple[float, ...]


def row_of(p: Placement) -> str:
    """The cost row of a placement."""
    return ROWS.get(p.term, "Commitments" if p.term.startswith("committed") else "Rental, on demand")


def cost_rows(plan: Plan, inputs: Sequence[Input]) -> tuple[CostRow, ...]:
    """Rows of the plan, then those of the inputs, in the order purchasers expect."""
    dollars: dict[str, float] = {}
    for p in plan.placements:
        dollars[row_of(p)] = dollars.get(row_of(p), 0.0) + p.usd_per_month
    named = dict.fromkeys(ROWS.values())
    rows = [CostRow(name, dollars[name]) for name in named if name in dollars]
    costs = (i for i in inputs if i.row)
    return (
        *rows,
        *(CostRow(i.row, i.value, i.unit == "usd_once", i.name.startswith("disposal")) for i in costs),
    )


def tco(plan: Plan, inputs: Sequence[Input]) -> Tco:
    """The table of a plan, in the report's currency."""
    value = {i.name: i.value or 0.0 for i in inputs}
    growth, rate, fx = value["price_change_per_year"], value["discount_rate"], value["fx_rate"]
    rows = cost_rows(plan, inputs)
    over = tuple(
        tuple(None if row.usd is None else fx * undiscounted(row, years, growth) for years in YEARS)
        for row in rows
    )
    totals = tuple(sum(cells[i] or 0.0 for cells in over) for i in range(len(YEARS)))
    values = tuple(fx * sum(present_value(row, years, growth, rate) for row in rows) for years in YEARS)
    return Tco(rows, over, totals, values)


def undiscounted(row: CostRow, years: int, growth: float) -> float:
    """A row over `years`.

    >>> undiscounted(CostRow("Rental, spot", 100.0), 2, 0.1)
    2520.0
    """
    usd = row.usd or 0.0
    if row.once:
        return usd
    g = growth if row.floats else 0.0
    return sum(MONTHS * usd * (1.0 + g) ** y for y in range(years))


def present_value(row: CostRow, years: int, growth: float, rate: float) -> float:
    """A row over `years`, each payment brought to the start.

    >>> round(present_value(CostRow("Staff", 100.0), 1, 0.1, 0.08), 2)
    1154.7
    """
    usd = row.usd or 0.0
    if row.once:
        return usd / (1.0 + rate) ** years if row.at_end else usd
    g = growth if row.floats else 0.0
    return sum(MONTHS * usd * (1.0 + g) ** y / float((1.0 + rate) ** (y + MIDDLE)) for y in range(years))
