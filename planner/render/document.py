"""What a page says, before anyone decides how it looks: a document is a tuple of blocks.

The words of an answer are chosen once, as blocks; `text` and `markdown` only lay them out. Strings are
raw: each writer makes foreign names safe for its own medium.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Heading:
    """Title of the section that follows."""

    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text; `strong` for the one sentence a reader should leave with."""

    text: str
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Bullets:
    """A short list of sentences."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """Label and value pairs, one per line."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Column:
    """Column title of a grid; numbers stand to the right, names to be copied are kept in one piece."""

    title: str
    right: bool = False
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Grid:
    """A table of short texts; a cell may hold several lines."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]


Block: TypeAlias = Heading | Paragraph | Bullets | Facts | Grid
Document: TypeAlias = tuple[Block, ...]


def section(title: str, *blocks: Block) -> Document:
    """A heading with its blocks, or nothing at all when every block is empty.

    >>> section("Notes", Bullets(()))
    ()
    """
    full = tuple(b for b in blocks if not _empty(b))
    return (Heading(title), *full) if full else ()


def _empty(block: Block) -> bool:
    match block:
        case Bullets(items=content) | Facts(rows=content) | Grid(rows=content):
            return not content
        case Paragraph(text=text):
            return not text
        case _:
            return False
