"""Base of the scenario's tables."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """Base of the tables: immutable, no unknown keys.

    `scenarioschema` reads the docstrings under the fields; pydantic doing so costs 40 ms at import.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
