"""JSON Schema of the scenario file, and what each field means in words (the docstrings under the fields)."""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from planner import scenario, workload

SCHEMA_ID = "planner.scenario/1"


@lru_cache(maxsize=1)
def descriptions() -> Mapping[str, Mapping[str, str]]:
    """Sentence under each field, by class and field.

    >>> descriptions()["Workload"]["stream_interval"]
    'Decode steps per streamed chunk.'
    """
    bodies = [ast.parse(inspect.getsource(module)).body for module in (workload, scenario)]
    classes = [node for body in bodies for node in body if isinstance(node, ast.ClassDef)]
    found: dict[str, dict[str, str]] = {}
    for node in classes:  # a class comes after the one it extends
        parents = [base.id for base in node.bases if isinstance(base, ast.Name)]
        inherited = {k: v for parent in parents for k, v in found.get(parent, {}).items()}
        found[node.name] = inherited | _documented(node)
    return found


def _documented(node: ast.ClassDef) -> dict[str, str]:
    found = {}
    for field, text in zip(node.body, node.body[1:], strict=False):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            found[field.target.id] = str(text.value.value)
    return found


def scenario_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of `planner.toml`."""
    schema = scenario.Scenario.model_json_schema()
    tables = {"Scenario": schema, **schema["$defs"]}
    for name, table in tables.items():
        for field, text in descriptions().get(name, {}).items():
            table["properties"][field]["description"] = text
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        **schema,
        "title": "OpenClaw Planner scenario",
    }


def schema_text() -> str:
    """The schema as shipped in `schemas/scenario.schema.json`."""
    return json.dumps(scenario_schema(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
