"""Traces at rest: one flat JSON object per line, appended and flushed cell by cell.

The only door for trace files. A line a killed run left unfinished is dropped when the run is resumed and
refused everywhere else.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, fields, replace
from difflib import get_close_matches
from functools import cache
from hashlib import sha256
from importlib.resources import files
from math import isfinite
from pathlib import Path
from types import MappingProxyType
from typing import Any

from planner.profiles import trace as t
from planner.profiles.errors import ProfileError

GROUPS: Mapping[str, type] = MappingProxyType({
    "device": t.Device, "state": t.State, "software": t.Software, "kernel": t.Kernel, "job": t.Job,
    "stats": t.Stats, "correctness": t.Correctness, "derived": t.Derived, "trust": t.Trust,
})  # fmt: skip
"""Records inside a `Trace`, laid out flat in a file."""
REVIEWED = ("record_id", "trust_level", "signature")
"""Fields the record id does not cover: they change after the fact."""
DIGITS = 6
WORDS = {
    "status": tuple(t.STATUSES), "origin": t.ORIGINS, "cache_mode": t.CACHE_MODES, "timer": t.TIMERS,
}  # fmt: skip
POSITIVE = frozenset(
    {"median_s", "p05_s", "p20_s", "p80_s", "p95_s", "min_s", "mean_s", "moved_bytes", "n", "roofline_s"}
)


def to_row(trace: t.Trace) -> dict[str, Any]:
    """The flat object of a trace; floats keep six significant digits, so hashes survive a round trip."""
    row: dict[str, Any] = {}
    for own in fields(t.Trace):
        value = getattr(trace, own.name)
        if own.name not in GROUPS:
            row[own.name] = _plain(value)
        elif value is not None:
            row |= {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    return row


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    return dict(value) if isinstance(value, Mapping) else value


def record_id(row: Mapping[str, Any]) -> str:
    """sha256 over the canonical text of all content fields.

    >>> record_id({"op": "gemm", "record_id": "x"}) == record_id({"op": "gemm", "trust_level": 3})
    True
    """
    content = {name: value for name, value in row.items() if name not in REVIEWED}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(text.encode()).hexdigest()


def sealed(trace: t.Trace) -> t.Trace:
    """The trace with its record id filled in."""
    return replace(trace, record_id=record_id(to_row(trace)))


def to_line(trace: t.Trace) -> str:
    """One line of a file, sealed."""
    row = to_row(trace)
    return json.dumps(row | {"record_id": record_id(row)}, ensure_ascii=False, separators=(",", ":")) + "\n"


@cache
def _columns() -> Mapping[str, tuple[str, Field[Any]]]:
    """Field name to the group it belongs to ("" for the trace itself) and its definition."""
    table = {f.name: ("", f) for f in fields(t.Trace) if f.name not in GROUPS}
    for group, record in GROUPS.items():
        for f in fields(record):
            table[f.name] = (group, f)
    return MappingProxyType(table)


def parse_row(row: Mapping[str, Any], *, where: str) -> t.Trace:
    """A trace of a flat object; raises `ProfileError` naming `where`, the field, its value and the remedy."""
    version = row.get("schema_version")
    if not isinstance(version, int) or version < 1:
        raise ProfileError(f"{where}: schema_version: {version!r} is not a version; write {t.SCHEMA_VERSION}")
    known = _columns()
    if version <= t.SCHEMA_VERSION and (unknown := sorted(set(row) - set(known))):
        near = get_close_matches(unknown[0], known, n=1)
        hint = f"did you mean {near[0]}?" if near else "leave it out"
        raise ProfileError(f"{where}: {unknown[0]}: no such field; {hint}")
    groups: dict[str, dict[str, Any]] = {"": {}, **{name: {} for name in GROUPS}}
    for name, value in row.items():
        if name in known:
            group, definition = known[name]
            groups[group][name] = _value(name, value, str(definition.type), where)
    own = groups.pop("")
    made = {name: _record(name, values, where) for name, values in groups.items()}
    _required(t.Trace, {**own, **made}, where)
    trace = t.Trace(**own, **made)
    _consistent(trace, where)
    return trace


def _record(group: str, values: dict[str, Any], where: str) -> Any:
    if group == "stats" and not values:
        return None
    _required(GROUPS[group], values, where)
    return GROUPS[group](**values)


def _required(record: type, values: Mapping[str, Any], where: str) -> None:
    for f in fields(record):
        if f.default is MISSING and f.default_factory is MISSING and f.name not in values:
            raise ProfileError(f"{where}: {f.name}: missing; every trace needs it")


def _value(name: str, value: Any, kind: str, where: str) -> Any:
    if value is None:
        if "None" in kind:
            return None
        raise ProfileError(f"{where}: {name}: null; give a value")
    for start, read in _READ.items():
        if kind.startswith(start):
            made = read(value)
            break
    else:  # pragma: no cover - a field of a kind no reader knows is a bug of this module
        raise ProfileError(f"{where}: {name}: cannot read a {kind}")
    if made is None or (name in POSITIVE and not made > 0):
        wanted = "a positive number" if name in POSITIVE else kind.replace(" | None", "")
        raise ProfileError(f"{where}: {name}: {value!r} is not {wanted}")
    if name in WORDS and made not in WORDS[name]:
        raise ProfileError(f"{where}: {name}: {value!r} is not one of {', '.join(WORDS[name])}")
    return made


def _number(value: Any) -> float | None:
    ok = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    return float(value) if ok else None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _floats(value: Any) -> tuple[float, ...] | None:
    numbers = [_number(v) for v in value] if isinstance(value, list) else [None]
    return None if None in numbers else tuple(numbers)  # type: ignore[arg-type]


def _map(value: Any, kind: type) -> Mapping[str, Any] | None:
    ok = isinstance(value, dict) and all(
        isinstance(v, kind) and not isinstance(v, bool) for v in value.values()
    )
    return MappingProxyType(dict(value)) if ok else None


_READ: Mapping[str, Any] = {
    "str": lambda v: v if isinstance(v, str) else None,
    "bool": lambda v: v if isinstance(v, bool) else None,
    "int": _whole,
    "float": _number,
    "tuple[float": _floats,
    "tuple[str": lambda v: tuple(v) if isinstance(v, list) and all(isinstance(x, str) for x in v) else None,
    "Mapping[str, str]": lambda v: _map(v, str),
    "Mapping[str, int]": lambda v: _map(v, int),
}
"""How each kind of field is read; None means the value does not fit."""


def _consistent(trace: t.Trace, where: str) -> None:
    """What makes a row mean what it says, whatever its numbers are."""
    if trace.status in t.TIMED and trace.stats is None:
        raise ProfileError(f"{where}: median_s: missing although status is {trace.status}")
    if trace.origin == t.IMPORTED and not (trace.source and trace.row_licence):
        raise ProfileError(f"{where}: source: an imported row names its source and row_licence")
    if trace.origin == t.MEASURED and (trace.source or not trace.run_id or not trace.job.seed_commitment):
        raise ProfileError(
            f"{where}: origin: measured-here needs run_id and seed_commitment and has no source; "
            "write imported where the figure is somebody else's"
        )
    most = {t.MEASURED: len(t.TRUST) - 1, t.IMPORTED: 1, t.PREDICTED: 0}[trace.origin]
    if not 0 <= trace.trust.trust_level <= most:
        level = trace.trust.trust_level
        raise ProfileError(
            f"{where}: trust_level: {level} is not 0 to {most}, the most for {trace.origin} rows"
        )


def read_rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Line number and object of every line; raises `ProfileError` for what is not a JSON object."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError(f"{path}: cannot be read ({error}); give a JSON-lines file of traces") from error
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield number, _object(line, f"{path}:{number}")


def _object(line: str, where: str) -> Mapping[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise ProfileError(f"{where}: not JSON ({error}); a run that was cut off: resume it") from error
    if not isinstance(row, dict):
        raise ProfileError(f"{where}: not a JSON object; one trace per line")
    return row


def read_traces(path: Path) -> tuple[t.Trace, ...]:
    """Every trace of a file, in order."""
    return tuple(parse_row(row, where=f"{path}:{number}") for number, row in read_rows(path))


@cache
def shipped_traces() -> tuple[t.Trace, ...]:
    """The traces that come with the program: measured by the maintainers, one file per device."""
    folder = Path(str(files("planner.profiles").joinpath("data/traces")))
    return tuple(trace for path in sorted(folder.glob("*.jsonl")) for trace in read_traces(path))


def repair(path: Path) -> int:
    """Cut off what a killed run left behind its last whole line; returns the bytes dropped."""
    if not path.exists():
        return 0
    text = path.read_bytes()
    whole = text.rfind(b"\n") + 1
    if whole < len(text):
        with path.open("r+b") as file:
            file.truncate(whole)
            os.fsync(file.fileno())
    return len(text) - whole


def append(path: Path, traces: Iterable[t.Trace]) -> None:
    """Traces to the end of a file, on disk when this returns."""
    with path.open("a", encoding="utf-8") as file:
        for trace in traces:
            file.write(to_line(trace))
        file.flush()
        os.fsync(file.fileno())
