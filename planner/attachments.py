"""Files that a scenario names: traffic logs, request lengths, model configs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from planner.complaints import Complaint, WrongDocumentError
from planner.documents import read_text
from planner.errors import ScenarioError, did_you_mean
from planner.fields import FieldError
from planner.models import is_config_path, read_config
from planner.requestlogs import demand_of_text
from planner.traffic import lengths_of_jsonl

_MAX_TRAFFIC_BYTES = 200_000_000


def with_files(document: Any, base_dir: Path | None) -> Any:
    """The document with every file it names read in: traffic, request lengths, model configs.

    Raises WrongDocumentError where a file is named but may not be, ScenarioError about the file itself.
    """
    workloads = document.get("workloads") if isinstance(document, dict) else None
    if not isinstance(workloads, dict):
        return document
    read = {
        name: _workload_with_files(table, ("workloads", str(name)), base_dir)
        if isinstance(table, dict)
        else table
        for name, table in workloads.items()
    }
    return {**document, "workloads": read}


def _workload_with_files(
    table: dict[str, Any], path: tuple[str | int, ...], base_dir: Path | None
) -> dict[str, Any]:
    table = dict(table)
    model = table.get("model")
    if isinstance(model, str) and is_config_path(model) and "shape" not in table:
        table["shape"] = _from_file(model, (*path, "model"), base_dir, read_config)
    for key, parse in _FILES.items():
        given = table.get(key)
        if isinstance(given, dict) and "file" in given:
            at = (*path, key)
            field = _log_field(given, key, at)
            reader = partial(_text_of, parse=partial(parse, field=field) if field else parse)
            table[key] = _from_file(given["file"], (*at, "file"), base_dir, reader)
    return table


def _log_field(given: Mapping[str, Any], key: str, at: tuple[str | int, ...]) -> str | None:
    """The log's own field of token counts (`{file = ..., field = "prompt_len"}`), None for traffic."""
    allowed = ("file",) if key == "demand" else ("file", "field")
    if odd := next((k for k in given if k not in allowed), None):
        raise WrongDocumentError(
            [Complaint((*at, str(odd)), "unknown key", did_you_mean(str(odd), allowed) or None)]
        )
    return None if key == "demand" else str(given.get("field", key))


_FILES: Mapping[str, Callable[..., Any]] = {
    "demand": demand_of_text,
    "input_tokens": lengths_of_jsonl,
    "output_tokens": lengths_of_jsonl,
}


def _text_of(path: Path, *, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(read_text(path, most=_MAX_TRAFFIC_BYTES))
    except FieldError as error:
        raise ScenarioError(f"{error.field}: {error}", path=path, hint=error.hint) from None


def _from_file(
    name: object, at: tuple[str | int, ...], base_dir: Path | None, read: Callable[[Path], Any]
) -> Any:
    if not isinstance(name, str) or not name:
        raise WrongDocumentError([Complaint(at, "is not the name of a file", None)])
    if base_dir is None:
        raise WrongDocumentError(
            [Complaint(at, f"{name[:60]!r} is a file, and an upload may name none", "put the values in")]
        )
    try:
        return read(base_dir / Path(name).expanduser())
    except (RuntimeError, ValueError) as error:  # no home folder; a NUL in the name
        raise WrongDocumentError([Complaint(at, str(error), None)]) from None
