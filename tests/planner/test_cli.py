"""The commands, as a person or a pipeline calls them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from planner.cli import app


def _planner(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments], prog_name="planner")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test runs in an empty folder, so that no scenario is found by accident."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PLANNER_CONFIG", raising=False)


COMMANDS = (
    ("init",), ("recommend",), ("estimate",), ("validate",), ("prices", "show"), ("kernels", "list"),
    ("profile", "show"), ("doctor",),
)  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS, ids=" ".join)
def test_every_command_has_help_and_the_shared_options(name: tuple[str, ...]) -> None:
    shown = _planner(*name, "--help").stdout
    for option in ("--format", "--output", "--quiet", "--debug", "--no-color"):
        assert option in shown


def test_init_writes_a_scenario_that_loads() -> None:
    from planner import load_scenario

    assert _planner("init").exit_code == 0
    assert load_scenario("planner.toml").workloads


def test_init_overwrites_only_by_force() -> None:
    Path("planner.toml").write_text("# mine")
    assert _planner("init").exit_code == 5
    assert Path("planner.toml").read_text() == "# mine"
    assert _planner("init", "--force").exit_code == 0
    assert Path("planner.toml").read_text() != "# mine"


def test_init_to_stdout_writes_no_file() -> None:
    assert "[workloads." in _planner("init", "-o", "-").stdout
    assert not Path("planner.toml").exists()


def test_prices_are_sorted_and_carry_every_column() -> None:
    shown = _planner("prices", "show", "--gpu", "h100_sxm", "--format", "csv").stdout
    rows = list(csv.DictReader(io.StringIO(shown)))
    amounts = [float(row["usd_per_gpu_hour"]) for row in rows]
    assert amounts == sorted(amounts)
    assert {row["gpu"] for row in rows} == {"h100_sxm"}
    assert rows[0].keys() >= {"seller", "term", "source", "as_of", "licence", "flags"}


def test_the_cheapest_of_each_gpu_are_as_many_as_asked_for() -> None:
    rows = json.loads(_planner("prices", "show", "--cheapest", "2", "--format", "json").stdout)
    names = [row["gpu"] for row in rows]
    assert max(names.count(name) for name in names) == 2


def test_the_age_of_a_price_is_counted_from_the_day_asked_for() -> None:
    arguments = ("prices", "show", "--gpu", "h100_sxm", "--format", "json", "--as-of")
    ages = [
        {
            row["age_days"]
            for row in json.loads(_planner(*arguments, day).stdout)
            if row["as_of"] == "2026-08-22"
        }
        for day in ("2026-08-22", "2026-08-25")
    ]
    assert ages == [{0}, {3}]


def test_an_undated_price_has_no_age() -> None:
    rows = json.loads(_planner("prices", "show", "--gpu", "h100_sxm", "--format", "json").stdout)
    assert {row["age_days"] for row in rows if row["as_of"] is None} == {None}


def test_filters_of_prices_narrow_together() -> None:
    shown = _planner("prices", "show", "--zone", "eu", "--term", "spot", "--format", "json").stdout
    assert {(row["zone"], row["term"]) for row in json.loads(shown)} == {("eu", "spot")}


def test_own_prices_are_shown_in_place_of_the_shipped_ones(tmp_path: Path) -> None:
    own = tmp_path / "mine.csv"
    shipped = _planner("prices", "show", "--cheapest", "1", "--gpu", "h100_sxm", "-q", "-o", str(own))
    assert shipped.exit_code == 0
    again = _planner("prices", "show", "--prices", str(own), "--format", "csv")
    assert again.stdout.splitlines()[0].split(",")[0] == "seller"
    assert len(again.stdout.splitlines()) == 2


@pytest.mark.parametrize("flag", ["open", "portable"])
def test_kernels_are_filtered_by_what_one_may_do_with_them(flag: str) -> None:
    rows = json.loads(_planner("kernels", "list", f"--{flag}", "--format", "json").stdout)
    assert rows
    assert all(row[flag] for row in rows)


def test_kernels_of_an_op_and_engine_have_both() -> None:
    rows = json.loads(
        _planner("kernels", "list", "--op", "gemm", "--engine", "vllm", "--format", "json").stdout
    )
    assert all("gemm" in row["ops"] and "vllm" in row["engines"] for row in rows)
    assert rows


def test_profiles_of_a_gpu_are_its_own() -> None:
    rows = json.loads(_planner("profile", "show", "h100_sxm", "--op", "gemm", "--format", "json").stdout)
    assert {(row["system"], row["op"]) for row in rows} == {("h100_sxm", "gemm")}


def test_doctor_names_what_it_checked() -> None:
    result = _planner("doctor", "--format", "json")
    checks = {row["name"]: row["state"] for row in json.loads(result.stdout)}
    assert checks.keys() >= {"versions", "solver", "prices", "profiles", "GPU", "[kernels]"}
    assert checks["solver"] == "ok"
    assert result.exit_code == (8 if "missing" in checks.values() else 0)


def test_the_scenario_found_is_named_on_stderr() -> None:
    Path("planner.toml").write_text("[workloads]")
    result = _planner("recommend")
    assert "scenario: " in result.stderr and "planner.toml" in result.stderr
    assert result.stdout == ""
