"""What one token costs in a model: parameters read, cache read and attention work.

Taken from the shipped shapes, from a few more in `data/local_shapes.csv`, or, where only the size of a
well-known dense design is public, scaled from its nearest relative (`scaled` is then true).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache

from planner.errors import DoesNotFit, ScenarioError
from planner.local.tables import rows
from planner.models import Model, load_models, parameter_groups, resolve_model

_SIZE = re.compile(r"(?<![a-z0-9.])(\d+(?:\.\d+)?)b(?![a-z0-9])")
_ROUTED = re.compile(r"\d+x\d+b|-a\d+(\.\d+)?b")


@dataclass(frozen=True, slots=True)
class TokenCost:
    """Counts per token; parameters, cache elements and multiply-adds, no bytes yet."""

    name: str
    always_params: float
    """Parameters every token passes: mixers, dense and shared feed-forward, output layer."""
    expert_params: float
    experts: float
    experts_per_token: float
    embedding_params: float
    """Held in memory and only looked up (0 when tied to the output layer)."""
    layers: float
    kv_full: float
    """Cache elements per token of context in layers that see all of it."""
    kv_window: float
    window: float
    attention_full: float
    """FLOP per pair of tokens in layers that see everything."""
    attention_window: float
    stored_as: str = "none"
    scaled: bool = False

    @property
    def params_total(self) -> float:
        """All parameters held in memory."""
        return self.always_params + self.expert_params + self.embedding_params

    @property
    def params_active(self) -> float:
        """Parameters one token passes, embedding look-up left out."""
        share = self.experts_per_token / self.experts if self.experts else 0.0
        return self.always_params + share * self.expert_params


def token_cost(model: Model) -> TokenCost:
    """Costs of a shape.

    >>> cost = token_cost(resolve_model("llama-3.1-8b"))
    >>> round(cost.params_active / 1e9, 2), cost.kv_full
    (7.5, 65536.0)
    """
    groups = parameter_groups(model)
    experts = groups["experts"]
    full, sliding = model.num_full_attention_layers, model.num_sliding_layers
    wide_dim = model.global_head_dim or model.head_dim
    wide_kv = model.global_num_kv_heads or model.num_kv_heads
    kv_full = 2.0 * full * wide_kv * wide_dim
    attention_full = 4.0 * full * model.num_heads * wide_dim
    if model.kv_lora_rank:
        kv_full = float(model.num_layers * (model.kv_lora_rank + model.qk_rope_head_dim))
        widths = model.qk_nope_head_dim + model.qk_rope_head_dim + model.v_head_dim
        attention_full = 2.0 * model.num_layers * model.num_heads * widths
    return TokenCost(
        name=model.name,
        always_params=sum(groups.values()) - experts - (0.0 if model.tie_embeddings else groups["embedding"]),
        expert_params=experts,
        experts=float(model.num_experts),
        experts_per_token=float(model.experts_per_token),
        embedding_params=0.0 if model.tie_embeddings else groups["embedding"],
        layers=float(model.num_layers),
        kv_full=kv_full,
        kv_window=2.0 * sliding * model.num_kv_heads * model.head_dim,
        window=float(model.sliding_window),
        attention_full=attention_full,
        attention_window=4.0 * sliding * model.num_heads * model.head_dim,
        stored_as=model.weight_quant,
    )


@cache
def resolve_cost(text: str) -> TokenCost:
    """Costs of the model a name means; raises ScenarioError when its shape is not known.

    >>> resolve_cost("Qwen3.5-9B").scaled
    True
    """
    try:
        return token_cost(resolve_model(text))
    except (ScenarioError, DoesNotFit) as error:
        unknown = error
    folded = text.casefold().replace("_", "-")
    for row in rows("models"):
        if row["text"] not in folded:
            continue
        if row["kind"] == "alias":
            return _known(row["name"])
        if size := _stated_size(folded):
            return scale(_known(row["name"]), size)
    raise unknown


@cache
def _known(name: str) -> TokenCost:
    if name in load_models():
        return token_cost(load_models()[name])
    row = next(r for r in rows("shapes") if r["name"] == name)
    return TokenCost(
        name=name,
        always_params=float(row["always_params"]),
        expert_params=float(row["expert_params"]),
        experts=float(row["experts"]),
        experts_per_token=float(row["experts_per_token"]),
        embedding_params=float(row["embedding_params"]),
        layers=float(row["layers"]),
        kv_full=float(row["kv_full"]),
        kv_window=float(row["kv_window"]),
        window=float(row["window"]),
        attention_full=float(row["attention_full"]),
        attention_window=float(row["attention_window"]),
    )


def _stated_size(folded: str) -> float | None:
    """Parameters a name states, when it names a dense model: `9b`, but not `35b-a3b`, `8x7b` or `e4b`."""
    found = None if _ROUTED.search(folded) else _SIZE.search(folded)
    return float(found[1]) * 1e9 if found else None


def scale(cost: TokenCost, params: float) -> TokenCost:
    """A dense relative of another size: layers and width both grow with the cube root of parameters."""
    ratio = params / cost.params_total
    side = ratio ** (1 / 3)
    return replace(
        cost,
        name=f"{cost.name} scaled to {params / 1e9:g}B",
        always_params=cost.always_params * ratio,
        embedding_params=cost.embedding_params * ratio,
        layers=max(1.0, round(cost.layers * side)),
        kv_full=cost.kv_full * side,
        kv_window=cost.kv_window * side,
        attention_full=cost.attention_full * side**2,
        attention_window=cost.attention_window * side**2,
        scaled=True,
    )
