"""Text files, and TOML, YAML or JSON as plain data; every failure is a one-line error."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from planner.errors import ScenarioError


def read_text(path: Path, *, most: int) -> str:
    """UTF-8 text of a file of at most `most` bytes; raises ScenarioError."""
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


PARSERS: Mapping[str, Callable[[str], Any]] = {"toml": _parse_toml, "yaml": _parse_yaml, "json": _parse_json}


def parse(text: str, fmt: str, *, label: str) -> Any:
    """Plain data of a text in one of `PARSERS`; raises ScenarioError."""
    try:
        return PARSERS[fmt](text)
    except (ValueError, TypeError, OverflowError) as error:
        raise ScenarioError(f"not {fmt.upper()}: {error}", path=label) from None
    except RecursionError:
        raise ScenarioError(f"not {fmt.upper()}: nested too deeply", path=label) from None
