"""What every command does with its options, its output and its errors."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner, Result

from planner.cli.command import INTERRUPTED, command, guarded, new_app
from planner.cli.output import Output
from planner.errors import (
    DataError,
    DoesNotFit,
    Infeasible,
    InputError,
    LockMismatch,
    MissingExtra,
    NoAnswer,
    ScenarioError,
)
from planner.files import write_atomically
from planner.plan import load_plan
from planner.pricing.errors import PriceError
from planner.render.listing import Listing, Shown

SAMPLE = Path(__file__).parents[1] / "data" / "plan_sample.json"
PLANNER = [sys.executable, "-P", "-c", "from planner.cli import main; main()"]


def _run(body: Any, *arguments: str, formats: tuple[str, ...] = ("table", "json", "markdown")) -> Result:
    app = new_app()
    command(app, "first", formats=formats)(body)
    command(app, "second")(body)  # typer drops the name of an only command
    return CliRunner().invoke(app, ["first", *arguments])


def _echo(*, word: Annotated[str, typer.Option()] = "hello", out: Output) -> None:
    """Say a word."""
    out.say("working")
    out.write(f"{word} {out.format}\n")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ValueError("x"), 1),
        (Infeasible("x"), 4),
        (DoesNotFit("x"), 4),
        (ScenarioError("x"), 5),
        (DataError("x"), 5),
        (PriceError("x"), 5),
        (LockMismatch("x"), 6),
        (NoAnswer("x"), 7),
        (MissingExtra("x"), 8),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_each_error_has_its_exit_code_and_one_line(error: Exception, code: int) -> None:
    def body(*, out: Output) -> None:
        raise error

    result = _run(body)
    assert result.exit_code == code
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1 and result.stderr.startswith("planner: ")


def test_what_makes_a_question_infeasible_is_listed_with_what_would_help() -> None:
    def body(*, out: Output) -> None:
        raise Infeasible("no plan", binding=["budget"], relaxations=["budget of $20,000"])

    assert _run(body).stderr.splitlines() == [
        "planner: no plan",
        "planner:   binds: budget",
        "planner:   would help: budget of $20,000",
    ]


def test_a_traceback_appears_only_when_asked_for() -> None:
    def body(*, out: Output) -> None:
        raise KeyError("gone")

    assert "Traceback" not in _run(body).stderr
    assert "Traceback" in _run(body, "--debug").stderr
    assert "a bug" in _run(body).stderr


def test_what_a_command_returns_is_the_exit_code() -> None:
    def body(*, out: Output) -> int:
        return 4

    assert _run(body).exit_code == 4


def test_bad_usage_found_inside_a_command_is_usage() -> None:
    def body(*, out: Output) -> None:
        raise typer.BadParameter("not both")

    result = _run(body)
    assert (result.exit_code, "Usage:" in result.stderr) == (2, True)


def test_an_interrupt_exits_130_and_keeps_the_incumbent() -> None:
    class Stopped(KeyboardInterrupt):
        plan = load_plan(SAMPLE)

    def body(*, out: Output) -> None:
        raise Stopped

    result = _run(body, "--format", "json")
    assert result.exit_code == INTERRUPTED == 130
    assert result.stdout == SAMPLE.read_text()
    assert "best plan found so far" in result.stderr


def test_an_interrupt_without_incumbent_prints_no_data() -> None:
    def body(*, out: Output) -> None:
        raise KeyboardInterrupt

    result = _run(body)
    assert (result.exit_code, result.stdout, result.stderr) == (130, "", "planner: interrupted\n")


def test_data_goes_to_stdout_and_messages_to_stderr() -> None:
    result = _run(_echo, "--word", "hi")
    assert (result.stdout, result.stderr) == ("hi table\n", "working\n")


def test_quiet_leaves_the_data_only() -> None:
    assert _run(_echo, "-q").stderr == ""


@pytest.mark.parametrize(
    ("file", "format"), [("a.json", "json"), ("a.md", "markdown"), ("a.txt", "table"), ("a.csv", "table")]
)
def test_the_ending_of_the_file_chooses_the_format(tmp_path: Path, file: str, format: str) -> None:
    target = tmp_path / file
    result = _run(_echo, "-o", str(target))
    assert target.read_text() == f"hello {format}\n"
    assert result.stdout == ""
    assert f"wrote {target}" in result.stderr


def test_a_format_asked_for_wins_over_the_ending(tmp_path: Path) -> None:
    _run(_echo, "-o", str(tmp_path / "a.json"), "--format", "markdown")
    assert (tmp_path / "a.json").read_text() == "hello markdown\n"


def test_a_dash_is_stdout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert _run(_echo, "-o", "-").stdout == "hello table\n"
    assert not list(tmp_path.iterdir())


def test_a_file_is_replaced_in_one_step_and_keeps_its_permissions(tmp_path: Path) -> None:
    target = tmp_path / "plan.json"
    target.write_text("old")
    target.chmod(0o640)
    before = target.stat().st_ino
    write_atomically(target, "new")
    assert target.read_text() == "new"
    assert target.stat().st_ino != before, "the old file was written over"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert [p.name for p in tmp_path.iterdir()] == ["plan.json"], "a temporary file was left"


def test_a_new_file_has_the_permissions_the_umask_gives(tmp_path: Path) -> None:
    umask = os.umask(0o027)
    try:
        write_atomically(tmp_path / "a", "x")
    finally:
        os.umask(umask)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_a_text_that_cannot_be_encoded_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "plan.json"
    target.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(target, "half \ud800")
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["plan.json"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_atomically(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_device_is_written_to_and_not_replaced() -> None:
    write_atomically(Path(os.devnull), "x")
    assert Path(os.devnull).is_char_device()


@pytest.mark.parametrize("target", ["missing/a.json", "."])
def test_what_cannot_be_written_is_named(tmp_path: Path, target: str) -> None:
    with pytest.raises(InputError, match="cannot write"):
        write_atomically(tmp_path / target, "x")


def test_a_reader_that_stops_early_is_no_error() -> None:
    line = subprocess.run(
        ["bash", "-c", 'set -o pipefail; "$@" kernels list --format json | head -1', "_", *PLANNER],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (line.returncode, line.stdout, line.stderr) == (0, "[\n", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_named_on_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*PLANNER, "kernels", "list"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (5, "planner: stdout: cannot write: No space left on device\n")


def test_a_character_the_terminal_cannot_show_is_no_crash() -> None:
    done = subprocess.run(
        [*PLANNER, "kernels", "list"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        check=False,
    )
    assert done.returncode == 0
    assert b"Variant" in done.stdout


def test_a_list_of_rows_can_be_csv() -> None:
    def body(*, out: Output) -> None:
        out.emit(Listing("t", ({"a": 1, "b": None},), (Shown("A", lambda row: str(row["a"])),)))

    assert _run(body, "--format", "csv", formats=("table", "csv")).stdout == "a,b\n1,\n"


def test_progress_is_silent_for_work_under_ten_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    with Output("table").progress("solving") as on_progress:
        on_progress("still solving")
    assert capsys.readouterr() == ("", "")


def test_an_unfinished_command_is_guarded_the_same_way(capsys: pytest.CaptureFixture[str]) -> None:
    def body() -> int:
        raise NoAnswer("time ran out before any plan")

    assert guarded(body, Output("table")) == 7
    assert capsys.readouterr().err == "planner: time ran out before any plan\n"
