"""Which parallel layouts a model can run in."""

from __future__ import annotations

from collections.abc import Iterator

from planner.models import Model
from planner.records import Layout


def divides(layout: Layout, model: Model) -> bool:
    """Whether heads, layers and experts split evenly; KV heads may be replicated.

    Engines refuse any other layout at start-up.
    """
    heads = model.num_heads % layout.tp == 0
    layers = model.num_layers % layout.pp == 0
    if not model.num_experts:
        return heads and layers and layout.ep == 1 and layout.dp == 1
    width = layout.tp * layout.dp
    return heads and layers and width % layout.ep == 0 and model.num_experts % layout.ep == 0


def candidate_layouts(model: Model, *, max_gpus: int) -> Iterator[Layout]:
    """Layouts worth trying inside one node: powers of two of tensor parallelism, and for mixtures of
    experts also expert parallelism with tensor- or data-parallel attention.

    Pipeline parallelism inside a node loses to tensor parallelism on linked GPUs and is left out.
    """
    width = 1
    while width <= max_gpus:
        yield from (layout for layout in _of_width(model, width) if divides(layout, model))
        width *= 2


def _of_width(model: Model, width: int) -> Iterator[Layout]:
    yield Layout(tp=width)
    if model.num_experts and width > 1:
        yield Layout(tp=width, ep=width)
        if model.attention_kind.startswith("MLA"):
            yield Layout(dp=width, ep=width)
