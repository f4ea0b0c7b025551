"""Predictions of local engines: physics, refusals, and agreement with published figures."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.errors import DoesNotFit, ScenarioError
from planner.local import Query, predict, read_query
from planner.local.query import INPUT_COLUMNS

DATA = Path(__file__).parents[2] / "data" / "local"
CARDS = ["NVIDIA RTX 4090", "NVIDIA RTX 3060", "AMD RX 7900 XTX", "Apple M3 Ultra", "Intel Gaudi 2",
         "AMD Ryzen AI Max+ 395 (Radeon 8060S)", "Intel Arc B580", "AMD Instinct MI300X"]  # fmt: skip
WEIGHTS = ["Q4_K_M", "Q8_0", "F16"]


def question(**changes: str) -> dict[str, str]:
    row = {
        "device": "NVIDIA RTX 4090", "count": "1", "framework": "llama.cpp", "model": "Llama-3-8B",
        "quant": "Q4_K_M", "batch": "1", "prompt_len": "512", "gen_len": "128",
        "metric": "llama-bench pp/tg", "device_as_reported": "",
    }  # fmt: skip
    return {**row, **changes}


def speed(query: Query) -> tuple[float, float]:
    found = predict([query])[0]
    prefill = found.prefill_tokens_per_s
    return found.decode_tokens_per_s.value, prefill.value if prefill else float("nan")


def published() -> list[dict[str, str]]:
    with (DATA / "speeds.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def asked(row: Mapping[str, str]) -> dict[str, str]:
    names = {
        "device": "gpu", "count": "gpus", "framework": "engine", "model": "model",
        "quant": "weights", "batch": "requests",
        "prompt_len": "input_tokens", "gen_len": "output_tokens", "metric": "counts",
        "device_as_reported": "gpu",
    }  # fmt: skip
    return {name: row[ours] for name, ours in names.items()}


def test_published_speeds_are_met_and_held_by_the_intervals() -> None:
    rows = published()
    found = predict([read_query(asked(row)) for row in rows])
    pairs = [
        (quantity, float(row[name]))
        for row, one in zip(rows, found, strict=True)
        for name, quantity in (
            ("decode_tokens_per_s", one.decode_tokens_per_s),
            ("prefill_tokens_per_s", one.prefill_tokens_per_s),
        )
        if quantity is not None and row[name]
    ]
    assert median(abs(q.value / measured - 1) for q, measured in pairs) < 0.25
    assert sum(q.low <= measured <= q.high for q, measured in pairs) / len(pairs) > 0.65


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("weights", WEIGHTS)
def test_nothing_is_faster_than_the_data_sheet(card: str, weights: str) -> None:
    query = read_query(question(device=card, model="Llama-3.2-3B", quant=weights))
    decode, prefill = speed(query)
    active = query.cost.params_active
    assert decode <= query.device.memory_bytes_per_s / (active * query.format.bits_per_weight / 8)
    assert prefill <= query.device.flops / (2 * active)


@settings(deadline=None, max_examples=40)
@given(
    card=st.sampled_from(CARDS),
    weights=st.sampled_from(WEIGHTS),
    tokens=st.integers(16, 30_000),
    factor=st.floats(1.1, 4.0),
)
def test_longer_context_never_speeds_up_generation(
    card: str, weights: str, tokens: int, factor: float
) -> None:
    query = read_query(
        question(device=card, model="Llama-3.2-3B", quant=weights, metric="single-stream decode")
    )
    short = replace(query, input_tokens=float(tokens))
    long = replace(query, input_tokens=float(tokens * factor))
    assert speed(long)[0] <= speed(short)[0]


@settings(deadline=None, max_examples=40)
@given(card=st.sampled_from(CARDS), batch=st.floats(1, 200), factor=st.floats(1.05, 4))
def test_time_per_token_of_a_request_never_falls_as_requests_are_added(
    card: str, batch: float, factor: float
) -> None:
    query = replace(read_query(question(device=card, model="Qwen3-30B-A3B", quant="IQ2_XXS")), batch=batch)
    more = replace(query, batch=batch * factor)
    assert batch / speed(query)[0] <= batch * factor / speed(more)[0] * (1 + 1e-9)


def test_fewer_bits_generate_faster() -> None:
    speeds = [speed(read_query(question(quant=weights)))[0] for weights in ("F16", "Q8_0", "Q4_K_M")]
    assert speeds == sorted(speeds)


def test_gpus_that_take_turns_speed_up_prompts_and_not_generation() -> None:
    one = speed(read_query(question(prompt_len="4096")))
    four = speed(read_query(question(prompt_len="4096", count="4")))
    assert four[0] < one[0]
    assert four[1] > 1.5 * one[1]


def test_lengths_that_are_not_stated_are_noted() -> None:
    query = read_query(question(prompt_len="", gen_len="", metric="single-stream eval rate"))
    assert "lengths not stated" in query.notes[0]


def test_scaled_shape_widens_the_interval_and_is_noted() -> None:
    plain = predict([read_query(question(model="Qwen3-8B", metric="single-stream decode"))])[0]
    scaled = predict([read_query(question(model="Qwen3.5-9B", metric="single-stream decode"))])[0]
    wide, narrow = scaled.decode_tokens_per_s, plain.decode_tokens_per_s
    assert wide.high / wide.low > narrow.high / narrow.low
    assert any("not published here" in note for note in scaled.notes)


def test_architecture_without_figures_is_transferred_and_noted() -> None:
    found = predict([read_query(question(device="AMD Ryzen AI Max+ 395 (Radeon 8060S)"))])[0]
    assert found.decode_tokens_per_s.basis == "transferred"
    assert any("rdna3.5" in note for note in found.notes)


def test_ambiguous_card_is_read_as_the_slower_and_noted() -> None:
    query = read_query(question(device="NVIDIA RTX PRO 6000 Blackwell"))
    assert query.device.key == "rtx_pro_6000_server"
    assert "rtx_pro_6000_server" in query.notes[0]


REFUSALS = {
    "too large": (question(model="Llama-3-70B", quant="F16"), "do not fit"),
    "host processor": (question(framework="ollama cpu"), "host processor"),
    "unknown model": (question(model="Hy3-GGUF"), "unknown model"),
    "unknown format": (question(quant="best of tested"), "unknown number format"),
    "unknown device": (question(device="Graphcore Bow"), "not known"),
    "unknown metric": (question(metric="images/s"), "unknown metric"),
    "batch in words": (question(batch="many", framework="vllm"), "batch"),
}


@pytest.mark.parametrize(("row", "reason"), REFUSALS.values(), ids=REFUSALS.keys())
def test_what_cannot_be_answered_is_refused_with_the_reason(row: dict[str, str], reason: str) -> None:
    with pytest.raises((ScenarioError, DoesNotFit), match=reason):
        read_query(row)


def test_a_dual_board_holds_two_gpus() -> None:
    row = question(device="Intel Arc Pro B60", framework="vllm", device_as_reported="Arc Pro B60 Dual 48G")
    assert read_query(row).count == 2


def test_questions_have_no_measured_column() -> None:
    assert not {"prefill_tok_s", "decode_tok_s", "source", "date", "notes"} & set(INPUT_COLUMNS)
