"""The shipped scenarios are what a newcomer copies: they load, and they say what they do."""

from __future__ import annotations

import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from planner.errors import ScenarioError
from planner.inputs import example_names, example_text, load_example, loads

FOLDER = Path(__file__).parents[2] / "examples"


def test_the_four_examples_ship() -> None:
    assert example_names() == ("chat-70b", "eu-only", "shared-budget", "small-model")


def test_the_shipped_examples_are_the_files_in_the_folder() -> None:
    assert {path.stem: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.toml")} == {
        name: example_text(name) for name in example_names()
    }


@pytest.mark.parametrize("name", example_names())
def test_example_loads_and_explains_itself(name: str) -> None:
    scenario = load_example(name)
    lines = example_text(name).splitlines()
    assert scenario.workloads
    assert lines[0].startswith("# ")
    assert f"--example {name}" in example_text(name)
    assert sum("#" in line for line in lines) >= 5


def test_what_each_example_is_about() -> None:
    chat = load_example("chat-70b").workloads["chat"]
    assert (chat.demand.peak_requests_per_s, chat.input_tokens.mean, chat.output_tokens.mean) == (
        12,
        1024,
        256,
    )
    assert (chat.ttft_ms, chat.tpot_ms, chat.percentile) == (1000, 50, 95)
    shared = load_example("shared-budget")
    assert len(shared.workloads) == 3
    assert shared.constraints.budget_usd_per_month
    assert load_example("small-model").constraints.consumer_in_datacenter
    assert load_example("eu-only").constraints.zones == ("eu",)


def test_what_init_writes_runs_as_it_is() -> None:
    text = (files("planner") / "data" / "init.toml").read_text(encoding="utf-8")
    assert loads(text).workloads["chat"].shape.name == "meta-llama/Meta-Llama-3.1-8B"


def test_what_init_writes_in_comments_is_valid_too() -> None:
    lines = (files("planner") / "data" / "init.toml").read_text(encoding="utf-8").splitlines()
    keys = [line for line in lines if not line.startswith("# demand = ")]
    code = [
        line.removeprefix("# ") for line in keys if not line.startswith("# ") or "=" in line or "[" in line
    ]
    scenario = loads("\n".join(line for line in code if line.split("#")[0].strip()))
    assert scenario.owned and scenario.prices and scenario.policy.max_usd_per_month


def test_unknown_example_suggests_a_neighbour() -> None:
    with pytest.raises(ScenarioError, match="did you mean chat-70b"):
        load_example("chat-7b")


def test_loading_an_example_stays_light() -> None:
    code = (
        "import sys; from planner.inputs import load_example; load_example('chat-70b')\n"
        "heavy = {'pandas', 'numpy', 'yaml', 'pyarrow', 'scipy', 'httpx', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-P", "-c", code], check=True)
