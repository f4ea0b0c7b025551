"""Read a Hugging Face `config.json` into a `Model`.

One reader per aspect (attention, feed-forward, layer kinds, stored format), each looking for the keys any
publisher uses for it, so that a new model made of known parts needs no new code. A decoder built
otherwise is refused with the names of the fields that are missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from planner import configkeys as keys
from planner.errors import ScenarioError
from planner.modelshape import Model

Config = Mapping[str, Any]


def parse_config(config: object, *, name: str, path: object = None) -> Model:
    """Shape described by a parsed `config.json`; raises ScenarioError naming what is missing or odd."""
    text = _text_part(config, path)
    top = config if isinstance(config, Mapping) else {}
    architecture = _architecture(top, path)
    model_type = str(text.get("model_type") or "")
    values: dict[str, Any] = {"model_type": model_type}
    try:
        for reader in _READERS:
            values |= reader(text, values)
    except _OddError as odd:
        raise ScenarioError(str(odd), path=path, hint="a Hugging Face config.json is expected") from None
    return Model(
        name=name,
        architecture=architecture,
        family=keys.family(model_type),
        checkpoint_dtype=str(
            text.get("torch_dtype") or text.get("dtype") or top.get("torch_dtype") or "bfloat16"
        ),
        weight_quant=keys.weight_quant(text.get("quantization_config") or top.get("quantization_config")),
        source=f"config.json of {name}",
        notes="text part only" if text is not config else "",
        **values,
    )


class _OddError(ValueError):
    """A field is missing or holds what no model has."""


def _text_part(config: object, path: object) -> Config:
    if not isinstance(config, Mapping):
        raise ScenarioError("not an object", path=path, hint="a Hugging Face config.json is expected")
    for key in ("text_config", "language_config", "llm_config"):
        if isinstance(config.get(key), Mapping):
            inner: Config = config[key]
            return {**{k: config[k] for k in ("tie_word_embeddings",) if k in config}, **inner}
    return config


def _architecture(config: Config, path: object) -> str:
    listed = config.get("architectures")
    architecture = str(listed[0]) if isinstance(listed, list) and listed else ""
    generates = not architecture or any(part in architecture for part in keys.GENERATES)
    if config.get("is_encoder_decoder") or not generates:
        found = architecture or "encoder-decoder"
        raise ScenarioError(f"architectures: {found[:60]} is not a decoder-only language model", path=path)
    return architecture


def _refuse_unknown_mixers(config: Config, _: Config) -> dict[str, Any]:
    """State-space and compressed-attention layers would be priced as plain attention: refuse them by name."""
    for key in keys.OTHER_MIXERS:
        if config.get(key):
            raise _OddError(f"{key}: layers of this kind are not planned yet")
    kinds = config.get("attn_type_list")
    if isinstance(kinds, list) and any(kind != 1 for kind in kinds):
        raise _OddError("attn_type_list: lightning attention is not planned yet")
    return {}


def _integer(config: Config, key: str) -> int:
    """Value of `key`, 0 when absent or null; lists (one value per layer) must agree."""
    value = config.get(key)
    if isinstance(value, list) and value and all(v == value[0] for v in value):
        value = value[0]
    if value is None or value is False:
        return 0
    if not isinstance(value, int) or value is True or not 0 <= value <= keys.MAX_COUNT:
        raise _OddError(f"{key}: {str(value)[:40]} is not a whole number of a model's size")
    return value


def _first(config: Config, field: str) -> int:
    return next((n for key in keys.SPELLINGS[field] if (n := _integer(config, key))), 0)


def _sizes(config: Config, _: Config) -> dict[str, Any]:
    values = {field: _first(config, field) for field in keys.SPELLINGS if field != "moe_layer_interval"}
    values |= {field: _integer(config, field) for field in keys.SAME_NAME}
    values |= _dense_layers(config, values)
    missing = [keys.SPELLINGS[field][0] for field in keys.REQUIRED if not values[field]]
    if missing:
        raise _OddError(f"missing {', '.join(missing)}")
    return values


def _dense_layers(config: Config, values: Config) -> dict[str, Any]:
    """Which layers have no experts: the first few, every other, a list of them, or one flag per layer."""
    flags, listed = config.get("moe_layer_freq"), config.get("mlp_only_layers")
    if isinstance(flags, list):
        return {
            "first_dense_layers": sum(not flag for flag in flags[: values["num_layers"]]),
            "moe_layer_interval": 1,
        }
    if isinstance(listed, list) and listed:
        return {"first_dense_layers": min(len(listed), values["num_layers"]), "moe_layer_interval": 1}
    return {"moe_layer_interval": _first(config, "moe_layer_interval") or 1}


def _attention(config: Config, values: Config) -> dict[str, Any]:
    heads, model_type = values["num_heads"], values["model_type"]
    kv_heads = values["num_kv_heads"]
    if config.get("multi_query") and not config.get("new_decoder_architecture"):
        kv_heads = 1
    kv_heads = kv_heads or heads
    if heads % kv_heads:
        raise _OddError(f"num_key_value_heads: {kv_heads} does not divide the {heads} attention heads")
    head_dim = values["head_dim"] or values["hidden_size"] // heads
    if not head_dim:
        raise _OddError("missing head_dim (hidden_size is smaller than num_attention_heads)")
    tied = config.get("tie_word_embeddings")
    return {
        "num_kv_heads": kv_heads,
        "head_dim": head_dim,
        "tie_embeddings": model_type in keys.TIED_BY_DEFAULT if tied is None else bool(tied),
        "attention_gate": bool(
            config.get("attn_output_gate", model_type.startswith(("qwen3_next", "qwen3_5")))
        ),
    }


def _feed_forward(config: Config, values: Config) -> dict[str, Any]:
    model_type = values["model_type"]
    gated = model_type not in keys.UNGATED
    width = values["ffn_intermediate_size"]
    if not width and not gated:
        width = (_integer(config, "expansion_ratio") or 4) * values["hidden_size"]
    if not width and not values["num_experts"]:
        raise _OddError("missing intermediate_size")
    return {"gated_ffn": gated, "ffn_intermediate_size": width}


def _experts(config: Config, values: Config) -> dict[str, Any]:
    if not values["num_experts"]:
        return dict.fromkeys(
            (
                "experts_per_token",
                "moe_intermediate_size",
                "num_shared_experts",
                "shared_expert_intermediate_size",
            ),
            0,
        ) | {"first_dense_layers": 0, "moe_layer_interval": 1}
    expert_is_ffn = values["model_type"] in keys.EXPERT_WIDTH_IS_FFN
    width = values["moe_intermediate_size"] or (_integer(config, "intermediate_size") if expert_is_ffn else 0)
    if not width or not values["experts_per_token"]:
        wanted = "moe_intermediate_size" if not width else "num_experts_per_tok"
        raise _OddError(f"missing {wanted}, and the model has {values['num_experts']} experts")
    shared, shared_width = _shared_experts(values, width)
    return {
        "moe_intermediate_size": width,
        "num_shared_experts": shared,
        "shared_expert_intermediate_size": shared_width,
        "dense_ffn_beside_experts": bool(config.get("enable_moe_block")),
    }


def _shared_experts(values: Config, expert_width: int) -> tuple[int, int]:
    """(count, width of all together): some publishers give the count, some the width, Llama 4 neither."""
    if values["model_type"] == "llama4_text":
        return 1, expert_width
    count, width = values["num_shared_experts"], values["shared_expert_intermediate_size"]
    if width:
        return count or 1, width
    return count, count * expert_width


def _layer_kinds(config: Config, values: Config) -> dict[str, Any]:
    layers, window = values["num_layers"], values["sliding_window"]
    kinds = config.get("layer_types")
    if isinstance(kinds, list) and kinds:
        listed = [keys.LAYER_KINDS.get(str(kind)) for kind in kinds[:layers]]
        if None in listed:
            raise _OddError(f"layer_types: {str(kinds[listed.index(None)])[:40]!r} is not planned yet")
        linear, sliding = listed.count("linear"), listed.count("sliding")
    elif interval := _integer(config, "full_attention_interval"):
        linear, sliding = layers - layers // interval, 0
    else:
        linear, sliding = 0, _sliding_layers(config, values)
    if linear and not values["linear_num_value_heads"]:
        raise _OddError(f"missing linear_num_value_heads, and {linear} layers are not attention layers")
    if not window:
        sliding = 0
    return {
        "sliding_window": window if sliding else 0,
        "num_linear_layers": linear,
        "num_sliding_layers": sliding,
        "num_full_attention_layers": layers - linear - sliding,
        "attention_kind": _attention_kind(values, linear=linear, sliding=sliding),
    }


def _sliding_layers(config: Config, values: Config) -> int:
    """Layers with a window where the config lists no kinds: by pattern, by family, or all."""
    layers = values["num_layers"]
    if not values["sliding_window"]:
        return 0
    if pattern := _integer(config, "sliding_window_pattern"):
        return int(layers - layers // pattern)
    by_family = {"gemma2": 2, "gemma3": 6, "gemma3_text": 6, "gemma4_text": 6, "gpt_oss": 2}
    if every := by_family.get(values["model_type"]):
        return int(layers - layers // every)
    if values["model_type"] in keys.WINDOW_OFF_BY_DEFAULT or "use_sliding_window" in config:
        return (
            max(0, int(layers - _integer(config, "max_window_layers")))
            if config.get("use_sliding_window")
            else 0
        )
    return int(layers)


def _attention_kind(values: Config, *, linear: int, sliding: int) -> str:
    kind = "MLA" if values["kv_lora_rank"] else "GQA"
    sparse = "+sparse" if values["index_topk"] else ""
    return kind + sparse + ("+sliding" if sliding else "") + ("+linear" if linear else "")


_READERS: tuple[Callable[[Config, Config], dict[str, Any]], ...] = (
    _refuse_unknown_mixers, _sizes, _attention, _feed_forward, _experts, _layer_kinds,
)  # fmt: skip
