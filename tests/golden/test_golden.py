"""The command line, to the byte: one folder per case with `cmd`, `stdout`, `stderr`, `exit` and input files.

A case runs in a copy of its folder; that folder's path is written as `.` in what is compared.
"""

from __future__ import annotations

import difflib
import json
import re
import shlex
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from planner.analysis.records import Arbitrage, Explained, Flips, Frontier, KernelValue, LockIn
from planner.canonical import dumps
from planner.cli import app
from planner.plan import PLAN_SCHEMA, Estimate, Plan
from planner.risk import MeasureNext, Regret, Robust
from planner.schema import schema_of

HERE = Path(__file__).parent
CASES = sorted(path.parent for path in HERE.glob("*/cmd"))
EXPECTED = ("stdout", "stderr", "exit")
LIBRARIES = ("highspy", "numpy", "scipy")
SCHEMAS = HERE.parents[1] / "planner" / "schemas"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_program_says_what_it_said(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, update_golden: bool
) -> None:
    program, *arguments = shlex.split((case / "cmd").read_text(), comments=True)
    assert program == "planner"
    shutil.copytree(case, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    for name in ("PLANNER_CONFIG", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(
        "planner.cli.output.QUIET_SECONDS", float("inf")
    )  # a slow machine says no more than a fast one
    result = CliRunner().invoke(app, arguments, prog_name="planner")
    said = {"stdout": result.stdout, "stderr": result.stderr, "exit": f"{result.exit_code}\n"}
    for name in EXPECTED:
        _compare(case / name, _settled(said[name].replace(str(tmp_path), ".")), update_golden)


def _settled(text: str) -> str:
    """Without what an upgrade of a library changes and nobody has to review."""
    return re.sub(rf'(\b(?:{"|".join(LIBRARIES)})"?:? "?)\d[\w.]*', r"\g<1>VERSION", text)


def _compare(file: Path, now: str, update: bool) -> None:
    if update:
        file.write_text(now) if now else file.unlink(missing_ok=True)
    before = file.read_text() if file.exists() else ""
    difference = difflib.unified_diff(
        before.splitlines(), now.splitlines(), f"{file.name} before", "now", lineterm=""
    )
    assert now == before, "\n".join(difference)


@pytest.mark.parametrize(
    ("name", "record", "title"),
    [
        ("plan", Plan, PLAN_SCHEMA),
        ("estimate", Estimate, "planner.estimate/1"),
        ("regret", Regret, "planner.regret/1"),
        ("measure_next", MeasureNext, "planner.measure_next/1"),
        ("robust", Robust, "planner.robust/1"),
        ("explain", Explained, "planner.explain/1"),
        ("flip", Flips, "planner.flip/1"),
        ("kernel_value", KernelValue, "planner.kernel_value/1"),
        ("lock_in", LockIn, "planner.lock_in/1"),
        ("arbitrage", Arbitrage, "planner.arbitrage/1"),
        ("frontier", Frontier, "planner.frontier/1"),
    ],
)
def test_shipped_schemas_say_what_the_records_say(
    name: str, record: type, title: str, update_golden: bool
) -> None:
    _compare(SCHEMAS / f"{name}.schema.json", dumps(schema_of(record, title=title)), update_golden)


SHOWN = re.compile(r"(<!-- golden (\w+) (?:to|from) (.+?) -->\n```text\n)(.*?)(```)", re.DOTALL)
"""A document shows the output of a case up to the section named, or that section."""


@pytest.mark.parametrize("page", sorted(HERE.parents[1].glob("docs/*.md")), ids=lambda page: page.name)
def test_outputs_in_the_documents_are_those_of_the_cases(page: Path, update_golden: bool) -> None:
    before = page.read_text(encoding="utf-8")
    _compare(page, SHOWN.sub(lambda m: f"{m[1]}{_shown(m)}{m[5]}", before), update_golden)


def _shown(block: re.Match[str]) -> str:
    text = (HERE / block[2] / "stdout").read_text()
    start, stop = text.find(f"\n{block[3]}\n"), len(text)
    assert start > 0, f"{block[2]} has no section {block[3]}"
    if f" from {block[3]}" in block[1]:
        stop = text.find("\n\n", text.find("───", start))
        return text[start + 1 : stop + 1]
    return text[: start + 1].rstrip() + "\n"


def test_every_case_has_an_exit_code() -> None:
    assert all((case / "exit").read_text().strip().isdigit() for case in CASES)
    assert json.loads((SCHEMAS / "plan.schema.json").read_text())["title"] == PLAN_SCHEMA
