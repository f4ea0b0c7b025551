"""Files of published figures: recognised by header, answered row by row, blind to what was measured."""

from __future__ import annotations

import csv
from pathlib import Path
from statistics import median

import pytest

from planner.local import validate_rows
from planner.local.training import flop_per_token

DATA = Path(__file__).parents[2] / "data" / "local"
LLM = {
    "device": "NVIDIA RTX 4090", "count": "1", "framework": "llama.cpp", "model": "Llama-3-8B",
    "params_b": "8.03", "quant": "Q4_K_M", "batch": "1", "prompt_len": "512", "gen_len": "128",
    "prefill_tok_s": "7000", "decode_tok_s": "130", "metric": "llama-bench pp/tg", "source": "somewhere",
    "date": "2026", "notes": "TTFT 70 ms", "device_as_reported": "4090",
}  # fmt: skip
TRAINING = {
    "device": "NVIDIA H100 SXM", "count": "8", "model": "MPT-7b", "params_b": "6.65", "seq_len": "2048",
    "precision": "amp_bf16", "tok_s_per_gpu": "9000", "other_unit": "", "other_value": "",
}  # fmt: skip
OTHER = {"device": "NVIDIA H200 NVL", "count": "8", "framework": "MLPerf v5.1", "model": "retinanet",
         "precision": "int8", "metric": "throughput", "unit": "Samples/s", "value": "1"}  # fmt: skip


def answer(*rows: dict[str, str]):  # type: ignore[no-untyped-def]
    found = validate_rows(tuple(rows[0]), rows)
    assert found is not None
    return found


def test_every_row_is_answered_or_refused_in_order() -> None:
    found = answer(LLM, {**LLM, "model": "Hy3-GGUF"}, LLM)
    assert found.columns == ("prefill_tok_s", "decode_tok_s")
    assert [row.status for row in found.rows] == ["ok", "refused", "ok"]
    assert "Hy3" in found.rows[1].reason


def test_measured_columns_notes_and_sources_do_not_change_the_answer() -> None:
    blind = {"prefill_tok_s": "1", "decode_tok_s": "1", "source": "", "date": "", "notes": ""}
    assert answer(LLM).rows == answer({**LLM, **blind}).rows


def test_throughput_of_a_server_has_no_prompt_rate() -> None:
    row = {**LLM, "framework": "TensorRT-LLM 1.0", "quant": "FP8", "metric": "total output tok/s (system)",
           "batch": "offline max"}  # fmt: skip
    values = answer(row).rows[0].values
    assert values["prefill_tok_s"] is None
    assert values["decode_tok_s"] is not None


def test_other_headers_are_left_to_others() -> None:
    assert validate_rows(("id", "silicon_ttft_ms"), []) is None


def test_images_and_speech_are_refused() -> None:
    assert answer(OTHER).rows[0].status == "refused"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"other_unit": "images/s (system total)"}, "not tokens"),
        ({"precision": "fp32"}, "no training figures in"),
        ({"model": "ResNet50"}, "not a dense decoder"),
        ({"device": "AMD Instinct MI300X"}, "no training figures on"),
    ],
)
def test_training_that_has_no_figures_is_refused(change: dict[str, str], reason: str) -> None:
    assert reason in answer({**TRAINING, **change}).rows[0].reason


def test_published_training_speeds_are_met_within_a_sixth() -> None:
    with (DATA / "training.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    questions = [
        {
            **TRAINING, "device": row["gpu"], "count": row["gpus"], "model": row["model"],
            "params_b": row["billion_parameters"], "seq_len": row["sequence"], "precision": row["precision"],
        }
        for row in rows
    ]  # fmt: skip
    values = [row.values["tok_s_per_gpu"] for row in answer(*questions).rows]
    measured = [float(row["tokens_per_s_and_gpu"]) for row in rows]
    errors = [abs(q.value / m - 1) for q, m in zip(values, measured, strict=True) if q is not None]
    assert len(errors) == len(rows)
    assert median(errors) < 1 / 6


def test_attention_makes_long_sequences_dearer() -> None:
    assert flop_per_token(7e9, 32768) > 2 * flop_per_token(7e9, 2048)
