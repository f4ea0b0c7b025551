"""Which kernels the dollars run in, and how much of their time is open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from planner.answer.placements import Layer, usd_per_month
from planner.decide import Decided
from planner.kernels.registry import load_variants
from planner.plan import Finding


def openness(decided: Decided, layers: list[Layer]) -> Finding:
    """Share of step time, weighted by dollars, in kernels whose source is published under an open licence."""
    known, total = load_variants(), 0.0
    groups: dict[str, Counter[str]] = {"open": Counter(), "closed": Counter()}
    for layer in layers:
        usd = usd_per_month(layer, decided)
        for variant, seconds in _times(layer):
            total += usd * seconds
            if variant in known:
                groups["open" if known[variant].open else "closed"][variant] += usd * seconds  # type: ignore[assignment]
    words = [
        f"{100 * group.total() / total:.0f} % in {name} ones ({', '.join(v for v, _ in group.most_common())})"
        for name, group in groups.items()
        if group
    ]
    rule = decided.scenario.constraints.kernels
    text = f"kernel time by dollars: {'; '.join(words) or 'none named'}; constraints.kernels = {rule}"
    return Finding("note", "kernels", text, groups["open"].total() / total if total else None)


def _times(layer: Layer) -> Iterator[tuple[str, float]]:
    """(variant, seconds) per decode step and its share of prefills."""
    e, i = layer.option.configuration.evaluation, layer.option.batch_index
    prefills = float(e.served.batch[i]) / e.lengths.output_tokens
    for part in e.step.parts:
        yield (
            part.variant,
            float(part.seconds[i]) if part.phase == "decode" else prefills * float(part.seconds[0]),
        )
