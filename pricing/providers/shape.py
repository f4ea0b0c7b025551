"""Reading answers whose shape may change: every field is asked for by name, and its absence has a name.

One bad row among good ones is quarantined. When no row can be read, or a field that some rows should have is
in none of them, the provider's shape has changed, and `ShapeError` says `provider.field`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar

from planner.pricing.providers.errors import ShapeError
from planner.pricing.providers.records import Quarantined

T = TypeVar("T")
SHOWN = 300
"""Characters of a row kept for the reader of the quarantine."""


class Row:
    """One JSON object (or CSV row), with its place in the answer for messages."""

    def __init__(self, value: object, place: str, *, asked: dict[str, bool] | None = None) -> None:
        if not isinstance(value, Mapping):
            raise ShapeError(f"{place}: is {kind_of(value)}, not an object")
        self._value: Mapping[str, Any] = value
        self._place = place
        self._asked: dict[str, bool] = {} if asked is None else asked

    def value(self, name: str) -> Any:
        """A field that must be there; it may be null."""
        if name not in self._value:
            close = get_close_matches(name, map(str, self._value), n=1, cutoff=0.5)
            hint = f" (there is {close[0]!r})" if close else ""
            raise ShapeError(f"{self._place}.{name}: is missing{hint}")
        return self._value[name]

    def text(self, name: str) -> str:
        """A field that must be there and be text."""
        found = self.value(name)
        if not isinstance(found, str):
            raise ShapeError(f"{self._place}.{name}: is {kind_of(found)}, not text")
        return found

    def only(self, names: Sequence[str]) -> None:
        """Refuse fields nobody reads: in a file of the user's own they are typing errors."""
        for name in self._value:
            if name not in names:
                close = get_close_matches(str(name), names, n=1, cutoff=0.4)
                hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(names)}"
                raise ShapeError(f"{self._place}.{name}: is not known ({hint})")

    def some(self, name: str) -> Any:
        """A field that need not be in every row, but must be in one at least; None where it is not."""
        full = f"{self._place}.{name}"
        self._asked[full] = self._asked.get(full, False) or name in self._value
        return self._value.get(name)

    def maybe(self, name: str, default: Any = None) -> Any:
        """A field that may be missing everywhere."""
        return self._value.get(name, default)

    def row(self, name: str) -> Row:
        """An object inside."""
        return Row(self.value(name), f"{self._place}.{name}", asked=self._asked)

    def row_of(self, value: object, name: str) -> Row:
        """An object found inside some other way, named for messages."""
        return Row(value, f"{self._place}.{name}", asked=self._asked)

    def items(self, name: str) -> list[Any]:
        """A list inside."""
        found = self.value(name)
        if not isinstance(found, list):
            raise ShapeError(f"{self._place}.{name}: is {kind_of(found)}, not a list")
        return found

    def first(self, name: str) -> Row:
        """The first object of a list inside."""
        found = self.items(name)
        if not found:
            raise ShapeError(f"{self._place}.{name}: is empty")
        return Row(found[0], f"{self._place}.{name}", asked=self._asked)


def kind_of(value: object) -> str:
    """The kind of a JSON value in words.

    >>> kind_of(None), kind_of({}), kind_of(True)
    ('null', 'an object', 'a flag')
    """
    if value is None:
        return "null"
    kinds = {
        dict: "an object",
        list: "a list",
        str: "text",
        bool: "a flag",
        int: "a number",
        float: "a number",
    }
    return kinds.get(type(value), type(value).__name__)


def shown(value: object) -> str:
    """A row as one short line."""
    text = value if isinstance(value, str) else json.dumps(value, default=str, sort_keys=False)
    text = "".join(char if char.isprintable() else " " for char in text)
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."


def read_rows(
    provider: str, values: Iterable[object], read: Callable[[Row], Iterator[T]]
) -> Iterator[T | Quarantined]:
    """What `read` makes of every row; unreadable rows as quarantined.

    Raises `ShapeError` when rows were unreadable and none gave anything, and for a field that was looked
    for (`Row.some`) and found in no row.
    """
    asked: dict[str, bool] = {}
    first_error: ShapeError | None = None
    readable = 0
    for value in values:
        try:
            found = tuple(read(Row(value, provider, asked=asked)))
        except ShapeError as error:
            first_error = first_error or error
            yield Quarantined(shown(value), f"shape: {error}")
            continue
        readable += bool(found)
        yield from found
    if first_error and not readable:
        raise ShapeError(f"{first_error}; no row could be read") from first_error
    if never := [name for name, seen in asked.items() if not seen]:
        raise ShapeError(f"{never[0]}: is missing from every row")


def columns(header: Sequence[str], needed: Iterable[str], *, provider: str) -> dict[str, int]:
    """Positions of the columns of a CSV table; raises `ShapeError` naming the first that is missing."""
    places = {name: position for position, name in enumerate(header)}
    for name in needed:
        if name not in places:
            close = get_close_matches(name, places, n=1, cutoff=0.5)
            hint = f" (there is {close[0]!r})" if close else ""
            raise ShapeError(f"{provider}.{name}: column is missing{hint}")
    return places
