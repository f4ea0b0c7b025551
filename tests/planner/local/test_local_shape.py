"""What a token costs in a model, from shipped, hand-counted and scaled shapes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.errors import ScenarioError
from planner.local.shape import resolve_cost, scale
from planner.models import load_models, resolve_model


@pytest.mark.parametrize("name", list(load_models()))
def test_costs_add_up_to_the_parameters_of_the_shape(name: str) -> None:
    cost, model = resolve_cost(name), load_models()[name]
    assert cost.params_total == pytest.approx(model.params_total, rel=1e-9)
    assert 0 < cost.params_active <= cost.params_total
    assert cost.kv_full + cost.kv_window > 0


def test_llama_2_keeps_four_times_the_cache_of_llama_3() -> None:
    # 32 heads against 8 key heads, both 32 layers of 128
    assert resolve_cost("llama-2-7b").kv_full == 4 * resolve_cost("llama-3-8b").kv_full


def test_latent_attention_keeps_one_vector_per_layer() -> None:
    model = resolve_model("deepseek-r1")
    assert resolve_cost("deepseek-r1").kv_full == model.num_layers * (512 + 64)


def test_tunings_resolve_to_the_shape_they_keep() -> None:
    base = resolve_cost("Qwen/Qwen3.5-35B-A3B")
    assert resolve_cost("Qwen3.6-35B-A3B-abliterated-v4-GGUF") == base


def test_hand_counted_shape_matches_its_publisher() -> None:
    cost = resolve_cost("LFM2.5-8B-A1B-GGUF")  # published as 8.3B with 1.5B active
    assert cost.params_total == pytest.approx(8.3e9, rel=0.01)
    assert cost.params_active == pytest.approx(1.5e9, rel=0.05)


def test_scaled_shape_says_so_and_has_the_stated_size() -> None:
    cost = resolve_cost("Qwen3.5-9B-GGUF")
    assert cost.scaled
    assert cost.params_total == pytest.approx(9e9)


def test_private_model_is_refused() -> None:
    with pytest.raises(ScenarioError, match="BTL-4-Compact"):
        resolve_cost("BTL-4-Compact")


@given(st.floats(1e8, 1e12))
def test_scaling_keeps_a_shape_within_its_kind(params: float) -> None:
    base = resolve_cost("llama-3-8b")
    other = scale(base, params)
    assert other.params_total == pytest.approx(params)
    assert (other.kv_full > base.kv_full) == (params > base.params_total)
