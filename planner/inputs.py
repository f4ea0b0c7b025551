"""The only door for scenario files: read, check, and return a `Scenario` or raise `ScenarioError`.

Every message names the file, the line where it can be found, the field, the value and what to do.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from planner.complaints import Complaint, complaints
from planner.errors import ScenarioError, did_you_mean
from planner.fields import FieldError
from planner.locate import line_in_toml, line_in_yaml
from planner.models import is_config_path, read_config
from planner.scenario import Scenario
from planner.traffic import demand_of_csv, lengths_of_jsonl

__all__ = ["changed", "example_names", "example_text", "load_example", "load_scenario", "loads"]

_MAX_SCENARIO_BYTES = 4_000_000
_MAX_TRAFFIC_BYTES = 200_000_000
_SUFFIXES = {".toml": "toml", ".yaml": "yaml", ".yml": "yaml", ".json": "json"}


def load_scenario(path: str | Path) -> Scenario:
    """Scenario of a TOML, YAML or JSON file, or of `[tool.planner]` in a `pyproject.toml`."""
    path = Path(path)
    fmt = _SUFFIXES.get(path.suffix.lower())
    if fmt is None:
        raise ScenarioError(
            f"{path.suffix or 'no suffix'} is no scenario format", path=path, hint="use .toml, .yaml or .json"
        )
    text = _read(path, most=_MAX_SCENARIO_BYTES)
    table = ("tool", "planner") if path.name == "pyproject.toml" else ()
    return _load(text, fmt, label=str(path), base_dir=path.parent, table=table)


def loads(
    text: str, *, format: str = "toml", label: str = "scenario", base_dir: Path | None = None
) -> Scenario:
    """Scenario of a text; without `base_dir` (an upload) it may name no files."""
    if format not in _PARSERS:
        raise ScenarioError(f"unknown format {format!r}", path=label, hint=f"one of {', '.join(_PARSERS)}")
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
    """Copy with values replaced by dotted path (`{"workloads.chat.tpot_ms": 40}`); raises ScenarioError."""
    try:
        return scenario.changed(values)
    except ValidationError as error:
        found = complaints(error, Scenario)
        raise ScenarioError(_sentence(found), path="scenario", hint=found[0].hint) from None


# -- text to document ----------------------------------------------------------------------


def _read(path: Path, *, most: int) -> str:
    try:
        if path.stat().st_size > most:
            raise ScenarioError(f"larger than {most // 1_000_000} MB", path=path)
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ScenarioError(error.strerror or "cannot be read", path=path) from None
    except UnicodeDecodeError:
        raise ScenarioError("not UTF-8 text", path=path) from None
    except ValueError as error:  # a NUL in the name
        raise ScenarioError(str(error), path=path) from None


def _parse_toml(text: str) -> Any:
    return tomllib.loads(text)


def _parse_json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_without_repeats)


def _parse_yaml(text: str) -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        """Safe, and strict about repeated keys."""

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            _without_repeats([(k.value, v) for k, v in node.value if isinstance(k, yaml.ScalarNode)])
            return super().construct_mapping(node, deep=deep)

    try:
        return yaml.load(text, Loader=Loader)  # a subclass of SafeLoader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        raise ValueError(f"{getattr(error, 'problem', None) or error}{where}") from None


def _without_repeats(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    table: dict[Any, Any] = {}
    for key, value in pairs:
        if key in table:
            raise ValueError(f"the key {str(key)[:40]!r} is given twice")
        table[key] = value
    return table


_PARSERS: Mapping[str, Callable[[str], Any]] = {"toml": _parse_toml, "yaml": _parse_yaml, "json": _parse_json}


def _load(text: str, fmt: str, *, label: str, base_dir: Path | None, table: tuple[str, ...]) -> Scenario:
    try:
        document = _PARSERS[fmt](text)
    except (ValueError, TypeError, OverflowError) as error:
        raise ScenarioError(f"not {fmt.upper()}: {error}", path=label) from None
    except RecursionError:
        raise ScenarioError(
            f"not {fmt.upper()} a person would write: nested too deeply", path=label
        ) from None
    for part in table:
        document = document.get(part) if isinstance(document, dict) else None
    if document is None:
        where = f"no [{'.'.join(table)}] table" if table else "empty"
        raise ScenarioError(where, path=label, hint="`planner init` writes a scenario to start from")
    find = partial(line_in_toml if fmt == "toml" else line_in_yaml, text)
    try:
        return _validated(_with_files(document, base_dir))
    except _WrongError as wrong:
        line = find((*table, *wrong.found[0].path))
        raise ScenarioError(
            _sentence(wrong.found), path=f"{label}:{line}" if line else label, hint=wrong.found[0].hint
        ) from None


class _WrongError(Exception):
    def __init__(self, found: list[Complaint]) -> None:
        self.found = found
        super().__init__()


def _validated(document: object) -> Scenario:
    try:
        scenario = Scenario.model_validate(document)
    except ValidationError as error:
        raise _WrongError(complaints(error, Scenario)) from None
    except RecursionError:
        raise _WrongError([Complaint((), "nested too deeply", None)]) from None
    if wrong := [*_unknown_gpus(scenario)]:
        raise _WrongError(wrong)
    return scenario


def _sentence(found: list[Complaint]) -> str:
    first = found[0]
    more = f"; {len(found) - 1} more, first {found[1].field}" if len(found) > 1 else ""
    return f"{first.field}: {first.message}{more}" if first.path else f"{first.message}{more}"


def _unknown_gpus(scenario: Scenario) -> Iterator[Complaint]:
    """Names of GPUs are checked here, so that scenarios without any never load the GPU table."""
    named: list[tuple[tuple[str | int, ...], str]] = [
        *((("owned", i, "gpu"), owned.gpu) for i, owned in enumerate(scenario.owned)),
        *((("prices", i, "gpu"), price.gpu) for i, price in enumerate(scenario.prices) if price.gpu),
        *((("constraints", "gpus", i), gpu) for i, gpu in enumerate(scenario.constraints.gpus or ())),
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


# -- files a scenario names ------------------------------------------------------------------


def _with_files(document: Any, base_dir: Path | None) -> Any:
    """The document with every file it names read in: traffic, request lengths, model configs."""
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
        raise _WrongError(
            [Complaint((*at, str(odd)), "unknown key", did_you_mean(str(odd), allowed) or None)]
        )
    return None if key == "demand" else str(given.get("field", key))


_FILES: Mapping[str, Callable[..., Any]] = {
    "demand": demand_of_csv,
    "input_tokens": lengths_of_jsonl,
    "output_tokens": lengths_of_jsonl,
}


def _text_of(path: Path, *, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(_read(path, most=_MAX_TRAFFIC_BYTES))
    except FieldError as error:
        raise ScenarioError(f"{error.field}: {error}", path=path, hint=error.hint) from None


def _from_file(
    name: object, at: tuple[str | int, ...], base_dir: Path | None, read: Callable[[Path], Any]
) -> Any:
    if not isinstance(name, str) or not name:
        raise _WrongError([Complaint(at, "is not the name of a file", None)])
    if base_dir is None:
        raise _WrongError(
            [Complaint(at, f"{name[:60]!r} is a file, and an upload may name none", "put the values in")]
        )
    try:
        return read(base_dir / Path(name).expanduser())
    except (RuntimeError, ValueError) as error:  # no home folder; a NUL in the name
        raise _WrongError([Complaint(at, str(error), None)]) from None
