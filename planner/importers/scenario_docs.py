"""Write `docs/scenario.md` from the schema: `python -P -m planner.importers.scenario_docs docs/scenario.md`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from planner.scenarioschema import scenario_schema

TABLES = (
    ("Workload", "[workloads.NAME]"), ("Constraints", "[constraints]"), ("Quota", "[[constraints.quotas]]"),
    ("OwnedGpu", "[[owned]]"),
    ("Site", "owned.site"), ("Price", "[[prices]]"), ("Policy", "[policy]"),
    ("PolicyLimits", "[policy.warn]"),
    ("Speculation", "workloads.NAME.speculative"),
)  # fmt: skip
INTRO = """\
# The scenario file, key by key

Written from the shipped schema (`planner/schemas/scenario.schema.json`); a test keeps it so. TOML, YAML and JSON are
read alike. Unknown keys are errors with a suggestion. A key left out does not limit anything.
"""


def page() -> str:
    """The whole page as Markdown."""
    definitions = scenario_schema()["$defs"]
    parts = [INTRO]
    for name, heading in TABLES:
        table = definitions[name]
        parts.append(f"## `{heading}`\n\n{_first_line(table['description'])}\n")
        parts.append("| key | what | default | example |\n| --- | --- | --- | --- |")
        parts.append("\n".join(_rows(table)) + "\n")
    return "\n".join(parts)


def _rows(table: Mapping[str, Any]) -> Iterator[str]:
    required = set(table.get("required", ()))
    for key, field in table["properties"].items():
        default = "required" if key in required else _value(field.get("default"))
        example = next((_value(e) for e in field.get("examples", ())), "")
        choices = _choices(field)
        what = " ".join(f"{field.get('description', '')} {choices}".split())
        yield f"| `{key}` | {what} | {default} | {example} |"


def _choices(field: Mapping[str, Any]) -> str:
    found = [f for f in (field, *field.get("anyOf", ())) for f in (f, f.get("items", {}))]
    names = next((f["enum"] for f in found if isinstance(f, Mapping) and "enum" in f), ())
    return f"One of {', '.join(f'`{n}`' for n in names)}." if names and len(names) <= 20 else ""


def _value(value: object) -> str:
    return "" if value is None else f"`{json.dumps(value, ensure_ascii=False)}`"


def _first_line(text: str) -> str:
    return text.split("\n", maxsplit=1)[0]


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
