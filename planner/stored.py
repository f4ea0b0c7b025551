"""Documents at rest: what a command wrote as JSON, and a lock with its plan, read back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from planner.canonical import from_data
from planner.errors import DataError, did_you_mean
from planner.lock import PROGRAM, Lock, parse_lock, sha256
from planner.plan import PLAN_SCHEMA, Plan, parse_plan
from planner.verdict import CHECK_SCHEMA, DIFF_SCHEMA, Findings, PlanDiff

__all__ = ["load_record", "read_lock", "read_locked_plan", "read_text"]


def load_record(path: Path | str) -> Plan | Findings | PlanDiff:
    """What `recommend`, `check` or `diff` wrote as JSON; DataError names the file and the field."""
    text = read_text(Path(path), hint="give a file that recommend, check or diff wrote as JSON")
    try:
        return _record(text)
    except DataError as error:
        raise DataError(str(error), path=path) from error


def _record(text: str) -> Plan | Findings | PlanDiff:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"not JSON: {error}", hint="it may be cut off; write it again") from error
    schema = data.get("schema") if isinstance(data, dict) else None
    reader = READERS.get(schema) if isinstance(schema, str) else None
    if reader is None:
        hint = (
            did_you_mean(str(schema), READERS) or f"this version reads {', '.join(READERS)}; write it again"
        )
        raise DataError(f"schema: {schema!r} is not known", hint=hint)
    found: Plan | Findings | PlanDiff = reader(text, data)
    return found


READERS: Mapping[str, Callable[[str, Any], Any]] = {
    PLAN_SCHEMA: lambda text, data: parse_plan(text),
    CHECK_SCHEMA: lambda text, data: from_data(Findings, data),
    DIFF_SCHEMA: lambda text, data: from_data(PlanDiff, data),
}
"""Schema name to reader."""


def read_lock(path: Path, versions: Mapping[str, str]) -> Lock:
    """The lock in a file; DataError where it is missing, broken or of a newer program."""
    text = read_text(path, hint="`planner lock` writes it")
    try:
        return parse_lock(text, installed=versions[PROGRAM])
    except DataError as error:
        raise DataError(str(error), path=path) from error


def read_locked_plan(lock: Path, found: Lock) -> tuple[str, Plan]:
    """Text and record of the plan that a lock names, from the lock's folder only."""
    path = lock.parent / found.plan
    if Path(found.plan).name != found.plan:
        raise DataError(f"plan: {found.plan!r} is not a file beside the lock", path=lock)
    text = read_text(path, hint="`planner lock` writes it again")
    try:
        return text, parse_plan(text)
    except DataError as error:
        raise DataError(str(error), path=path) from error


def lock_digest(path: Path) -> str:
    """sha256 that names a lock."""
    return sha256(read_text(path, hint="`planner lock` writes it"))


def read_text(path: Path, *, hint: str) -> str:
    """Text of a file; DataError with the hint where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not UTF-8 text"
        raise DataError(f"cannot read: {why}", path=path, hint=hint) from error
