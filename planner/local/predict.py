"""Predicted speed of local engines, with 80 % intervals.

    from planner.local import predict, read_query
    decode = predict([read_query(row)])[0].decode_tokens_per_s

Rates are of the whole system: of one request in the regimes `bench`, `stream` and `whole`, of all requests
together in `saturated` and `served`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from planner.local.crossvalidate import interval_groups
from planner.local.physics import columns, rates
from planner.local.query import Query
from planner.local.store import Calibration, load_calibration
from planner.local.terms import groups
from planner.records import Basis, Quantity

WIDER = 1.25
"""Power on both interval factors for a scaled shape, or an engine or architecture without figures: there
are too few such rows, or none, to judge by."""


@dataclass(frozen=True, slots=True)
class Speed:
    """Tokens per second; `prefill_tokens_per_s` is None where the device states no matrix rate."""

    decode_tokens_per_s: Quantity
    prefill_tokens_per_s: Quantity | None
    notes: tuple[str, ...] = ()


def predict(queries: Sequence[Query], *, using: Calibration | None = None) -> list[Speed]:
    """Speed of every configuration, in order."""
    if not queries:
        return []
    known = using or load_calibration()
    index = known.effects.index([groups(query) for query in queries])
    found = rates(columns(queries), known.effects.log_terms(index))
    pairs = zip(queries, found.decode.tolist(), found.prefill.tolist(), strict=True)
    return [_speed(query, decode, prefill, known) for query, decode, prefill in pairs]


def _speed(query: Query, decode: float, prefill: float, known: Calibration) -> Speed:
    # a throughput run has no prompt rate of its own: prompts and answers are mixed in every step
    has_prefill = not math.isnan(prefill) and not query.throughput
    notes = query.notes
    if query.engine.key not in known.engines:
        notes = (*notes, f"no figures of {query.engine.key}; shares of all engines assumed")
    if query.device.architecture not in known.architectures:
        notes = (*notes, f"no figures on {query.device.architecture}; shares of all architectures assumed")
    return Speed(
        _quantity("decode", decode, query, known),
        _quantity("prefill", prefill, query, known) if has_prefill else None,
        notes,
    )


def _quantity(target: str, value: float, query: Query, known: Calibration) -> Quantity:
    seen = query.engine.key in known.engines and query.device.architecture in known.architectures
    interval = known.interval(target, interval_groups(query), known_device=query.device.key in known.devices)
    power = 1.0 if seen and not query.cost.scaled else WIDER
    basis: Basis = "calibrated" if seen else "transferred"
    return Quantity(value, value * interval.low**power, value * interval.high**power, basis)
