"""A model shape written out as a table of the scenario file (`[workloads.NAME.shape]`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from planner.fields import FieldError, only
from planner.modelshape import MODEL_FIELDS, Model

_MAX_COUNT = 10**8  # above any dimension, vocabulary or context of a real model
_TEXT = frozenset({"name", "architecture", "model_type", "family", "attention_kind"})
_DEFAULTS = {f.name: f.default for f in fields(Model) if f.default is not MISSING}
_CHECKS: Mapping[str, type] = {
    f.name: {"int": int, "bool": bool}.get(str(f.type), str) for f in fields(Model)
}


def parse_shape(given: object) -> Model:
    """`Model` out of a table with the fields of `Model`; layer kinds default to full attention.

    >>> parse_shape({"hidden_size": 64, "num_layers": 2, "num_heads": 4, "num_kv_heads": 2, "head_dim": 16,
    ...              "vocab_size": 100, "ffn_intermediate_size": 128}).num_full_attention_layers
    2
    """
    if isinstance(given, Model):
        return given
    if not isinstance(given, Mapping):
        raise FieldError("expected a table of sizes")
    only(given, MODEL_FIELDS)
    values: dict[str, Any] = dict.fromkeys(_TEXT, "") | {"name": "own model", "family": "unknown"}
    for name, value in given.items():
        values[name] = _checked(name, value)
    needed = [name for name in MODEL_FIELDS if name not in _DEFAULTS and name not in values]
    if needed:
        raise FieldError(f"missing {', '.join(needed)}")
    return Model(**_completed(values))


def _checked(name: str, value: object) -> object:
    kind = _CHECKS[name]
    if name == "as_of" and value is None:
        return None
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise FieldError(
            f"{str(value)[:40]!r} is not {'a whole number' if kind is int else kind.__name__}", field=name
        )
    if isinstance(value, int) and not 0 <= value <= _MAX_COUNT:
        raise FieldError(f"{value} is not a size of a model", field=name)
    return value


def _completed(values: dict[str, Any]) -> dict[str, Any]:
    for name in ("hidden_size", "num_layers", "num_heads", "num_kv_heads", "head_dim", "vocab_size"):
        if values[name] == 0:
            raise FieldError("0 is not above 0", field=name)
    values["moe_layer_interval"] = values.get("moe_layer_interval") or 1
    if values.get("num_experts") and not (
        values.get("experts_per_token") and values.get("moe_intermediate_size")
    ):
        raise FieldError("experts need experts_per_token and moe_intermediate_size", field="num_experts")
    listed = ("num_full_attention_layers", "num_sliding_layers", "num_linear_layers")
    kinds = sum(values.get(name, 0) for name in listed)
    if kinds == 0:
        values["num_full_attention_layers"] = values["num_layers"]
    elif kinds != values["num_layers"]:
        raise FieldError(f"layers by kind add up to {kinds}, not {values['num_layers']}", field="num_layers")
    if not values["attention_kind"]:
        values["attention_kind"] = "MLA" if values.get("kv_lora_rank") else "GQA"
    return values


def shape_table(model: Model) -> dict[str, Any]:
    """The table `parse_shape` reads back to the same model: fields that differ from their defaults."""
    table = {name: getattr(model, name) for name in MODEL_FIELDS}
    return {name: value for name, value in table.items() if name not in _DEFAULTS or value != _DEFAULTS[name]}
