"""An estimate taken apart: its parts add up to what it shows, and say what was assumed."""

from __future__ import annotations

from typing import Any

import pytest

import planner
from planner.errors import InputError
from planner.records import Explanation

GIB = 2.0**30
CASES: tuple[dict[str, Any], ...] = (
    {"model": "llama-3.1-70b", "gpu": "h100_sxm", "tp": 4, "concurrency": 32},
    {"model": "Qwen/Qwen3-Next-80B-A3B-Instruct", "gpu": "b200_sxm", "tp": 2, "concurrency": 16, "engine": "sglang"},
    {"model": "gpt-oss-120b", "gpu": "h200_sxm", "concurrency": 48, "engine": "trtllm", "lengths": "fixed"},
    {"model": "deepseek-v3", "gpu": "b200_sxm", "tp": 8, "ep": 8, "concurrency": 600, "max_running": 256,
     "accepted_tokens": 1.7, "engine": "sglang", "stream_interval": 30},
    {"model": "deepseek-v3", "gpu": "h200_sxm", "dp": 8, "ep": 8, "concurrency": 128, "engine": "trtllm"},
)  # fmt: skip


@pytest.fixture(scope="module", params=CASES, ids=lambda c: f"{c['model']} {c['gpu']}")
def found(request: pytest.FixtureRequest) -> Explanation:
    return planner.explain_estimate(**request.param)


def test_it_explains_the_estimate_of_the_same_question() -> None:
    for case in CASES[:2]:
        assert planner.explain_estimate(**case).estimate == planner.estimate(**case)


def test_weights_by_name_are_all_weights(found: Explanation) -> None:
    assert sum(b.bytes for b in found.weights) / GIB == pytest.approx(found.estimate.memory_gib.weights)


def test_the_cache_by_name_is_all_of_the_cache(found: Explanation) -> None:
    one = sum(b.bytes for b in found.cache_per_request)
    assert found.requests_in_cache * one / GIB == pytest.approx(found.estimate.memory_gib.kv)


def test_terms_add_up_to_both_times(found: Explanation) -> None:
    tpot, ttft = found.estimate.tpot_ms, found.estimate.ttft_ms
    assert tpot and ttft
    assert sum(t.ms for t in found.tpot) == pytest.approx(tpot.value)
    assert sum(t.ms for t in found.ttft) == pytest.approx(ttft.value)
    assert all(t.ms >= 0 and t.made_of for t in (*found.tpot, *found.ttft))


def test_server_client_queue_and_burst_stand_apart(found: Explanation) -> None:
    server = found.estimate.server_ttft_ms
    assert server
    names = {t.name: t.ms for t in found.ttft}
    assert sum(ms for name, ms in names.items() if name.startswith("server")) == pytest.approx(server.value)
    assert {"client: until it is seen", "queue", "opening burst"} <= set(names)


def test_calls_of_a_decode_step_add_up_to_its_term(found: Explanation) -> None:
    said = {s.name: s.value for s in found.settings}
    accepted = 1.7 if said["accepted_tokens"].startswith("1.7") else 1.0
    decode = sum(t.ms for t in found.step if t.phase == "decode")
    assert decode / accepted == pytest.approx(
        next(t.physics_ms for t in found.tpot if t.name == "decode step")
    )


def test_every_setting_is_there_and_says_whether_it_was_stated() -> None:
    said = {s.name: s for s in planner.explain_estimate(**CASES[3]).settings}
    assert said["max_running"].value == "at most 256 running requests"
    assert {n for n, s in said.items() if s.stated} == {"max_running", "accepted_tokens", "stream_interval"}
    assert {"kv_precision", "engine_version", "scheduler", "cuda_graphs", "random_lengths"} <= set(said)


def test_requests_beyond_a_stated_limit_queue() -> None:
    free, limited = (planner.explain_estimate(**CASES[0] | {"max_running": n}) for n in (None, 8))
    assert limited.requests_in_cache == 8
    assert next(t.ms for t in free.ttft if t.name == "queue") == 0
    assert next(t.ms for t in limited.ttft if t.name == "queue") > 0


def test_half_a_block_is_lost_per_request() -> None:
    rounding = {c["engine"]: planner.explain_estimate(**c).cache_per_request[-1] for c in CASES[1:3]}
    assert rounding["sglang"].bytes == 0
    assert rounding["trtllm"].bytes == 15.5 * 2 * 18 * 8 * 64 * 2, (
        "the full layers; the others are at their window"
    )


def test_single_request_engines_are_predicted_as_a_whole() -> None:
    with pytest.raises(InputError, match="explain"):
        planner.explain_estimate(model="llama-3.1-8b", gpu="rtx_4090", engine="llama.cpp")
