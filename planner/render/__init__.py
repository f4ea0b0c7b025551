"""Records to text: pure functions from a plan, estimate or listing to what a file or terminal receives.

    record -> page (advice, speed, listing: the words) -> text | markdown        (the looks)
           -> canonical JSON | CSV

Numbers come from the record only; nothing is computed here but the rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from planner.analysis.records import Arbitrage, Explained, Flips, Frontier, KernelValue, LockIn
from planner.canonical import dumps
from planner.errors import InputError, did_you_mean
from planner.plan import Plan
from planner.records import Estimate, Explanation
from planner.render.advice import advice
from planner.render.analyses import (
    arbitrage_page,
    explained_page,
    flips_page,
    frontier_page,
    kernel_value_page,
    lock_in_page,
)
from planner.render.change import change_page
from planner.render.document import Document
from planner.render.explained import explanation_page
from planner.render.gate import check_page, comment
from planner.render.listing import Listing, listing_csv, listing_page
from planner.render.markdown import markdown
from planner.render.pipeline import WRITERS
from planner.render.risk import measure_page, regret_page
from planner.render.speed import estimate_page
from planner.render.text import PLAIN, Style, text
from planner.risk import MeasureNext, Regret
from planner.verdict import Findings, PlanDiff

__all__ = ["PAGES", "PLAIN", "RENDERERS", "Listing", "Style", "page", "render"]

PAGES: Mapping[type, Callable[[Any], Document]] = {
    Plan: advice,
    Estimate: estimate_page,
    Explained: explained_page,
    Explanation: explanation_page,
    Flips: flips_page,
    KernelValue: kernel_value_page,
    LockIn: lock_in_page,
    Arbitrage: arbitrage_page,
    Frontier: frontier_page,
    Findings: check_page,
    Listing: listing_page,
    Regret: regret_page,
    MeasureNext: measure_page,
    PlanDiff: change_page,
}
"""Which words each kind of record gets."""

ROWS: Mapping[type, Callable[[Any], tuple[Any, ...]]] = {
    Explained: lambda x: x.verdicts,
    Flips: lambda x: x.flips,
    KernelValue: lambda x: x.worth,
    LockIn: lambda x: (*x.portability, *x.lock_in, *x.split),
    Arbitrage: lambda x: x.routes,
    Frontier: lambda x: x.points,
}
"""What of a record has a CSV form."""


def page(record: object) -> Document:
    """The document of a record."""
    return PAGES[type(record)](record)


def _json(record: object, style: Style) -> str:
    return dumps(record.rows if isinstance(record, Listing) else record)


def _csv(record: object, style: Style) -> str:
    if (rows := ROWS.get(type(record))) is not None:
        return listing_csv(Listing("", rows(record), ()))
    if not isinstance(record, Listing):
        raise InputError("csv: only lists of rows have a CSV form", hint="use json")
    return listing_csv(record)


def _markdown(record: object, style: Style) -> str:
    return comment(record) if isinstance(record, Findings) else markdown(page(record))


def _for_pipelines(format: str) -> Callable[[object, Style], str]:
    def write(record: object, style: Style) -> str:
        if not isinstance(record, Findings):
            raise InputError(f"{format}: only what `planner check` found has this form", hint="use json")
        return WRITERS[format](record)

    return write


RENDERERS: Mapping[str, Callable[[object, Style], str]] = {
    "table": lambda record, style: text(page(record), style),
    "json": _json,
    "markdown": _markdown,
    "csv": _csv,
    **{name: _for_pipelines(name) for name in WRITERS},
}
"""Format name to writer."""


def render(record: object, format: str = "table", *, style: Style = PLAIN) -> str:
    """Text of a record in one of `RENDERERS`; InputError for an unknown format."""
    try:
        writer = RENDERERS[format]
    except KeyError:
        hint = did_you_mean(format, RENDERERS) or f"one of {', '.join(RENDERERS)}"
        raise InputError(f"format: {format!r} is not known", hint=hint) from None
    return writer(record, style)
