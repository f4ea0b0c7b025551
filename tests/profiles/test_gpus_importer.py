"""The importer fills figures from a data folder and keeps what people reviewed."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from planner.profiles.importers.gpus import from_owned, link_of, refill

OWNED = {
    "gpu": "X1", "memory_gib": "24", "memory_bandwidth_gb_s": "1000", "fp16_dense_tflops": "100",
    "fp8_dense_tflops": "", "tdp_w": "300", "launch_msrp_usd": "999", "launch_date": "2024-01-01",
    "interconnect": "PCIe 4.0 x16", "source": "a data sheet",
}  # fmt: skip
PEAK = {"datasheet_tflops": "20", "mem_bw_datasheet": "500", "source": "a table", "device_as_reported": "X1"}
TABLES = {"specs": {}, "owned": {"X1": OWNED}, "peak": {"X1": PEAK}}


def row(**changes: str) -> dict[str, str]:
    path = Path(__file__).parents[2] / "profiles" / "data" / "gpus.csv"
    with path.open(newline="", encoding="utf-8") as handle:
        columns = next(csv.reader(handle))
    basis = {"key": "x1", "architecture": "ada", "segment": "consumer", "link_kind": "pcie"}
    return {**dict.fromkeys(columns, ""), **basis, **changes}


def test_figures_come_from_the_named_row() -> None:
    filled = refill(row(figures_from="owned:X1"), TABLES)
    assert (filled["memory_gb_per_s"], filled["fp16_tflops"], filled["bf16_tflops"]) == ("1000", "100", "100")
    assert filled["source"].startswith("a data sheet")


def test_a_cited_figure_wins_over_a_listed_one() -> None:
    filled = refill(row(figures_from="owned:X1; cited:tdp_w", tdp_w="280", cited_from="a label"), TABLES)
    assert filled["tdp_w"] == "280"
    assert "tdp_w: a label" in filled["source"]


def test_a_figure_no_source_has_any_more_is_dropped() -> None:
    assert refill(row(figures_from="", memory_gb_per_s="777"), TABLES)["memory_gb_per_s"] == ""


def test_the_matrix_rate_can_be_derived_from_the_vector_rate() -> None:
    filled = refill(row(figures_from="peak:X1@4"), TABLES)
    assert (filled["fp16_tflops"], filled["memory_gb_per_s"]) == ("80.0", "500")
    assert "4 x its listed vector rate of 20" in filled["source"]


def test_derived_figures_say_so() -> None:
    filled = refill(row(figures_from="owned:X1"), TABLES)
    assert (filled["fp8_tflops"], filled["int8_tops"]) == ("200", "400")
    assert "fp8_tflops derived = 2 x fp16" in filled["source"]


def test_turing_has_no_bf16() -> None:
    assert from_owned(OWNED, "", "turing")["bf16_tflops"] == ""


@pytest.mark.parametrize(
    ("text", "gb_per_s"),
    [
        ("NVLink, 900 GB/s one way", "900"),
        ("PCIe 5.0 x16", "64"),
        ("PCIe 4.0 x8", "16"),
        ("unified memory", ""),
        ("", ""),
    ],
)
def test_link_speed_is_read_from_the_interconnect_column(text: str, gb_per_s: str) -> None:
    assert link_of(text) == gb_per_s


def test_refilling_twice_changes_nothing() -> None:
    once = refill(row(figures_from="owned:X1; peak:X1@2"), TABLES)
    assert refill(dict(once), TABLES) == once
