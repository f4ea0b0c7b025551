"""Importing the published shapes twice changes nothing, and keeps what was added by hand."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from planner.importers import models as importer
from planner.modelshape import MODEL_FIELDS

TINY = {
    "model": "x/Tiny",
    "architecture": "LlamaForCausalLM",
    "model_type": "llama",
    "attention_kind": "GQA",
    "hidden_size": "64",
    "num_layers": "2",
    "num_heads": "4",
    "num_kv_heads": "2",
    "head_dim": "16",
    "ffn_intermediate_size": "128",
    "vocab_size": "100",
    "num_full_attention_layers": "2",
    "weight_quant": "fp8_block128x128",
    "params_note": "",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "profiles").mkdir()
    text = io.StringIO()
    csv.writer(text).writerows([TINY.keys(), TINY.values()])
    (tmp_path / "profiles" / "models.csv").write_text(text.getvalue(), encoding="utf-8")
    return tmp_path


def test_rows_are_in_our_columns_and_words(folder: Path) -> None:
    row = importer.convert(TINY)
    assert set(row) == set(MODEL_FIELDS)
    assert (row["name"], row["family"], row["weight_quant"]) == ("x/Tiny", "llama", "fp8_block")
    assert row["source"] and row["as_of"]


def test_importing_twice_gives_the_same_file_and_keeps_other_rows(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = folder / "ours.csv"
    monkeypatch.setattr(importer, "TARGET", target)
    assert importer.main([str(folder)]) == 0
    target.write_text(target.read_text() + "by/Hand" + "," * (len(MODEL_FIELDS) - 1) + "\n", encoding="utf-8")
    assert importer.main([str(folder)]) == 0
    first = target.read_text()
    assert importer.main([str(folder)]) == 0
    assert target.read_text() == first
    assert [row["name"] for row in csv.DictReader(first.splitlines())] == ["x/Tiny", "by/Hand"]


def test_without_a_folder_it_says_how_to_call_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert importer.main([]) == 2
    assert "DATA_DIR" in capsys.readouterr().err
