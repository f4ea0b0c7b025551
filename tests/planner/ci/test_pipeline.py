"""The whole story on a git repository: baseline committed, then one change after the other through `check`."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result  # the result of typer's runner
from typer.testing import CliRunner

from planner.cli import app
from planner.plan import load_plan

SCENARIO = """\
[workloads.chat]
model = "llama-3.1-8b"
requests_per_s = 20
input_tokens = 1024
output_tokens = 256
ttft_ms = 1000
tpot_ms = 40
weight_precisions = ["fp8"]
kv_precisions = ["fp8"]

[constraints]
gpus = ["h100_sxm", "l40s"]
terms = ["on_demand"]
marketplace = false

[policy]
max_usd_per_month = 4000
max_increase_percent = 20
"""
Run = Callable[..., Result]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if shutil.which("git") is None:
        pytest.skip("needs git")
    monkeypatch.chdir(tmp_path)
    for name in ("PLANNER_CONFIG", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    Path("planner.toml").write_text(SCENARIO)
    git("init", "-q", "-b", "main")
    return tmp_path


def git(*arguments: str) -> str:
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    return subprocess.run(["git", *who, *arguments], check=True, capture_output=True, text=True).stdout


def planner(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--as-of", "2026-11-22"], prog_name="planner")


def edited(old: str, new: str) -> None:
    text = Path("planner.toml").read_text()
    assert old in text
    Path("planner.toml").write_text(text.replace(old, new))


def test_the_story_of_a_pipeline(repository: Path) -> None:
    first = planner("check", "--baseline", "baseline.json", "--save", "baseline.json")
    assert first.exit_code == 0, first.output
    assert "no baseline yet at baseline.json" in first.stderr
    assert "no baseline yet" in first.stdout
    assert planner("lock").exit_code == 0
    git("add", ".")
    git("commit", "-qm", "baseline")

    git("checkout", "-qb", "cheaper")
    edited("requests_per_s = 20", "requests_per_s = 4")
    cheaper = planner("check", "--baseline", "baseline.json", "--format", "json")
    found = json.loads(cheaper.stdout)
    assert (cheaper.exit_code, found["verdict"]) == (0, "pass")
    cost = next(m for m in found["diff"]["moved"] if m["name"] == "usd_per_month")
    assert cost["after"] < cost["before"]
    assert [c["name"] for c in found["diff"]["causes"]] == ["demand"]

    edited("requests_per_s = 4", "requests_per_s = 120")
    edited("tpot_ms = 40", "tpot_ms = 20")
    over = planner("check", "--baseline", "baseline.json", "--format", "github")
    assert over.exit_code == 3
    assert "::error file=planner.toml,line=17,title=max_usd_per_month::" in over.stdout
    assert "::error file=planner.toml,line=18,title=max_increase_percent::" in over.stdout
    whole = json.loads(planner("check", "--baseline", "baseline.json", "--format", "json").stdout)
    parts = {c["name"]: c["usd_per_month"] for c in whole["diff"]["causes"]}
    cost = next(m for m in whole["diff"]["moved"] if m["name"] == "usd_per_month")
    assert list(parts) == ["demand", "limit"]
    assert sum(parts.values()) == pytest.approx(cost["after"] - cost["before"], abs=0.02)

    locked = planner("check", "--locked", "--format", "junit", "-o", "check.xml")
    assert locked.exit_code == 6
    assert "scenario" in locked.stderr
    assert "the lock does not match" in Path("check.xml").read_text()

    edited("ttft_ms = 1000", "ttft_ms = 1")
    infeasible = planner("check", "--baseline", "baseline.json", "--format", "markdown")
    assert infeasible.exit_code == 4
    assert infeasible.stdout.startswith(
        "<!-- planner:planner.toml -->\n**Failed: nothing satisfies the limits.**"
    )
    assert "ttft\\_ms = 1" in infeasible.stdout

    edited("ttft_ms = 1\n", 'ttft_ms = "soon"\n')
    broken = planner("check", "--baseline", "baseline.json", "--format", "sarif")
    assert broken.exit_code == 5
    result = json.loads(broken.stdout)["runs"][0]["results"][0]
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 6}

    git("checkout", "-q", "--", "planner.toml")
    same = planner("check", "--locked", "--baseline", "baseline.json")
    assert same.exit_code == 0, same.output
    assert "costs the same" in " ".join(same.stdout.split())
    assert git("status", "--porcelain").split() == ["??", "check.xml"]


def test_locked_gives_the_same_bytes_and_notices_a_touched_plan(repository: Path) -> None:
    assert planner("lock").exit_code == 0
    stored = Path("planner.lock.json").read_bytes()
    again = CliRunner().invoke(app, ["recommend", "--locked", "--re-solve", "-o", "again.json"])
    assert again.exit_code == 0, again.output
    assert Path("again.json").read_bytes() == stored
    Path("planner.lock.json").write_bytes(re.sub(rb'"units": (\d+)', rb'"units": 9\1', stored))
    touched = planner("recommend", "--locked")
    assert touched.exit_code == 6
    assert "plan " in touched.stderr
    assert "recomputed" in touched.stderr


def test_diff_of_two_stored_plans_tells_demand_from_limits(repository: Path) -> None:
    assert planner("recommend", "-o", "base.json").exit_code == 0
    edited("requests_per_s = 20", "requests_per_s = 90")
    edited("tpot_ms = 40", "tpot_ms = 20")
    assert planner("recommend", "-o", "head.json").exit_code == 0
    done = CliRunner().invoke(app, ["diff", "base.json", "head.json", "--format", "json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    before, after = (load_plan(f"{name}.json").usd_per_month for name in ("base", "head"))
    assert before is not None
    assert after is not None
    assert sum(c["usd_per_month"] for c in found["causes"]) == pytest.approx(after - before, abs=0.02)
    assert [c["name"] for c in found["causes"]] == ["demand", "limit"]
    page = CliRunner().invoke(app, ["render", "head.json", "--format", "markdown"])
    assert page.exit_code == 0
    assert page.stdout.startswith("**")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("old.json", '{"schema": "planner.plan/0"}', "make it again with this version: planner recommend"),
        ("cut.json", '{"schema": "planner.plan/1", "as_of"', "not JSON"),
        ("list.json", "[]", "expected an object"),
    ],
)
def test_a_baseline_that_cannot_be_read_is_bad_input(
    repository: Path, name: str, text: str, said: str
) -> None:
    Path(name).write_text(text)
    done = planner("check", "--baseline", name, "--format", "github")
    assert done.exit_code == 5
    assert len(done.stderr.splitlines()) <= 2  # the scenario that was found, and the error
    assert said in done.stderr
    assert name in done.stderr
    assert "::error" in done.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ('{"schema": "planner.chek/1"}', "did you mean planner.check/1"),
        ('{"schema": 3}', "this version reads"),
    ],
)
def test_render_refuses_what_it_does_not_know(repository: Path, text: str, said: str) -> None:
    Path("x.json").write_text(text)
    done = CliRunner().invoke(app, ["render", "x.json"])
    assert (done.exit_code, said in done.stderr, len(done.stderr.splitlines())) == (5, True, 1)


@pytest.mark.parametrize("command", ["lock", "check"])
def test_nothing_is_half_written_where_a_folder_is_missing(repository: Path, command: str) -> None:
    done = planner(command, "-o", "nowhere/out.json")
    assert done.exit_code == 5
    assert "nowhere/out.json" in done.stderr
    assert sorted(p.name for p in repository.iterdir()) == [".git", "planner.toml"]


def test_a_lock_of_another_folder_or_none_is_bad_input(repository: Path) -> None:
    missing = planner("recommend", "--locked")
    assert missing.exit_code == 5
    assert "`planner lock` writes it" in missing.stderr
    assert planner("lock").exit_code == 0
    lock = Path("planner.lock")
    lock.write_text(lock.read_text().replace('plan = "planner.lock.json"', 'plan = "../elsewhere.json"'))
    assert "is not a file beside the lock" in planner("recommend", "--locked").stderr
