"""The action, the GitLab template and the hook: valid by their own schemas, and their scripts do what they say."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SCENARIO = """\
[workloads.chat]
model = "llama-3.1-8b"
requests_per_s = 1
input_tokens = 200
output_tokens = 50
ttft_ms = 1000
tpot_ms = 50

[constraints]
gpus = ["l40s"]
marketplace = false

[policy]
max_usd_per_month = 10
"""


@pytest.mark.parametrize(
    ("schema", "file"), [("vendor.github-actions", "action.yml"), ("vendor.gitlab-ci", "ci/gitlab.yml")]
)
def test_the_pipeline_files_satisfy_their_schemas(schema: str, file: str) -> None:
    pytest.importorskip("check_jsonschema")
    command = [sys.executable, "-P", "-m", "check_jsonschema", "--builtin-schema", schema, str(ROOT / file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_hook_satisfies_the_manifest_of_pre_commit() -> None:
    manifest = pytest.importorskip("pre_commit.clientlib")
    (hook,) = manifest.load_manifest(str(ROOT / ".pre-commit-hooks.yaml"))
    assert hook["entry"] == "planner lint"


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Programs of this environment first, and a `gh` that writes down what it was asked."""
    programs = folder / "bin"
    programs.mkdir()
    for name, body in (
        ("planner", f'exec "{sys.executable}" -P -m planner "$@"\n'),
        ("gh", 'echo "$@" >> "$CALLS"\ncase "$*" in *--paginate*) echo "$OLD";; esac\n'),
    ):
        (programs / name).write_text(f"#!/bin/sh\n{body}")
        (programs / name).chmod(0o755)
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PLANNER", "GITHUB"))}
    return clean | {"PATH": f"{programs}:{os.environ['PATH']}", "PYTHONSAFEPATH": "1", **more}


def run(script: str, *arguments: str, cwd: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    if shutil.which("bash") is None:
        pytest.skip("needs bash")
    command = ["bash", str(ROOT / "ci" / script), *arguments]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)


def test_the_script_shows_a_failure_everywhere_and_exits_with_it(tmp_path: Path) -> None:
    (tmp_path / "planner.toml").write_text(SCENARIO)
    summary, output = tmp_path / "summary.md", tmp_path / "output"
    env = environment(tmp_path, GITHUB_STEP_SUMMARY=str(summary), GITHUB_OUTPUT=str(output))
    done = run("check.sh", cwd=tmp_path, env=env)
    assert done.returncode == 3, done.stderr
    assert "::error file=planner.toml,line=14,title=max_usd_per_month::" in done.stdout
    assert output.read_text() == "exit-code=3\n"
    assert summary.read_text().startswith("<!-- planner:planner.toml -->\n**Failed")
    files = ["check.json", "check.sarif", "check.xml", "comment.md", "plan.json"]
    assert sorted(p.name for p in (tmp_path / "planner-check").iterdir()) == files


@pytest.mark.parametrize(
    ("old", "method"),
    [("", "POST repos/o/r/issues/7/comments"), ("55", "PATCH repos/o/r/issues/comments/55")],
)
def test_the_comment_is_put_once_and_then_replaced(tmp_path: Path, old: str, method: str) -> None:
    (tmp_path / "comment.md").write_text("<!-- planner:planner.toml -->\n**Passed.**\n")
    calls = tmp_path / "calls"
    env = environment(tmp_path, CALLS=str(calls), OLD=old, GITHUB_REPOSITORY="o/r")
    done = run("comment.sh", "comment.md", "7", cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    assert f"--method {method} --field body=@comment.md" in calls.read_text()


def test_lint_names_every_wrong_file_on_a_line_of_its_own(tmp_path: Path) -> None:
    good, bad, worse = (tmp_path / f"{n}.toml" for n in ("good", "bad", "worse"))
    good.write_text(SCENARIO)
    bad.write_text(SCENARIO.replace("max_usd", "max_uds"))
    worse.write_text("[")
    command = [sys.executable, "-P", "-m", "planner", "lint", str(good), str(bad), str(worse)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 5
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == [str(bad), str(worse)]
    assert subprocess.run(command[:6], capture_output=True, check=False).returncode == 0
