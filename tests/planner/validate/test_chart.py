"""Predicted against measured as a picture: what it shows, and what is said where it cannot be drawn."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from planner.cli import app
from planner.errors import InputError, MissingExtra, exit_code
from planner.validate import validate
from planner.validate.chart import Point, chart_of, write_chart

SAMPLE = Path(__file__).parents[2] / "data" / "validation" / "development_sample.csv"
POINTS = [Point("vllm", "TPOT, ms", 10.0 + i, 11.0 + i, i % 2 == 0) for i in range(12)]


def _some(tmp_path: Path) -> Path:
    """Every tenth row of the sample."""
    lines = SAMPLE.read_text(encoding="utf-8").splitlines()
    path = tmp_path / "some.csv"
    path.write_text("\n".join([lines[0], *lines[1::10]]) + "\n", encoding="utf-8")
    return path


def test_every_point_is_drawn_beside_the_line_of_equal_values() -> None:
    values = chart_of(POINTS, title="x")["data"]["values"]
    drawn = [(v["measured"], v["predicted"]) for v in values if v["inside"] != "equal"]
    assert drawn == [(p.measured, p.predicted) for p in POINTS]
    ends = [v["measured"] for v in values if v["inside"] == "equal"]
    assert (min(ends), max(ends)) == (10.0, 22.0)


def test_engines_with_few_points_share_a_panel() -> None:
    points = [*POINTS, Point("a", "TPOT, ms", 1.0, 1.0, True), Point("b", "TPOT, ms", 1.0, 1.0, True)]
    assert {v["engine"] for v in chart_of(points, title="x")["data"]["values"]} == {"vllm", "others"}
    assert {v["engine"] for v in chart_of(points[:-1], title="x")["data"]["values"]} == {"vllm", "a"}


def test_another_ending_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"chart: '\.pdf'.*\.svg or \.png"):
        validate(tmp_path / "missing.csv", chart=tmp_path / "x.pdf")


def test_without_the_library_one_line_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)  # what an installation without the extra is like
    with pytest.raises(MissingExtra, match=r"report extra") as caught:
        validate(SAMPLE, chart=tmp_path / "x.svg")
    assert exit_code(caught.value) == 8
    assert not (tmp_path / "x.svg").exists()


def test_the_command_draws_one_panel_per_engine_and_quantity(tmp_path: Path) -> None:
    pytest.importorskip("vl_convert")
    from typer.testing import CliRunner

    path, chart = _some(tmp_path), tmp_path / "chart.svg"
    result = CliRunner().invoke(app, ["validate", str(path), "--chart", str(chart), "--format", "json"])
    assert result.exit_code == 0, result.stderr
    with path.open(encoding="utf-8", newline="") as file:
        engines = {row["engine"] for row in csv.DictReader(file)}
    text = " ".join(ElementTree.parse(chart).getroot().itertext())
    assert all(name in text for name in (*engines, "TPOT, ms", "TTFT, ms", "inside the 80 % interval"))


def test_a_png_is_a_png(tmp_path: Path) -> None:
    pytest.importorskip("vl_convert")
    write_chart(tmp_path / "x.png", POINTS, title="x")
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


def test_nothing_to_draw_is_said(tmp_path: Path) -> None:
    pytest.importorskip("vl_convert")
    with pytest.raises(InputError, match="no row has both"):
        write_chart(tmp_path / "x.svg", [], title="x")
