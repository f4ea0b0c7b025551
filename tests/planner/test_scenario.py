"""The records of the question: complete after loading, and the same when written and read back."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.demand import PRESETS
from planner.inputs import changed, loads, scaled
from planner.models import load_models
from planner.profiles.gpus import load_gpus
from planner.scenario import Scenario
from planner.vocabulary import ENGINES, VENDORS

CHAT: dict[str, Any] = {
    "model": "llama-3.1-70b",
    "requests_per_s": 12,
    "input_tokens": 1024,
    "output_tokens": 256,
    "ttft_ms": 1000,
    "tpot_ms": 50,
}


def _scenario(**workload: object) -> Scenario:
    table = {k: v for k, v in (CHAT | workload).items() if v is not ...}
    return Scenario.model_validate({"workloads": {"chat": table}})


def test_a_workload_is_complete_after_loading() -> None:
    chat = _scenario().workloads["chat"]
    assert chat.name == "chat"
    assert chat.shape.name == "meta-llama/Meta-Llama-3.1-70B"
    assert chat.demand.peak_requests_per_s == 12
    assert (chat.input_tokens.mean, chat.output_tokens.mean) == (1024, 256)
    assert (chat.percentile, chat.accepted_tokens, chat.stream_interval) == (95, 1, 1)


def test_formats_default_to_the_published_one() -> None:
    assert _scenario().workloads["chat"].weight_precisions == ("bf16",)
    assert _scenario(model="gpt-oss-120b").workloads["chat"].weight_precisions == ("mxfp4",)
    assert _scenario(model="deepseek-r1").workloads["chat"].weight_precisions == ("fp8_block",)


def test_formats_are_canonical_and_once() -> None:
    chat = _scenario(weight_precisions=["FP4", "nvfp4", "bfloat16"]).workloads["chat"]
    assert chat.weight_precisions == ("nvfp4", "bf16")


def test_limits_are_optional() -> None:
    chat = _scenario(ttft_ms=..., tpot_ms=...).workloads["chat"]
    assert (chat.ttft_ms, chat.tpot_ms) == (None, None)


def test_every_form_of_demand_is_one_demand() -> None:
    periods = [{"hours_per_month": 730, "requests_per_s": 12}]
    one = _scenario().workloads["chat"].demand
    for form in ({"demand": {"periods": periods}}, {"demand": periods}, {"periods": periods}):
        assert _scenario(requests_per_s=..., **form).workloads["chat"].demand == one
    preset = {"preset": "constant", "peak_requests_per_s": 12}
    assert _scenario(requests_per_s=..., demand=preset).workloads["chat"].demand == one


def test_a_batch_has_a_volume_and_a_deadline() -> None:
    batch = _scenario(kind="batch", requests_per_s=..., requests=7_200_000, deadline_hours=200).workloads[
        "chat"
    ]
    assert batch.demand.peak_requests_per_s == pytest.approx(10)


def test_the_vocabulary_covers_every_gpu_in_the_table() -> None:
    gpus = load_gpus().values()
    assert {gpu.vendor for gpu in gpus} <= set(VENDORS)
    assert {engine for gpu in gpus for engine in gpu.supports} <= set(ENGINES)


def test_speculation_speeds_up_by_its_accepted_tokens() -> None:
    assert _scenario(speculative={"accepted_tokens": 1.7}).workloads["chat"].accepted_tokens == 1.7
    assert _scenario(speculative="none").workloads["chat"].accepted_tokens == 1


def test_records_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        _scenario().workloads["chat"].ttft_ms = 3  # type: ignore[misc]


def test_scenarios_survive_pickling() -> None:
    scenario = _scenario()
    assert pickle.loads(pickle.dumps(scenario)) == scenario


def test_digest_ignores_spelling_and_notices_meaning() -> None:
    digest = _scenario().digest
    assert _scenario(requests_per_s=12.0, weight_precisions=["bfloat16"]).digest == digest
    assert _scenario(ttft_ms=1001).digest != digest
    assert len(digest) == 64


def test_changed_replaces_by_path_and_checks_again() -> None:
    scenario = changed(_scenario(), {"workloads.chat.tpot_ms": 40, "constraints.zones": ["eu"]})
    assert scenario.workloads["chat"].tpot_ms == 40
    assert scenario.constraints.zones == ("eu",)
    assert changed(scenario, {"constraints.zones": None}).constraints.zones is None


def test_a_new_rate_takes_the_place_of_any_other_demand() -> None:
    busy = _scenario(requests_per_s=..., demand={"preset": "bursty", "peak_requests_per_s": 5})
    assert changed(busy, {"workloads.chat.requests_per_s": 3}).workloads[
        "chat"
    ].demand.mean_requests_per_s == (pytest.approx(3))


def test_a_new_model_brings_its_own_shape() -> None:
    assert (
        changed(_scenario(), {"workloads.chat.model": "qwen3-8b"}).workloads["chat"].shape.name
        == "Qwen/Qwen3-8B"
    )


def test_scaled_multiplies_demand() -> None:
    assert scaled(_scenario(), 2.5).workloads["chat"].demand.peak_requests_per_s == pytest.approx(30)


share = st.floats(0, 1)
usd = st.floats(0.01, 1e6)
lengths = st.one_of(
    st.integers(1, 100_000),
    st.builds(
        lambda mean, ratio: {"mean": mean, "p95": mean * ratio}, st.integers(10, 9999), st.floats(1.01, 3.8)
    ),
    st.lists(st.tuples(st.integers(1, 9999), st.floats(0.01, 9)), min_size=1, max_size=6).map(
        lambda pairs: {"histogram": [list(p) for p in pairs]}
    ),
    st.integers(10, 9999).map(lambda n: {"nominal": n, "randomised": True}),
)
demands = st.one_of(
    st.floats(1e-3, 1e4).map(lambda r: {"requests_per_s": r}),
    st.builds(
        lambda name, peak: {"demand": {"preset": name, "peak_requests_per_s": peak}},
        st.sampled_from(sorted(PRESETS)),
        st.floats(0.01, 1e4),
    ),
    st.lists(st.tuples(st.floats(0.5, 70), st.floats(0.01, 1e4)), min_size=1, max_size=8).map(
        lambda rows: {"periods": [{"hours_per_month": h, "requests_per_s": r} for h, r in rows]}
    ),
)
workloads = st.builds(
    lambda demand, fixed, extra: fixed | demand | extra,
    demands,
    st.fixed_dictionaries(
        {"model": st.sampled_from(sorted(load_models())), "input_tokens": lengths, "output_tokens": lengths}
    ),
    st.fixed_dictionaries(
        {},
        optional={
            "ttft_ms": st.floats(1, 1e5),
            "tpot_ms": st.floats(0.1, 1e3),
            "percentile": st.floats(50, 99.9),
            "prefix_cache_share": st.floats(0, 0.99),
            "weight_precisions": st.lists(st.sampled_from(["bf16", "fp8", "nvfp4", "q4_k_m"]), min_size=1),
            "kv_precisions": st.lists(st.sampled_from(["bf16", "fp8"]), min_size=1),
            "stream_interval": st.integers(1, 50),
            "speculative": st.one_of(st.just("none"), st.floats(1, 5).map(lambda x: {"accepted_tokens": x})),
        },
    ),
)
scenarios = st.fixed_dictionaries(
    {
        "workloads": st.dictionaries(
            st.from_regex(r"[a-z][a-z0-9-]{0,10}", fullmatch=True), workloads, min_size=1, max_size=3
        )
    },
    optional={
        "constraints": st.fixed_dictionaries(
            {},
            optional={
                "zones": st.just(["eu", "us"]),
                "terms": st.just(["spot"]),
                "kernels": st.sampled_from(["any", "open", "portable"]),
                "max_spot_share": share,
                "budget_usd_per_month": usd,
                "quantile": st.floats(0.5, 0.99),
            },
        ),
        "owned": st.lists(
            st.fixed_dictionaries(
                {"gpu": st.just("rtx_4090"), "count": st.integers(1, 64), "purchase_usd": usd},
                optional={"site": st.fixed_dictionaries({"pue": st.floats(1, 2), "zone": st.just("eu")})},
            ),
            max_size=2,
        ),
        "policy": st.fixed_dictionaries({}, optional={"max_usd_per_month": usd, "max_spot_share": share}),
    },
)


@settings(max_examples=100, deadline=None)
@given(scenarios)
def test_writing_and_reading_back_changes_nothing(document: dict[str, Any]) -> None:
    scenario = Scenario.model_validate(document)
    again = loads(scenario.text, format="json")
    assert again.text == scenario.text
    assert again.digest == scenario.digest
    for name, workload in scenario.workloads.items():
        assert again.workloads[name].demand == workload.demand
        assert again.workloads[name].input_tokens == workload.input_tokens
        assert again.workloads[name].shape == workload.shape
