"""Records to JSON and back: one spelling for every record, the same bytes for the same values.

Keys are sorted and floats carry six significant digits: more would store the noise of the last solver
step, and two machines would disagree about the bytes. A whole number has one spelling, 12, whether it was
computed as an int or a float. Field names are the JSON keys.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date
from functools import cache
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from planner.errors import DataError, did_you_mean

NOISE = 1e-12  # no quantity here is smaller; a gap of 1e-16 is what subtracting equals leaves, run by run
WHOLE = 1e15  # floats below this are written without a fraction when they have none


def dumps(record: object) -> str:
    """Canonical text of a record, ending in a newline.

    >>> print(dumps({"b": 2, "a": 0.1 + 0.2}), end="")
    {
      "a": 0.3,
      "b": 2
    }
    """
    return json.dumps(to_data(record), sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_data(value: object, at: str = "") -> Any:
    """Plain dicts, lists and scalars of a record; ValueError where a number is not finite.

    >>> to_data((1234567.8, date(2026, 1, 2), None))
    [1234570, '2026-01-02', None]
    """
    if value is None or isinstance(value, bool | str):
        return value
    for kinds, writer in _WRITERS:
        if isinstance(value, kinds):
            return writer(value, at)
    if is_dataclass(value):
        return {f.name: to_data(getattr(value, f.name), f"{at}.{f.name}") for f in fields(value)}
    raise TypeError(f"{at.lstrip('.')}: {type(value).__name__} has no JSON form")


def _six_digits(x: float, at: str) -> float | int:
    if not math.isfinite(x):
        raise ValueError(
            f"{at.lstrip('.')}: {x} is not a number one can store; use None for what is not known"
        )
    short = float(f"{x:.6g}") if abs(x) >= NOISE else 0.0
    return int(short) if short.is_integer() and abs(short) < WHOLE else short


_WRITERS: tuple[tuple[Any, Callable[[Any, str], Any]], ...] = (
    (Integral, lambda value, at: int(value)),
    (Real, lambda value, at: _six_digits(float(value), at)),
    (Mapping, lambda value, at: {str(k): to_data(v, f"{at}.{k}") for k, v in value.items()}),
    ((tuple, list), lambda value, at: [to_data(v, f"{at}[{i}]") for i, v in enumerate(value)]),
    (date, lambda value, at: value.isoformat()),
)
"""numpy's numbers are registered as Integral and Real, so they need no entry."""


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def from_data(kind: Any, value: object, at: str = "") -> Any:
    """The record of type `kind` that `value` spells; DataError naming the field where it does not.

    >>> from_data(tuple[int, ...], [1, 2])
    (1, 2)
    >>> from_data(float | None, "x", "gap")
    Traceback (most recent call last):
    planner.errors.DataError: gap: expected a number or null, got 'x'
    """
    origin = get_origin(kind)
    if kind is Any:
        return value
    if is_dataclass(kind) and isinstance(kind, type):
        return _record(kind, value, at)
    reader = _READERS.get(kind if origin is None else origin)
    if reader is None:
        raise TypeError(f"{at}: no reader for {kind}")
    return reader(kind, value, at)


def _record(kind: Any, value: object, at: str) -> Any:
    if not isinstance(value, Mapping):
        raise _mismatch(at, "an object", value)
    hints = _hints(kind)
    known = {f.name: f for f in fields(kind)}
    for key in value:
        if key not in known:
            raise DataError(f"{_dot(at, key)}: unknown key", hint=did_you_mean(str(key), known) or None)
    for name, field in known.items():
        if name not in value and field.default is MISSING and field.default_factory is MISSING:
            raise DataError(f"{_dot(at, name)}: missing")
    parts = {name: from_data(hints[name], value[name], _dot(at, name)) for name in known if name in value}
    try:
        return kind(**parts)
    except ValueError as error:
        raise DataError(f"{at}: {error}") from error


def _sequence(kind: Any, value: object, at: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise _mismatch(at, "a list", value)
    item = get_args(kind)[0]
    return tuple(from_data(item, v, f"{at}[{i}]") for i, v in enumerate(value))


def _mapping(kind: Any, value: object, at: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise _mismatch(at, "an object", value)
    item = get_args(kind)[1]
    return {str(k): from_data(item, v, _dot(at, k)) for k, v in value.items()}


def _union(kind: Any, value: object, at: str) -> Any:
    """First member that reads the value; a lone record type reports its own, more precise, error."""
    members = [m for m in get_args(kind) if m is not NoneType]
    if value is None and len(members) < len(get_args(kind)):
        return None
    if len(members) == 1 and get_origin(members[0]) is None and members[0] not in _SCALARS:
        return from_data(members[0], value, at)
    for member in members:
        try:
            return from_data(member, value, at)
        except DataError:
            continue
    raise _mismatch(at, " or ".join(dict.fromkeys(map(_word, get_args(kind)))), value)


def _literal(kind: Any, value: object, at: str) -> Any:
    if value not in get_args(kind):
        allowed = ", ".join(map(str, get_args(kind)))
        raise DataError(
            f"{at}: {value!r} is none of {allowed}", hint=did_you_mean(str(value), get_args(kind)) or None
        )
    return value


def _scalar(kind: Any, value: object, at: str) -> Any:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise _mismatch(at, _word(kind), value)
    return value


_SCALARS = {float: "a number", int: "a whole number", str: "text", bool: "true or false", NoneType: "null"}
_READERS: dict[Any, Callable[[Any, object, str], Any]] = {
    **dict.fromkeys((float, int, str, bool), _scalar),
    **dict.fromkeys((Union, UnionType), _union),
    tuple: _sequence,
    Mapping: _mapping,
    Literal: _literal,
}


def _word(kind: Any) -> str:
    return _SCALARS.get(kind, "a list" if get_origin(kind) is tuple else "an object")


def _dot(at: str, name: object) -> str:
    return f"{at}.{name}" if at else str(name)


def _mismatch(at: str, wanted: str, value: object) -> DataError:
    shown = repr(value)
    return DataError(
        f"{at or 'document'}: expected {wanted}, got {shown if len(shown) <= 40 else shown[:37] + '...'}"
    )
