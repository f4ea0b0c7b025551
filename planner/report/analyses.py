"""Analyses stored in a plan as tables, whatever their records hold; one that is not there names its command."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from planner.canonical import to_data
from planner.plan import Plan
from planner.render.document import Block, Bullets, Column, Grid, Heading, Paragraph
from planner.render.words import UNKNOWN, dollars, number
from planner.report.words import COMMANDS

TITLES = {
    "flip": "Prices, speeds and demands that turn the answer",
    "kernel_value": "What each kernel is worth",
    "lock_in": "What lock-in, and avoiding it, costs",
    "arbitrage": "The same demand bought another way",
    "frontier": "Cost against other goals",
    "regret": "Price and demand paths: regret over sampled worlds",
    "measure_next": "What to measure next",
}
SHOWN_ROWS = 15


def analysis_blocks(plan: Plan, names: Sequence[str]) -> Iterator[Block]:
    """Heading and tables of each analysis that the plan carries; then what is missing, with what computes it."""
    missing = []
    for name in names:
        record = plan.analyses.get(name)
        if record is None:
            missing.append(f"{TITLES[name]}: {COMMANDS[name]}")
        else:
            yield Heading(TITLES[name])
            yield from _tables(to_data(record))
    if missing:
        yield Paragraph("Not computed for this plan yet; the command is beside it:")
        yield Bullets(tuple(missing))


def _tables(data: Any) -> Iterator[Block]:
    if not isinstance(data, Mapping):
        yield Paragraph(str(data))
        return
    lines = []
    for key, value in data.items():
        if (
            isinstance(value, Sequence)
            and not isinstance(value, str)
            and value
            and isinstance(value[0], Mapping)
        ):
            yield _grid(value)
        elif value not in (None, "", [], {}):
            lines.append(f"{_title(key)}: {_cell(key, value)}")
    if lines:
        yield Bullets(tuple(lines))


def _grid(rows: Sequence[Mapping[str, Any]]) -> Grid:
    names = [n for n in rows[0] if any(row.get(n) not in (None, "", [], {}) for row in rows)]
    numeric = [all(isinstance(row.get(n), int | float | None) for row in rows) for n in names]
    columns = tuple(Column(_title(n), right=right) for n, right in zip(names, numeric, strict=True))
    kinds = tuple(zip(names, numeric, strict=True))
    cells = [
        tuple("" if row.get(n) is None and not right else _cell(n, row.get(n)) for n, right in kinds)
        for row in rows[:SHOWN_ROWS]
    ]  # text that is not there does not apply; a number that is not there is not known
    if len(rows) > SHOWN_ROWS:
        cells.append((f"and {len(rows) - SHOWN_ROWS} more, in the plan's file", *[""] * (len(names) - 1)))
    return Grid(columns, tuple(cells))


def _title(name: str) -> str:
    """A field as a reader sees it; dollars first, as their unit."""
    return (
        name.replace("usd_per_month", "$/month")
        .replace("usd_per_hour", "$/hour")
        .replace("_", " ")
        .capitalize()
    )


def _cell(name: str, value: Any) -> str:
    if value is None:
        return UNKNOWN
    if isinstance(value, Mapping):
        if {"value", "low", "high"} <= value.keys():
            value, low, high = (_cell(name, value[k]) for k in ("value", "low", "high"))
            return f"{value} ({low} to {high})"
        return ", ".join(f"{k} {_cell(k, v)}" for k, v in value.items())
    if isinstance(value, list):
        return ", ".join(_cell(name, v) for v in value)
    if isinstance(value, bool | str):
        return value if isinstance(value, str) else "yes" if value else "no"
    return dollars(value) if "usd" in name else number(value)
