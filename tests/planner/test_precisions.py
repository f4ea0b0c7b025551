"""Number formats: every row, every spelling."""

from __future__ import annotations

import pytest

from planner.errors import ScenarioError
from planner.precisions import Precision, load_precisions, resolve_precision

ROWS = list(load_precisions().values())


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_every_row_is_sensible(row: Precision) -> None:
    assert 2 < row.bits_per_weight <= 32
    assert row.source
    assert row.kind in {"float", "integer", "gguf"}
    assert row.bytes_per_weight == row.bits_per_weight / 8


def test_every_spelling_belongs_to_one_format() -> None:
    spellings = [text for row in ROWS for text in (row.name, *row.aliases)]
    assert len(spellings) == len(set(spellings))
    assert all(
        resolve_precision(text.upper()).name == row.name for row in ROWS for text in (row.name, *row.aliases)
    )


@pytest.mark.parametrize(
    ("text", "name"),
    [("FP4", "nvfp4"), ("Q4_K_M", "q4_k_m"), ("GPTQ", "int4"), ("W8A8", "int8"), ("bfloat16", "bf16")],
)
def test_spelling_resolves(text: str, name: str) -> None:
    assert resolve_precision(text).name == name


def test_block_scaled_formats_cost_their_scales() -> None:
    bits = {row.name: row.bits_per_weight for row in ROWS}
    assert bits["nvfp4"] == pytest.approx(4 + 8 / 16)
    assert bits["mxfp4"] == pytest.approx(4 + 8 / 32)
    assert bits["fp8_block"] == pytest.approx(8 + 32 / 128**2, abs=1e-3)


def test_unknown_format_suggests_a_neighbour() -> None:
    with pytest.raises(ScenarioError, match=r"did you mean fp8"):
        resolve_precision("fp9")
