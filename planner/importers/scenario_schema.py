"""Write `planner/schemas/scenario.schema.json` from the records of `planner.scenario`.

    python -P -m planner.importers.scenario_schema

A test fails while the shipped file differs.
"""

from __future__ import annotations

from pathlib import Path

from planner.scenarioschema import schema_text

TARGET = Path(__file__).resolve().parents[1] / "schemas" / "scenario.schema.json"

if __name__ == "__main__":
    TARGET.write_text(schema_text(), encoding="utf-8")
    print(f"{TARGET.name}: {TARGET.stat().st_size} bytes")
