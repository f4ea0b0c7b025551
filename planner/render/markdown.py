"""A document as GitHub-flavoured Markdown for pull-request comments and step summaries."""

from __future__ import annotations

import re

from planner.render.document import Block, Bullets, Document, Facts, Grid, Heading, Paragraph
from planner.render.text import clean

SPECIAL = re.compile(r"([\\`*_{}\[\]#|~$!])")
"""Everything Markdown (or GitHub's dollar maths) might act on inside a line."""
ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;"})
"""HTML and mentions: `@name` would notify a stranger."""
LINE_START = re.compile(r"^(\s*)(?:([-+=])|(\d+)([.)]))")


def markdown(document: Document) -> str:
    """The page; every string is shown as it is, whatever it contains."""
    return "\n\n".join(_block(b) for b in document) + "\n"


def escape(raw: str) -> str:
    """Text that renders as itself.

    >>> escape("a|b `c` <b> @me 1_000")
    'a\\\\|b \\\\`c\\\\` &lt;b&gt; &#64;me 1\\\\_000'
    """
    return SPECIAL.sub(r"\\\1", clean(raw)).translate(ENTITIES)


def _line(raw: str) -> str:
    """One paragraph line: also what would start a list or a rule stays text."""
    flat = escape(" ".join(raw.split()))
    return LINE_START.sub(lambda m: f"{m[1]}\\{m[2]}" if m[2] else f"{m[1]}{m[3]}\\{m[4]}", flat)


def _cell(raw: str) -> str:
    return "<br>".join(escape(line.strip()) for line in raw.split("\n"))


def _block(block: Block) -> str:
    match block:
        case Heading(text=title):
            return f"### {_line(title)}"
        case Paragraph(text=body, strong=True):
            return f"**{_line(body)}**"
        case Paragraph(text=body):
            return _line(body)
        case Bullets(items=items):
            return "\n".join(f"- {_line(item)}" for item in items)
        case Facts(rows=rows):
            return "\n".join(["| | |", "|---|---|", *(f"| {_cell(a)} | {_cell(b)} |" for a, b in rows)])
        case Grid(columns=columns, rows=rows):
            head = " | ".join(_cell(c.title) for c in columns)
            rule = "|".join("---:" if c.right else "---" for c in columns)
            return "\n".join(
                [f"| {head} |", f"|{rule}|", *(f"| {' | '.join(map(_cell, r))} |" for r in rows)]
            )
