"""A document for a terminal: bold and lines where colour is wanted, plain text where it is not."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from planner.render.columns import GAP, column_widths
from planner.render.document import Block, Bullets, Document, Facts, Grid, Heading, Paragraph

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Characters that move a cursor, ring or reorder text: a seller's name must not drive a terminal."""


@dataclass(frozen=True, slots=True)
class Style:
    """Columns of the page, and whether it may carry colour codes; read from the terminal at the edge."""

    width: int = 100
    color: bool = False


PLAIN = Style()


def text(document: Document, style: Style = PLAIN) -> str:
    """The page as a terminal shows it; no line ends in blanks."""
    from rich.console import Console

    out = io.StringIO()
    console = Console(
        file=out,
        width=style.width,
        color_system="standard" if style.color else None,
        force_terminal=style.color,
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
        _environ={},  # COLUMNS, TERM or NO_COLOR are read once, by whoever made the style
    )
    for i, block in enumerate(document):
        if i and not isinstance(document[i - 1], Heading):
            console.print()
        _show(console, block)
    return "\n".join(line.rstrip() for line in out.getvalue().split("\n"))


def clean(raw: str) -> str:
    """Text without control characters.

    >>> clean("cheap\\x1b[31m cloud")
    'cheap[31m cloud'
    """
    return CONTROL.sub("", raw)


def _show(console: Console, block: Block) -> None:
    match block:
        case Heading(text=title):
            console.print(clean(title), style="bold")
        case Paragraph(text=body, strong=strong):
            console.print(clean(body), style="bold" if strong else None, soft_wrap=False)
        case Bullets(items=items):
            for item in items:
                console.print(_hanging("- ", item))
        case Facts(rows=rows):
            console.print(_facts(rows))
        case Grid():
            console.print(_grid(block, console))


def _hanging(mark: str, item: str) -> Table:
    from rich.table import Table

    row = Table.grid(padding=0)
    row.add_column(no_wrap=True)
    row.add_column(overflow="fold")
    row.add_row(mark, clean(item))
    return row


def _facts(rows: tuple[tuple[str, str], ...]) -> Table:
    from rich.table import Table

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value in rows:
        grid.add_row(clean(label), clean(value))
    return grid


def _grid(block: Grid, console: Console) -> Table:
    from rich import box
    from rich.table import Table

    clean_rows = tuple(tuple(map(clean, row)) for row in block.rows)
    widths = column_widths(Grid(block.columns, clean_rows), console.width)
    bold = "bold" if console.is_terminal else ""
    table = Table(
        box=box.SIMPLE_HEAD, padding=(0, GAP - 1, 0, 0), pad_edge=False, show_edge=False, header_style=bold
    )
    for column, width in zip(block.columns, widths, strict=True):
        justify: Literal["right", "left"] = "right" if column.right else "left"
        table.add_column(clean(column.title), justify=justify, overflow="fold", width=width)
    for row in clean_rows:
        table.add_row(*row)
    return table
