"""What the documents say is what the program does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"


def block(name: str) -> str:
    found = re.search(rf"<!-- {name} -->\n```\w+\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert found, f"README.md has no block after <!-- {name} -->"
    return found[1]


def answer() -> str:
    env = {**os.environ, "PYTHONSAFEPATH": "1", "NO_COLOR": "1", "COLUMNS": "100"}
    command = [
        sys.executable,
        "-P",
        "-m",
        "planner",
        "recommend",
        "--example",
        "chat-70b",
        "--as-of",
        "2026-11-22",
    ]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=env, cwd=ROOT).stdout


def test_the_output_in_the_readme_is_what_the_command_prints() -> None:
    shown = block("output")
    assert len(shown.splitlines()) > 15
    assert answer().startswith(shown)


def test_the_page_of_scenario_keys_is_written_from_the_schema() -> None:
    from planner.importers.scenario_docs import page

    assert (ROOT / "docs" / "scenario.md").read_text(encoding="utf-8") == page()


def test_the_scenario_in_the_readme_loads() -> None:
    from planner.inputs import loads

    text = re.search(r"```toml\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert text
    assert loads(text[1]).workloads["chat"].requests_per_s == 5


def test_every_command_in_the_readme_exists() -> None:
    shown = set(re.findall(r"\| `planner ([\w-]+(?: show| list)?)", README.read_text(encoding="utf-8")))
    env = {**os.environ, "PYTHONSAFEPATH": "1"}
    assert len(shown) >= 6
    for command in shown:
        run = [sys.executable, "-P", "-m", "planner", *command.split(), "--help"]
        assert subprocess.run(run, capture_output=True, check=False, env=env).returncode == 0, command


PAGES = sorted(p.relative_to(ROOT) for p in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_between_documents_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", (ROOT / page).read_text(encoding="utf-8")):
        assert ((ROOT / page).parent / target).exists(), f"{page}: {target}"


def test_the_error_figures_in_the_readme_stand_in_the_accuracy_page() -> None:
    shown = re.findall(r"\d+\.\d / \d+\.\d / \d+\.\d", README.read_text(encoding="utf-8"))
    assert len(shown) >= 4
    page = (ROOT / "ACCURACY.md").read_text(encoding="utf-8")
    assert [figures for figures in shown if figures not in page] == []
