"""Rows of records as a page or as CSV: prices, kernels, profiles, checks."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from planner.canonical import to_data
from planner.render.document import Bullets, Column, Document, Grid, Paragraph

FORMULA = tuple("=+-@\t\r")
"""What a spreadsheet computes instead of showing, at the start of a cell."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A column of the page: title and the text of a row; CSV and JSON carry whole records instead."""

    title: str
    text: Callable[[Any], str]
    right: bool = False
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """Records of one kind, the columns a reader wants of them, and remarks; `most` caps the page only."""

    title: str
    rows: tuple[Any, ...]
    columns: tuple[Shown, ...]
    notes: tuple[str, ...] = ()
    most: int | None = None
    fields: tuple[str, ...] = ()
    """Header of the CSV when there is no row to take it from."""


def listing_page(listing: Listing) -> Document:
    """The page; says how many rows it leaves out and how to get them."""
    shown = listing.rows[: listing.most]
    grid = Grid(
        tuple(Column(c.title, right=c.right, whole=c.whole) for c in listing.columns),
        tuple(tuple(c.text(row) for c in listing.columns) for row in shown),
    )
    left = len(listing.rows) - len(shown)
    more = (
        f"{len(shown)} of {len(listing.rows):,} rows; narrow with the options, or take all with --format csv",
    )
    notes = (*listing.notes, *(more if left else ()))
    return (
        Paragraph(listing.title, strong=True),
        *((grid,) if shown else ()),
        *((Bullets(notes),) if notes else ()),
    )


def listing_csv(listing: Listing) -> str:
    """Every row and field; lists are joined by blanks, nested objects stay JSON, unknown is empty."""
    rows = [to_data(row) for row in listing.rows]
    out = io.StringIO()
    names = list(dict.fromkeys(name for row in rows for name in row)) or list(listing.fields)
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: harmless(_cell(value)) for name, value in row.items()} for row in rows)
    return out.getvalue() if names else ""


def harmless(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula: text that begins like one gets an apostrophe.

    >>> harmless("=1+1"), harmless(-2.5), harmless("h100")
    ("'=1+1", -2.5, 'h100')
    """
    return f"'{value}" if isinstance(value, str) and value[:1] in FORMULA else value


def _cell(value: Any) -> Any:
    if isinstance(value, dict) or (
        isinstance(value, list) and any(isinstance(v, dict | list) for v in value)
    ):
        return json.dumps(value, sort_keys=True)
    return " ".join(map(str, value)) if isinstance(value, list) else value
