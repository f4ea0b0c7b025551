"""The only door for scenario files: read, check, and return a `Scenario` or raise `ScenarioError`.

Every message names the file, the line where it can be found, the field, the value and what to do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from planner.attachments import with_files
from planner.complaints import Complaint, WrongDocumentError, complaints
from planner.documents import PARSERS, parse, read_text
from planner.errors import ScenarioError, did_you_mean
from planner.locate import line_in_toml, line_in_yaml
from planner.scenario import Scenario

__all__ = ["changed", "example_names", "example_text", "load_example", "load_scenario", "loads", "scaled"]

_MAX_SCENARIO_BYTES = 4_000_000
_SUFFIXES = {".toml": "toml", ".yaml": "yaml", ".yml": "yaml", ".json": "json"}


def load_scenario(path: str | Path) -> Scenario:
    """Scenario of a TOML, YAML or JSON file, or of `[tool.planner]` in a `pyproject.toml`."""
    path = Path(path)
    fmt = _SUFFIXES.get(path.suffix.lower())
    if fmt is None:
        raise ScenarioError(
            f"{path.suffix or 'no suffix'} is no scenario format", path=path, hint="use .toml, .yaml or .json"
        )
    text = read_text(path, most=_MAX_SCENARIO_BYTES)
    table = ("tool", "planner") if path.name == "pyproject.toml" else ()
    return _load(text, fmt, label=str(path), base_dir=path.parent, table=table)


def loads(
    text: str, *, format: str = "toml", label: str = "scenario", base_dir: Path | None = None
) -> Scenario:
    """Scenario of a text; without `base_dir` (an upload) it may name no files."""
    if format not in PARSERS:
        raise ScenarioError(f"unknown format {format!r}", path=label, hint=f"one of {', '.join(PARSERS)}")
    if len(text) > _MAX_SCENARIO_BYTES:
        raise ScenarioError("too large for a scenario", path=label, hint="put long lists into files")
    return _load(text, format, label=label, base_dir=base_dir, table=())


def example_names() -> tuple[str, ...]:
    """Names of the shipped scenarios."""
    folder = files("planner.examples")
    return tuple(sorted(p.name.removesuffix(".toml") for p in folder.iterdir() if p.name.endswith(".toml")))


def example_text(name: str) -> str:
    """Text of a shipped scenario; raises ScenarioError with the nearest names."""
    stem = name.removesuffix(".toml")
    if stem not in example_names():
        known = example_names()
        hint = did_you_mean(stem, known) or f"shipped: {', '.join(known)}"
        raise ScenarioError(f"no example {name[:60]!r}", hint=hint)
    return (files("planner.examples") / f"{stem}.toml").read_text(encoding="utf-8")


def load_example(name: str) -> Scenario:
    """A shipped scenario by name."""
    return loads(example_text(name), label=f"examples/{name.removesuffix('.toml')}.toml")


def changed(scenario: Scenario, values: Mapping[str, object]) -> Scenario:
    """Copy with values replaced by dotted path, checked anew; None takes a value out. Raises ScenarioError.

    `{"workloads.chat.requests_per_s": 24, "constraints.zones": ["eu"], "owned.0.count": 8}`
    """
    document = scenario.document()
    for path, value in values.items():
        try:
            _replace(document, path.split("."), value)
        except (IndexError, ValueError, TypeError, AttributeError):
            hint = "a table or list by its name and place: workloads.chat.ttft_ms, owned.0.count"
            raise ScenarioError(f"{path}: leads nowhere", path="scenario", hint=hint) from None
    try:
        return _validated(with_files(document, None))
    except WrongDocumentError as wrong:
        raise ScenarioError(str(wrong), path="scenario", hint=wrong.found[0].hint) from None


def scaled(scenario: Scenario, factor: float, *, workload: str | None = None) -> Scenario:
    """Copy with the demand of one workload, or of all, times `factor`."""
    chosen = scenario.workloads if workload is None else {workload: scenario.workloads[workload]}
    return changed(scenario, {f"workloads.{k}.demand": w.demand.scaled(factor) for k, w in chosen.items()})


def _replace(table: Any, parts: list[str], value: object) -> None:
    """Put `value` at a path of plain data; a new demand or model takes the place of the old one's keys."""
    for part in parts[:-1]:
        table = table[int(part)] if isinstance(table, list) else table.setdefault(part, {})
    last = parts[-1]
    if parts[0] == "workloads" and len(parts) == 3:
        for rival in _RIVALS.get(last, ()):
            table.pop(rival, None)
    if value is None:
        table.pop(last, None)
    else:
        table[int(last) if isinstance(table, list) else last] = value


_DEMANDS = ("requests_per_s", "demand", "periods", "requests", "deadline_hours")
_RIVALS = dict.fromkeys(_DEMANDS[:3], _DEMANDS) | {"requests": _DEMANDS[:3], "model": ("shape",)}


def _load(text: str, fmt: str, *, label: str, base_dir: Path | None, table: tuple[str, ...]) -> Scenario:
    document = parse(text, fmt, label=label)
    for part in table:
        document = document.get(part) if isinstance(document, dict) else None
    if document is None:
        where = f"no [{'.'.join(table)}] table" if table else "empty"
        raise ScenarioError(where, path=label, hint="`planner init` writes a scenario to start from")
    find = partial(line_in_toml if fmt == "toml" else line_in_yaml, text)
    try:
        return _validated(with_files(document, base_dir))
    except WrongDocumentError as wrong:
        line = find((*table, *wrong.found[0].path))
        raise ScenarioError(
            str(wrong), path=f"{label}:{line}" if line else label, hint=wrong.found[0].hint
        ) from None


def _validated(document: object) -> Scenario:
    try:
        scenario = Scenario.model_validate(document)
    except ValidationError as error:
        raise WrongDocumentError(complaints(error, Scenario)) from None
    except RecursionError:
        raise WrongDocumentError([Complaint((), "nested too deeply", None)]) from None
    if wrong := [*_unknown_gpus(scenario)]:
        raise WrongDocumentError(wrong)
    return scenario


def _unknown_gpus(scenario: Scenario) -> Iterator[Complaint]:
    """Names of GPUs are checked here, so that scenarios without any never load the GPU table."""
    named: list[tuple[tuple[str | int, ...], str]] = [
        *((("owned", i, "gpu"), owned.gpu) for i, owned in enumerate(scenario.owned)),
        *((("prices", i, "gpu"), price.gpu) for i, price in enumerate(scenario.prices) if price.gpu),
        *((("constraints", "gpus", i), gpu) for i, gpu in enumerate(scenario.constraints.gpus or ())),
        *(
            (("constraints", "quotas", i, "gpu"), q.gpu)
            for i, q in enumerate(scenario.constraints.quotas)
            if q.gpu
        ),
    ]
    if not named:
        return
    from planner.profiles.errors import ProfileError
    from planner.profiles.gpus import resolve_gpu

    for path, text in named:
        try:
            resolve_gpu(text)
        except ProfileError as error:
            yield Complaint(path, str(error), None)
