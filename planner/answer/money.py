"""Dollars per million tokens, and how they are split between input and output."""

from __future__ import annotations

from planner.answer.placements import Layer, hosted_loads, usd_per_month
from planner.decide import Decided
from planner.plan import TokenPrices
from planner.pricing.money import HOURS_PER_MONTH

SPLIT_RULE = (
    "input and output share a GPU-hour by the step time of prefill and decode; total is over all tokens"
)
_SECONDS = 3600.0


def token_prices(decided: Decided, found: list[Layer]) -> TokenPrices:
    """USD per million input, output and all tokens of the month's demand."""
    dollars = {"input": 0.0, "output": 0.0}
    for layer in found:
        share = prefill_share(layer)
        usd = usd_per_month(layer, decided)
        dollars["input"] += usd * share
        dollars["output"] += usd * (1.0 - share)
    for load in hosted_loads(decided):
        dollars["input"] += load.usd_for_input
        dollars["output"] += load.usd_per_month - load.usd_for_input
    inputs, outputs = tokens_per_month(decided)
    total = sum(dollars.values())
    return TokenPrices(
        input=_per_million(dollars["input"], inputs),
        output=_per_million(dollars["output"], outputs),
        total=_per_million(total, inputs + outputs),
        rule=SPLIT_RULE,
    )


def prefill_share(layer: Layer) -> float:
    """Share of a request's step time that its prefill takes, at the batch limit."""
    e, i = layer.option.configuration.evaluation, layer.option.batch_index
    steps = e.step.steps
    prefill = max(float(steps.mixed[i] - steps.decode[i]), 0.0)
    decode = (
        e.lengths.output_tokens * float(steps.decode[i]) / float(steps.batch[i]) / e.setup.accepted_tokens
    )
    return prefill / (prefill + decode)


def tokens_per_month(decided: Decided) -> tuple[float, float]:
    """Input and output tokens of all workloads in one month."""
    inputs = outputs = 0.0
    for way in decided.ways:
        requests = way.workload.demand.mean_requests_per_s * HOURS_PER_MONTH * _SECONDS
        inputs += requests * way.workload.input_tokens.mean
        outputs += requests * way.workload.output_tokens.mean
    return inputs, outputs


def _per_million(usd: float, tokens: float) -> float | None:
    return 1e6 * usd / tokens if tokens > 0 else None
