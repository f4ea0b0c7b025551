"""Files that arrive as text, not by name: each becomes what a scenario, plan or catalogue needs.

An upload may name no file of the machine it arrives at. Every failure is one line that names the upload, the
place in it and the remedy.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any

from planner.errors import DataError, InputError, ScenarioError
from planner.fields import FieldError
from planner.fieldtypes import demand_table, lengths_table
from planner.modelconfig import parse_config
from planner.plan import Plan, parse_plan
from planner.pricing.catalog import Catalog, read_catalog
from planner.scenario import Scenario
from planner.shapetable import shape_table
from planner.traffic import demand_of_csv, lengths_of_jsonl

MOST_BYTES = 20_000_000
FORMATS = {".toml": "toml", ".yaml": "yaml", ".yml": "yaml", ".json": "json"}
INPUT_FIELDS = ("input_tokens", "prompt_tokens", "prompt_len", "isl")
OUTPUT_FIELDS = ("output_tokens", "completion_tokens", "output_len", "osl")
"""Names that request logs use for the two token counts, ours first."""
Values = Mapping[str, Any]


def text_of(data: bytes, name: str) -> str:
    """UTF-8 text of an upload of at most `MOST_BYTES`; raises InputError."""
    if len(data) > MOST_BYTES:
        raise InputError(f"larger than {MOST_BYTES // 1_000_000} MB", path=name, hint="send a part of it")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError("not UTF-8 text", path=name, hint="save it as UTF-8") from None


def read_scenario(data: bytes, name: str) -> Scenario:
    """Scenario of a TOML, YAML or JSON upload; one that names a file of the server is refused."""
    from planner.inputs import loads

    suffix = PurePath(name).suffix.lower()
    if suffix not in FORMATS:
        raise ScenarioError(
            f"{suffix or 'no suffix'} is no scenario format", path=name, hint="use .toml, .yaml or .json"
        )
    return loads(text_of(data, name), format=FORMATS[suffix], label=name)


def read_plan(data: bytes, name: str) -> Plan:
    """Plan that `recommend --format json` wrote; raises DataError."""
    try:
        return parse_plan(text_of(data, name))
    except DataError as error:
        raise DataError(str(error), path=name) from None


def read_prices(data: bytes, name: str) -> Catalog:
    """Price list as CSV or JSON, with the columns of `prices show --format csv`; raises PriceError."""
    return read_catalog(text_of(data, name), name)


def read_model(data: bytes, name: str) -> dict[str, Any]:
    """Hugging Face `config.json` as what it sets in a workload: `model` (a name, never opened) and `shape`."""
    label = PurePath(name).stem or "config"
    try:
        config = json.loads(text_of(data, name))
    except (ValueError, RecursionError) as error:
        raise ScenarioError(
            f"not JSON: {error}", path=name, hint="a Hugging Face config.json is expected"
        ) from None
    return {"model": f"{label}.json", "shape": shape_table(parse_config(config, name=label, path=name))}


def read_request_log(data: bytes, name: str) -> dict[str, Any]:
    """Request log as what it sets in a workload.

    CSV sets `periods` (columns `timestamp` and `requests` or `requests_per_s`, or hours and rates); JSON lines
    set `input_tokens` and `output_tokens`, under any of the usual names.
    """
    text, suffix = text_of(data, name), PurePath(name).suffix.lower()
    if suffix not in (".csv", ".jsonl", ".json"):
        raise ScenarioError(
            f"{suffix or 'no suffix'} is no request log", path=name, hint="use .csv or .jsonl"
        )
    try:
        if suffix == ".csv":
            return {"periods": demand_table(demand_of_csv(text))}
        first = text.lstrip().partition("\n")[0]
        return {
            "input_tokens": _lengths(text, first, INPUT_FIELDS),
            "output_tokens": _lengths(text, first, OUTPUT_FIELDS),
        }
    except FieldError as error:
        raise ScenarioError(f"{error.field}: {error}", path=name, hint=error.hint) from None


def _lengths(text: str, first: str, names: tuple[str, ...]) -> Any:
    """Lengths under the first of `names` that the first line has."""
    try:
        line = json.loads(first)
    except (ValueError, RecursionError):
        line = None
    present = [name for name in names if isinstance(line, dict) and name in line]
    return lengths_table(lengths_of_jsonl(text, field=(present or names)[0]))


READERS: Mapping[str, Callable[[bytes, str], Any]] = {
    "scenario": read_scenario,
    "plan": read_plan,
    "prices": read_prices,
    "model": read_model,
    "request_log": read_request_log,
}
"""What can be uploaded, and how each is read."""
