"""The public names about questions: scenarios by file, example or upload, and changing them.

`planner.api` re-exports them; they import what they need when they are called.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from planner.errors import check_known

if TYPE_CHECKING:
    from planner.scenario import Scenario


def load_scenario(path: Path | str) -> Scenario:
    """Scenario of a TOML, YAML or JSON file; ScenarioError names the field that is wrong."""
    from planner.inputs import load_scenario

    return load_scenario(Path(path))


def load_example(name: str) -> Scenario:
    """A shipped scenario, one of `example_names()`."""
    from planner.inputs import load_example

    return load_example(name)


def example_names() -> tuple[str, ...]:
    """Names of the shipped scenarios."""
    from planner.inputs import example_names

    return tuple(example_names())


def example_text(name: str) -> str:
    """The file of a shipped scenario, comments included."""
    from planner.inputs import example_text

    return example_text(name)


def change_scenario(scenario: Scenario, values: Mapping[str, object]) -> Scenario:
    """Copy with values replaced by dotted path, checked anew; None takes a value out. Raises ScenarioError.

    `{"workloads.chat.requests_per_s": 24, "constraints.zones": ["eu"], "owned.0.count": 8}`
    """
    from planner.inputs import changed

    return changed(scenario, values)


def model_names() -> tuple[str, ...]:
    """Names of the shipped model shapes."""
    from planner.models import model_names

    return model_names()


def read_upload(kind: str, data: bytes, name: str) -> Any:
    """What an uploaded file holds; it can name no file of this machine. `name` is used in messages only.

    `kind`: `scenario` -> Scenario, `plan` -> Plan, `prices` -> Catalog; `model` (a config.json) and
    `request_log` -> the values they set in a workload. Raises InputError or PriceError.
    """
    from planner.uploads import READERS

    check_known("kind", [kind], READERS)
    return READERS[kind](data, name)
