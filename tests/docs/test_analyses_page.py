"""The outputs on the page of analyses are what the commands print: the golden cases hold them to the byte."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "analyses.md").read_text(encoding="utf-8")
SHOWN = re.findall(
    r"```sh\n(planner [^\n]*)\n```\n\n<!-- golden: (\w+) -->\n```text\n(.*?)```", PAGE, re.DOTALL
)


def test_every_analysis_has_an_example_with_a_real_output() -> None:
    commands = " ".join(command for command, _, _ in SHOWN)
    for name in ("explain", "flip", "kernels value", "lock-in", "arbitrage", "frontier"):
        assert f"planner {name}" in commands
    assert all(len(output.splitlines()) > 5 for _, _, output in SHOWN)


def test_the_outputs_on_the_page_are_the_beginnings_of_what_is_printed() -> None:
    for _, case, output in SHOWN:
        printed = (ROOT / "tests" / "golden" / case / "stdout").read_text(encoding="utf-8")
        assert printed.startswith(output.rstrip("\n")), case


def test_the_commands_on_the_page_are_those_of_the_outputs() -> None:
    for command, case, _ in SHOWN:
        ran = (ROOT / "tests" / "golden" / case / "cmd").read_text(encoding="utf-8")
        assert ran.startswith(command.split(" --")[0]) and all(word in ran for word in command.split()), case
