"""JSON Schema of a record type, derived from its fields; `schemas/*.json` holds the result for others.

A golden test keeps the shipped files equal to this. Every field is required, since every field is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from inspect import cleandoc
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Definitions = dict[str, Any]


def schema_of(record: type, *, title: str) -> dict[str, Any]:
    """Schema of a dataclass; nested records become definitions.

    >>> from planner.records import Layout
    >>> schema_of(Layout, title="layout")["properties"]["tp"]
    {'type': 'integer'}
    """
    definitions: Definitions = {}
    body = _record(record, definitions)
    nested = {"$defs": definitions} if definitions else {}
    return {"$schema": DIALECT, "title": title, **body, **nested}


def _record(kind: type, definitions: Definitions) -> dict[str, Any]:
    hints = get_type_hints(kind)
    properties = {f.name: _schema(hints[f.name], definitions) for f in fields(kind)}
    return {
        "type": "object",
        "description": cleandoc(kind.__doc__ or ""),
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _schema(kind: Any, definitions: Definitions) -> dict[str, Any]:
    if kind is Any:
        return {}
    if kind in _SCALARS:
        return {"type": _SCALARS[kind]}
    if is_dataclass(kind) and isinstance(kind, type):
        if kind.__name__ not in definitions:
            definitions[kind.__name__] = {}  # holds the place while fields that refer to it are read
            definitions[kind.__name__] = _record(kind, definitions)
        return {"$ref": f"#/$defs/{kind.__name__}"}
    return _GENERICS[get_origin(kind)](get_args(kind), definitions)


def _union(members: tuple[Any, ...], definitions: Definitions) -> dict[str, Any]:
    """Scalars share one `type` list, which reads better than `anyOf`."""
    if all(m in _SCALARS for m in members):
        return {"type": [_SCALARS[m] for m in members]}
    return {"anyOf": [_schema(m, definitions) for m in members]}


_SCALARS: dict[Any, str] = {
    float: "number",
    int: "integer",
    str: "string",
    bool: "boolean",
    NoneType: "null",
}
_GENERICS: dict[Any, Callable[[tuple[Any, ...], Definitions], dict[str, Any]]] = {
    Union: _union,
    UnionType: _union,
    tuple: lambda args, definitions: {"type": "array", "items": _schema(args[0], definitions)},
    Mapping: lambda args, definitions: {
        "type": "object",
        "additionalProperties": _schema(args[1], definitions),
    },
    Literal: lambda args, definitions: {"enum": list(args)},
}
