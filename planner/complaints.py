"""Turn what pydantic says about a document into one line: field, value, remedy."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import UnionType
from typing import TYPE_CHECKING, Any, get_args, get_origin

from pydantic import BaseModel

from planner.errors import did_you_mean
from planner.fields import FieldError, listed

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxdict, _SHORT.maxlist, _SHORT.maxlong = 1, 2, 3, 30
_SHORT.maxstring = _SHORT.maxother = 50
_NAMES = "letters, digits, spaces, - and _"
# What is told first when several things are wrong: a mistyped key explains a missing one.
_ORDER = ("extra_forbidden", "value_error")
_SILENT = frozenset({"default_factory_not_called"})
_WORDS: Mapping[str, str] = {
    "greater_than": "is not above {gt:g}",
    "greater_than_equal": "is less than {ge:g}",
    "less_than": "is not below {lt:g}",
    "less_than_equal": "is more than {le:g}",
    "float_type": "is not a number",
    "int_type": "is not a whole number",
    "int_from_float": "is not a whole number",
    "finite_number": "is not a finite number",
    "string_type": "is not text",
    "bool_type": "is neither true nor false",
    "tuple_type": "is not a list",
    "dict_type": "is not a table",
    "model_type": "is not a table",
    "model_attributes_type": "is not a table",
    "too_short": "is empty",
    "too_long": "has more than {max_length} entries",
    "string_too_short": "is empty",
    "string_too_long": "is longer than {max_length} characters",
    "literal_error": "is not {expected}",
}


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing wrong with a document."""

    path: tuple[str | int, ...]
    message: str
    hint: str | None

    @property
    def field(self) -> str:
        """Dotted path, list positions in brackets."""
        return dotted(self.path)


def dotted(path: tuple[str | int, ...]) -> str:
    """
    >>> dotted(("owned", 0, "site", "pue"))
    'owned[0].site.pue'
    """
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def complaints(error: ValidationError, root: type[BaseModel]) -> list[Complaint]:
    """Everything wrong, the most telling first."""
    details = [d for d in error.errors(include_url=False) if d["type"] not in _SILENT]
    details.sort(key=lambda d: (d["loc"][-1:] != ("kind",), d["type"] not in _ORDER, d["type"] == "missing"))
    return _distinct([_complaint(detail, root) for detail in details])


def _distinct(found: list[Complaint]) -> list[Complaint]:
    """Without those that only follow from another about a part of the same value."""
    if names := [complaint for complaint in found if complaint.hint == _NAMES]:
        return names
    kept: list[Complaint] = []
    for complaint in found:
        deeper = any(c.path[: len(complaint.path)] == complaint.path != c.path for c in found)
        if not deeper and all(c.path != complaint.path for c in kept):
            kept.append(complaint)
    return kept or found


def _complaint(detail: ErrorDetails, root: type[BaseModel]) -> Complaint:
    path = tuple(part for part in detail["loc"] if not _is_branch(part))
    context: Mapping[str, Any] = detail.get("ctx") or {}
    if isinstance(problem := context.get("error"), FieldError):
        parts = tuple(problem.field.split(".")) if problem.field else ()
        return Complaint((*path, *parts), str(problem), problem.hint)
    record, key = _record_at(root, path)
    if detail["type"] == "extra_forbidden":
        known = tuple(record.model_fields) if record else ()
        return Complaint(path, "unknown key", did_you_mean(key, known) or f"known: {listed(known, most=20)}")
    hint = _meaning(record, key)
    if detail["type"] == "missing":
        return Complaint(path, "missing", hint)
    if path[-1:] == ("[key]",):
        return Complaint(path[:-1], f"{_SHORT.repr(detail['input'])} is not a name", _NAMES)
    said = _WORDS.get(detail["type"])
    message = f"{_SHORT.repr(detail['input'])} {said.format(**context)}" if said else detail["msg"]
    return Complaint(path, message, hint)


def _is_branch(part: str | int) -> bool:
    """pydantic names the branch of a union it tried; readers do not know those."""
    return isinstance(part, str) and (part.startswith("literal[") or part in {"Speculation"})


def _record_at(root: type[BaseModel], path: tuple[str | int, ...]) -> tuple[type[BaseModel] | None, str]:
    """(record that holds the last part of `path`, that part)."""
    record: type[BaseModel] | None = root
    annotation: Any = root
    for part in path[:-1]:
        if record is not None and isinstance(part, str) and part in record.model_fields:
            annotation = record.model_fields[part].annotation
            options = get_args(annotation) if get_origin(annotation) is UnionType else (annotation,)
            record = next((a for a in options if isinstance(a, type) and issubclass(a, BaseModel)), None)
        else:  # an entry of a list or of a table of records
            record = next(
                (a for a in get_args(annotation) if isinstance(a, type) and issubclass(a, BaseModel)), None
            )
    return record, str(path[-1]) if path else ""


def _meaning(record: type[BaseModel] | None, key: str) -> str | None:
    """What the field is, with an example."""
    from planner.scenarioschema import descriptions

    if record is None or key not in record.model_fields:
        return None
    text = descriptions().get(record.__name__, {}).get(key, "").rstrip(".")
    examples = record.model_fields[key].examples or ()
    example = f", e.g. {str(examples[0]).replace(chr(39), chr(34))}" if examples else ""
    return f"{text[:1].lower()}{text[1:]}{example}" or None


class WrongDocumentError(Exception):
    """What is wrong with a document, before the file and the line are known."""

    def __init__(self, found: list[Complaint]) -> None:
        self.found = found
        super().__init__(sentence(found))


def sentence(found: list[Complaint]) -> str:
    """The first complaint, and how many more there are."""
    first = found[0]
    more = f"; {len(found) - 1} more, first {found[1].field}" if len(found) > 1 else ""
    return f"{first.field}: {first.message}{more}" if first.path else f"{first.message}{more}"
