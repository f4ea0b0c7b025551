"""Every shipped shape, and what names resolve to."""

from __future__ import annotations

import csv
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.errors import ScenarioError
from planner.models import Model, load_models, model_names, parameter_groups, resolve_model
from planner.precisions import load_precisions

SHIPPED = list(load_models().values())
NAMES = [model.name for model in SHIPPED]

# (total, active) in billions as the publishers state them or as their weight files add up, text part.
PUBLISHED = {
    "meta-llama/Meta-Llama-3.1-8B": (8.03, 8.03),
    "meta-llama/Meta-Llama-3.1-70B": (70.55, 70.55),
    "meta-llama/Meta-Llama-3.1-405B": (405.85, 405.85),
    "meta-llama/Llama-4-Maverick-17B-128E-Instruct": (400.7, 17.2),
    "deepseek-ai/DeepSeek-V3": (671.0, 37.6),
    "moonshotai/Kimi-K2-Instruct": (1026.4, 32.9),
    "Qwen/Qwen3-235B-A22B": (235.1, 22.2),
    "Qwen/Qwen3-30B-A3B": (30.5, 3.35),
    "openai/gpt-oss-120b": (116.8, 5.71),
    "openai/gpt-oss-20b": (20.9, 4.19),
    "mistralai/Mixtral-8x7B-v0.1": (46.7, 12.9),
    "Qwen/Qwen3.5-397B-A17B": (396.3, 17.35),
    "Qwen/Qwen3-Next-80B-A3B-Instruct": (79.7, 3.87),
    "zai-org/GLM-5": (743.9, 41.8),
    "meta-llama/Llama-2-70b-hf": (68.98, 68.98),
    "meta-llama/Llama-3.2-3B": (3.21, 3.21),
    "mistralai/Mistral-7B-v0.1": (7.24, 7.24),
    "mistralai/Mistral-Nemo-Instruct-2407": (12.25, 12.25),
    "Qwen/Qwen2.5-7B": (7.62, 7.62),
    "Qwen/Qwen2.5-32B": (32.76, 32.76),
    "Qwen/Qwen3-14B": (14.77, 14.77),
    "google/gemma-7b": (8.54, 8.54),
    "google/gemma-3-27b-it": (27.0, 27.0),
    "google/gemma-4-26B-A4B": (25.2, 3.8),
    "microsoft/phi-2": (2.78, 2.78),
    "microsoft/phi-4": (14.66, 14.66),
    "tiiuae/falcon-7b": (6.92, 6.92),
    "facebook/opt-66b": (65.7, 65.7),
    "EleutherAI/gpt-j-6b": (6.05, 6.05),
    "mosaicml/mpt-30b": (29.96, 29.96),
    "bigscience/bloomz-7b1": (7.07, 7.07),
    "openai-community/gpt2-xl": (1.557, 1.557),
    "bigcode/starcoder": (15.5, 15.5),
    "TinyLlama/TinyLlama-1.1B-Chat-v1.0": (1.10, 1.10),
    "HuggingFaceTB/SmolLM2-360M": (0.362, 0.362),
}

RESOLVES = [
    ("llama-3.1-70b", "meta-llama/Meta-Llama-3.1-70B", "none"),
    ("meta-llama/Llama-3.1-70B", "meta-llama/Meta-Llama-3.1-70B", "none"),
    ("meta-llama/Meta-Llama-3.1-70B-Instruct", "meta-llama/Meta-Llama-3.1-70B", "none"),
    ("Llama 3.3 70B", "meta-llama/Meta-Llama-3.1-70B", "none"),
    ("Meta-Llama-3-8B-Instruct", "meta-llama/Meta-Llama-3.1-8B", "none"),
    ("nvidia/Llama-3.1-8B-Instruct-FP8", "meta-llama/Meta-Llama-3.1-8B", "fp8"),
    ("nvidia/Llama-3.3-70B-Instruct-FP4", "meta-llama/Meta-Llama-3.1-70B", "nvfp4"),
    ("nvidia/DeepSeek-R1-NVFP4", "deepseek-ai/DeepSeek-R1", "nvfp4"),
    ("nvidia/DeepSeek-V3.1-NVFP4", "deepseek-ai/DeepSeek-V3", "nvfp4"),
    ("deepseek-r1", "deepseek-ai/DeepSeek-R1", "fp8_block"),
    ("DeepSeek-R1-671B", "deepseek-ai/DeepSeek-R1", "fp8_block"),
    ("zhipuai/GLM-5", "zai-org/GLM-5", "none"),
    ("Qwen/Qwen3-235B-A22B-FP8", "Qwen/Qwen3-235B-A22B-FP8", "fp8_block"),
    ("Qwen3.6-35B-A3B-GPTQ-Int4", "Qwen/Qwen3.5-35B-A3B", "int4"),
    ("gpt-oss-120b", "openai/gpt-oss-120b", "mxfp4"),
    ("GPT-OSS:20B", "openai/gpt-oss-20b", "mxfp4"),
    ("moonshotai/Kimi-K2.5", "moonshotai/Kimi-K2.5", "int4"),
    ("unsloth/gemma-4-26B-A4B-it-GGUF", "google/gemma-4-26B-A4B", "none"),
    ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", "Qwen/Qwen2.5-7B", "none"),
    ("Mistral-7B-v0.1", "mistralai/Mistral-7B-v0.1", "none"),
    ("llama2-70b", "meta-llama/Llama-2-70b-hf", "none"),
]


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_are_within_one_percent_of_the_published(name: str) -> None:
    total, active = PUBLISHED[name]
    assert load_models()[name].params_total / 1e9 == pytest.approx(total, rel=0.01)
    assert load_models()[name].params_active / 1e9 == pytest.approx(active, rel=0.01)


@pytest.mark.parametrize("model", SHIPPED, ids=NAMES)
def test_every_shipped_shape_is_consistent(model: Model) -> None:
    by_kind = model.num_full_attention_layers + model.num_sliding_layers + model.num_linear_layers
    assert by_kind == model.num_layers
    assert model.num_heads % model.num_kv_heads == 0
    assert bool(model.num_experts) == bool(model.experts_per_token) == bool(model.moe_intermediate_size)
    assert model.experts_per_token <= model.num_experts
    assert bool(model.sliding_window) == bool(model.num_sliding_layers) == ("sliding" in model.attention_kind)
    assert (
        bool(model.num_linear_layers)
        == bool(model.linear_num_value_heads)
        == ("linear" in model.attention_kind)
    )
    assert bool(model.kv_lora_rank) == model.attention_kind.startswith("MLA")
    assert bool(model.index_topk) == ("sparse" in model.attention_kind)
    assert model.num_moe_layers + model.num_dense_ffn_layers >= model.num_layers
    assert model.ffn_intermediate_size or not model.num_dense_ffn_layers


@pytest.mark.parametrize("model", SHIPPED, ids=NAMES)
def test_every_shipped_shape_says_where_it_comes_from(model: Model) -> None:
    assert model.source
    assert model.as_of
    assert model.family
    assert model.weight_quant == "none" or model.weight_quant in load_precisions()


@pytest.mark.parametrize("model", SHIPPED, ids=NAMES)
def test_parameter_groups_add_up(model: Model) -> None:
    groups = parameter_groups(model)
    assert sum(groups.values()) == model.params_total
    assert all(count >= 0 for count in groups.values())
    assert 0 < model.params_active <= model.params_total
    assert (groups["lm_head"] == 0) == model.tie_embeddings


@pytest.mark.parametrize(("text", "name", "quant"), RESOLVES, ids=[row[0] for row in RESOLVES])
def test_name_resolves(text: str, name: str, quant: str) -> None:
    model = resolve_model(text)
    assert (model.name, model.weight_quant) == (name, quant)


@pytest.mark.parametrize("name", NAMES)
def test_canonical_names_resolve_to_themselves(name: str) -> None:
    assert resolve_model(name) == load_models()[name]


def test_a_fine_tune_on_another_shape_is_not_taken_for_its_teacher() -> None:
    assert resolve_model("DeepSeek-R1-Distill-Llama-70B").name == "meta-llama/Meta-Llama-3.1-70B"
    with pytest.raises(ScenarioError, match="unknown model"):
        resolve_model("DeepSeek-R1-Distill-Phi")


def test_every_alias_leads_to_a_shipped_shape() -> None:
    text = (files("planner") / "data" / "model_aliases.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    aliases = [row for row in rows if row["kind"] == "alias"]
    endings = [row for row in rows if row["kind"] == "ending"]
    assert len(aliases) + len(endings) == len(rows)
    assert {row["name"] for row in aliases} <= set(model_names())
    assert all(row["text"].startswith("-") and not row["name"] for row in endings)
    assert len({(row["kind"], row["text"].casefold()) for row in rows}) == len(rows)
    assert {row["weight_quant"] for row in rows} <= {"", "none", *load_precisions()}


def test_no_alias_hides_another_model() -> None:
    text = (files("planner") / "data" / "model_aliases.csv").read_text(encoding="utf-8")
    folded = {name.casefold(): name for name in NAMES}
    for row in csv.DictReader(text.splitlines()):
        assert folded.get(row["text"], row["name"]) == row["name"]


@pytest.mark.parametrize("text", ["llama-3.1-71b", "lama-3.1-70b", "qwen3-8bb"])
def test_unknown_name_suggests_a_neighbour(text: str) -> None:
    with pytest.raises(ScenarioError, match="did you mean"):
        resolve_model(text)


@given(st.text(max_size=60))
def test_any_text_resolves_or_raises_scenario_error(text: str) -> None:
    said = ""
    try:
        assert resolve_model(text).name in load_models()
    except ScenarioError as error:
        said = str(error)
    assert "\n" not in said
