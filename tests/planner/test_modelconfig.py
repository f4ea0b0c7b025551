"""config.json files of every supported design, and what is refused."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.configkeys import weight_quant
from planner.errors import ScenarioError
from planner.modelconfig import parse_config
from planner.models import load_models, read_config, resolve_model

CONFIGS = Path(__file__).parents[1] / "data" / "configs"
SHIPPED_AS = {
    "llama-3.1-70b": "meta-llama/Meta-Llama-3.1-70B",
    "mixtral-8x7b": "mistralai/Mixtral-8x7B-v0.1",
    "qwen3-235b-a22b-fp8": "Qwen/Qwen3-235B-A22B-FP8",
    "deepseek-v3": "deepseek-ai/DeepSeek-V3",
    "deepseek-v3.2": "deepseek-ai/DeepSeek-V3.2",
    "kimi-k2.5": "moonshotai/Kimi-K2.5",
    "gpt-oss-120b": "openai/gpt-oss-120b",
    "minimax-m2.5": "MiniMaxAI/MiniMax-M2.5",
    "glm-5": "zai-org/GLM-5",
    "llama-4-maverick": "meta-llama/Llama-4-Maverick-17B-128E-Instruct",
    "gemma-4-26b-a4b": "google/gemma-4-26B-A4B",
    "qwen3.5-397b-a17b": "Qwen/Qwen3.5-397B-A17B",
    "qwen3-next-80b-a3b": "Qwen/Qwen3-Next-80B-A3B-Instruct",
    "mimo-7b": "XiaomiMiMo/MiMo-7B-Base",
    "mistral-7b": "mistralai/Mistral-7B-v0.1",
    "gemma-3-27b": "google/gemma-3-27b-it",
    "gpt2-xl": "openai-community/gpt2-xl",
    "falcon-7b": "tiiuae/falcon-7b",
    "phi-2": "microsoft/phi-2",
}
# Not stated in some files, and without effect on the shape.
UNSTATED = {"name", "source", "as_of", "notes", "max_context", "checkpoint_dtype"}


def _config(name: str) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((CONFIGS / f"{name}.json").read_text(encoding="utf-8"))
    return config


def _llama(**changes: object) -> dict[str, Any]:
    config = _config("llama-3.1-70b") | changes
    return {key: value for key, value in config.items() if value is not ...}


@pytest.mark.parametrize("name", SHIPPED_AS)
def test_config_gives_the_shipped_shape(name: str) -> None:
    parsed, shipped = asdict(parse_config(_config(name), name=name)), asdict(load_models()[SHIPPED_AS[name]])
    assert {k: v for k, v in parsed.items() if k not in UNSTATED} == {
        k: v for k, v in shipped.items() if k not in UNSTATED
    }


def test_every_config_in_the_folder_is_tested() -> None:
    assert {path.stem for path in CONFIGS.glob("*.json")} == set(SHIPPED_AS)


def test_gemma_pattern_leaves_every_sixth_layer_full() -> None:
    model = parse_config(_config("gemma-3-27b"), name="gemma")
    assert (model.num_full_attention_layers, model.num_sliding_layers, model.sliding_window) == (10, 52, 1024)


def test_interval_stands_in_for_missing_layer_types() -> None:
    config = _config("qwen3.5-397b-a17b")
    del config["text_config"]["layer_types"]
    assert parse_config(config, name="qwen").num_full_attention_layers == 15


def test_a_window_that_is_switched_off_is_no_window() -> None:
    config = _llama(model_type="qwen2", sliding_window=4096, use_sliding_window=False, max_window_layers=70)
    assert parse_config(config, name="q").num_sliding_layers == 0
    assert parse_config(config | {"use_sliding_window": True}, name="q").num_sliding_layers == 10


def test_flags_per_layer_count_the_dense_ones() -> None:
    config = _config("deepseek-v3") | {"first_k_dense_replace": None, "moe_layer_freq": [0, 0] + [1] * 59}
    model = parse_config(config, name="d")
    assert (model.num_moe_layers, model.num_dense_ffn_layers) == (59, 2)


REFUSED = [
    ("missing field", _llama(hidden_size=...), r"missing hidden_size"),
    ("two missing", _llama(vocab_size=..., num_hidden_layers=...), r"missing num_hidden_layers, vocab_size"),
    ("no feed-forward", _llama(intermediate_size=...), r"missing intermediate_size"),
    ("experts without width", _llama(num_experts=8, num_experts_per_tok=2), r"missing moe_intermediate_size"),
    (
        "experts without top-k",
        _llama(num_experts=8, moe_intermediate_size=64),
        r"missing num_experts_per_tok",
    ),
    ("heads do not divide", _llama(num_key_value_heads=7), r"7 does not divide the 64"),
    ("negative", _llama(hidden_size=-1), r"hidden_size: -1"),
    ("text", _llama(num_hidden_layers="eighty"), r"num_hidden_layers: eighty"),
    ("a flag", _llama(num_attention_heads=True), r"num_attention_heads: True"),
    ("absurd", _llama(vocab_size=10**30), r"vocab_size: 1000"),
    ("encoder", {"architectures": ["BertForMaskedLM"], "hidden_size": 768}, r"not a decoder-only"),
    ("encoder-decoder", _llama(is_encoder_decoder=True), r"not a decoder-only"),
    ("state space", _llama(hybrid_override_pattern="MEM*"), r"hybrid_override_pattern: .*not planned"),
    ("compressed", _llama(compress_ratios=[4, 128]), r"compress_ratios: .*not planned"),
    ("convolution", _llama(layer_types=["conv"] * 80), r"layer_types: 'conv'"),
    ("lightning", _llama(attn_type_list=[0, 1]), r"attn_type_list"),
    ("linear without sizes", _llama(layer_types=["linear_attention"] * 80), r"linear_num_value_heads"),
    ("not an object", [1, 2], r"not an object"),
]


@pytest.mark.parametrize(("config", "message"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_odd_config_is_refused_in_one_line(config: object, message: str) -> None:
    with pytest.raises(ScenarioError, match=message) as caught:
        parse_config(config, name="odd", path="odd/config.json")
    assert str(caught.value).startswith("odd/config.json: ")
    assert "\n" not in str(caught.value)


QUANTS = [
    (None, "none"),
    ({}, "none"),
    ({"quant_method": "mxfp4"}, "mxfp4"),
    ({"quant_method": "fp8", "weight_block_size": [128, 128]}, "fp8_block"),
    ({"quant_method": "fp8"}, "fp8"),
    ({"quant_method": "modelopt", "quant_algo": "NVFP4"}, "nvfp4"),
    ({"quant_method": "modelopt", "quant_algo": "FP8"}, "fp8"),
    ({"quant_method": "awq", "bits": 4}, "int4"),
    ({"quant_method": "gptq", "bits": 8}, "int8"),
    ({"quant_method": "compressed-tensors", "format": "pack-quantized"}, "int4"),
    ({"quant_method": "compressed-tensors", "format": "float-quantized"}, "fp8"),
    ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "int4"),
    ({"quant_method": "something new"}, "unknown"),
    ("text", "none"),
]


@pytest.mark.parametrize(("section", "name"), QUANTS, ids=[str(q[0])[:50] for q in QUANTS])
def test_stored_format_is_read(section: object, name: str) -> None:
    assert weight_quant(section) == name


def test_folder_and_file_both_name_a_model(tmp_path: Path) -> None:
    folder = tmp_path / "my-model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(_llama()), encoding="utf-8")
    assert read_config(folder) == resolve_model("./my-model/config.json", base_dir=tmp_path)
    assert read_config(folder).name == "my-model"


@pytest.mark.parametrize(
    ("content", "message"), [("{", "not JSON"), ("[" * 100_000, "not JSON"), ("3", "not an object")]
)
def test_broken_file_is_one_line(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "config.json").write_text(content, encoding="utf-8")
    with pytest.raises(ScenarioError, match=message):
        read_config(tmp_path)


def test_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="cannot read the model"):
        read_config(tmp_path / "nothing.json")


def test_an_upload_may_not_name_a_file() -> None:
    with pytest.raises(ScenarioError, match="files are not read here"):
        resolve_model("/etc/passwd.json")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_KEYS = sorted({key for name in SHIPPED_AS for key in _config(name)})


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(SHIPPED_AS)), st.dictionaries(st.sampled_from(_KEYS), _JSON, max_size=4))
def test_any_value_gives_a_model_or_one_line(name: str, changes: dict[str, Any]) -> None:
    try:
        model = parse_config(_config(name) | changes, name=name)
    except ScenarioError as error:
        said = str(error)
    else:
        said = ""
        assert model.params_total > 0
        by_kind = model.num_full_attention_layers + model.num_sliding_layers + model.num_linear_layers
        assert by_kind == model.num_layers
    assert "\n" not in said
