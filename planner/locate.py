"""Find the line of a value in the text it came from, so that a message can point at it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

Path = Sequence[str | int]

_HEADER = re.compile(r"^\s*(\[{1,2})\s*([^\[\]#]+?)\s*\]{1,2}\s*(#.*)?$")
_KEY = re.compile(
    r"""^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*="""
)
_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")


def line_in_toml(text: str, path: Path) -> int | None:
    """Line (from 1) of the longest part of `path` that has a line of its own; None if nothing is found.

    >>> line_in_toml('[workloads.chat]\\nmodel = "x"\\nttft_ms = 0\\n', ("workloads", "chat", "ttft_ms"))
    3
    """
    best: tuple[int, int] | None = None
    table: tuple[str | int, ...] = ()
    seen: dict[tuple[str | int, ...], int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = _parts(header[2])
            if header[1] == "[[":
                seen[table] = seen.get(table, -1) + 1
            table = (*table, seen[table]) if table in seen else table
            here = table
        elif key := _KEY.match(line):
            here = (*table, *_parts(key[1]))
        else:
            continue
        if tuple(path[: len(here)]) == here and (best is None or len(here) > best[0]):
            best = (len(here), number)
    return best[1] if best else None


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))


def line_in_yaml(text: str, path: Path) -> int | None:
    """The same for YAML, and for JSON, which YAML can read."""
    import yaml

    try:
        node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError):
        return None
    line = None
    for part in path:
        step = _child(node, part)
        if step is None:
            break
        line, node = step
    return line


def _child(node: Any, part: str | int) -> tuple[int, Any] | None:
    """(line, node) under `part` of a mapping node, whose value is pairs, or of a sequence node."""
    value = node.value if isinstance(node.value, list) else []
    for i, entry in enumerate(value):
        if isinstance(entry, tuple):
            if entry[0].value == part:
                return entry[0].start_mark.line + 1, entry[1]
        elif i == part:
            return entry.start_mark.line + 1, entry
    return None
