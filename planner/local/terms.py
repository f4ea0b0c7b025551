"""The calibrated quantities of a local engine: names, units, reasons, and the groups each is kept for.

A term of a configuration is `exp(sum of effects)` over nested groups: everything, engine and backend,
architecture, market segment within it, weight kernel, device. An effect of a group without data is 0, so an
unseen device takes what its architecture does, and an unseen architecture what all do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.local.query import Query

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Term:
    """One physical quantity; `levels` are the groups it varies over, with their prior spread (log units)."""

    name: str
    unit: str
    start: float
    """Centre of the prior, in `unit`: what one would say before seeing any of these figures."""
    levels: Mapping[str, float]
    reason: str


TERMS: tuple[Term, ...] = (
    Term(
        "bandwidth_share", "share of the data sheet's memory bandwidth", 0.75,
        {"all": 0.5, "engine": 0.3, "architecture": 0.15, "segment": 0.1, "device": 0.1},
        "weights are read once per step; refresh, page misses and narrow reads cost the rest",
    ),
    Term(
        "unpack_rate", "weights unpacked per 16-bit FLOP of the data sheet", 0.05,
        {"all": 0.7, "kernel": 0.3, "vendor": 0.5},
        "packed weights are turned into numbers by the vector units, which binds before bandwidth on small GPUs",
    ),
    Term(
        "layer_overhead", "seconds per layer and step", 2e-5,
        {"all": 0.7, "engine": 0.5, "vendor": 0.5},
        "about ten kernels are launched per layer, and one request is too small to hide that",
    ),
    Term(
        "compute_share", "share of the data sheet's 16-bit matrix rate in prompt processing", 0.4,
        {"all": 0.5, "engine": 0.4, "architecture": 0.4, "segment": 0.3, "kernel": 0.3, "device": 0.2},
        "tiles, unpacking and clocks under load",
    ),
    Term(
        "rate_exponent", "exponent of the data sheet's matrix rate over 1e14 FLOP/s", 0.8,
        {"all": 0.2, "engine": 0.2},
        "kernels written for all cards do not use the widest instructions of the fastest",
    ),
    Term(
        "attention_share", "matrix rate of attention over that of the weights", 0.5,
        {"all": 0.7, "engine": 0.5},
        "attention over long prompts is a different kernel",
    ),
    Term(
        "expert_share", "matrix rate of routed experts over that of dense weights", 0.5,
        {"all": 0.7, "engine": 0.5},
        "tokens are scattered over many small matrices",
    ),
    Term(
        "cache_penalty", "time per byte of cache over time per byte of weights", 1.3,
        {"all": 0.5, "engine": 0.5},
        "short rows per head are read less evenly than weights",
    ),
    Term(
        "tensor_exponent", "exponent of the GPU count when all work on every layer", 0.8,
        {"all": 0.2, "link": 0.2},
        "each layer ends in an exchange",
    ),
    Term(
        "pipeline_share", "share of the ideal speed-up when prompt chunks flow through GPUs in turn", 0.75,
        {"all": 0.3},
        "chunks wait for the host and for copies between GPUs",
    ),
    Term(
        "handoff", "seconds per GPU after the first and step", 1e-4,
        {"all": 0.7},
        "the running state is copied from GPU to GPU",
    ),
    Term(
        "exchange", "seconds per layer and step when more than one GPU works on it", 2e-5,
        {"all": 0.7},
        "two all-reduces per layer",
    ),
    Term(
        "request_overhead", "seconds before a streamed request is worked on", 0.02,
        {"all": 0.7, "engine": 0.6},
        "tokenising, scheduling and the first answer over HTTP are in a measured time to first token",
    ),
    Term(
        "served_share", "share of the unlimited rate left under a latency limit", 0.85,
        {"all": 0.3},
        "a server cannot fill every step when requests must not wait",
    ),
)  # fmt: skip
TERM_INDEX = {term.name: i for i, term in enumerate(TERMS)}


def groups(query: Query) -> dict[str, str]:
    """The group of a configuration at each level; "" where it takes no effect."""
    device = query.device
    return {
        "all": "all",
        "engine": query.engine.key,
        "vendor": device.vendor,
        "architecture": device.architecture,
        "segment": f"{device.architecture}/{device.segment}",
        "kernel": query.format.kernel,
        "link": device.link,
        "device": device.key,
    }


@dataclass(frozen=True, slots=True)
class Effects:
    """Effects in log units by (term, level, group); `prior` spreads them."""

    names: tuple[tuple[str, str, str], ...]
    values: Floats

    def index(self, grouped: Sequence[Mapping[str, str]]) -> Ints:
        """Positions [rows, terms, levels] of each row's effects; -1 where a group has none."""
        at = {name: i for i, name in enumerate(self.names)}
        width = max(len(term.levels) for term in TERMS)
        out = np.full((len(grouped), len(TERMS), width), -1, dtype=np.int64)
        for r, group in enumerate(grouped):
            for t, term in enumerate(TERMS):
                for k, level in enumerate(term.levels):
                    out[r, t, k] = at.get((term.name, level, group[level]), -1)
        return out

    def log_terms(self, index: Ints) -> Floats:
        """Log of each term [rows, terms]."""
        padded = np.append(self.values, 0.0)  # index -1 picks the zero
        summed: Floats = _starts() + padded[index].sum(axis=2)
        return summed


def _starts() -> Floats:
    return np.array([math.log(term.start) for term in TERMS])


def blank_effects(grouped: Sequence[Mapping[str, str]]) -> Effects:
    """Zero effects for every group that occurs."""
    names = {
        (term.name, level, group[level]): None
        for group in grouped
        for term in TERMS
        for level in term.levels
        if group[level]
    }
    return Effects(tuple(sorted(names)), np.zeros(len(names)))


def prior_spread(effects: Effects) -> Floats:
    """Prior standard deviation of each effect, log units."""
    levels = {term.name: term.levels for term in TERMS}
    return np.array([levels[name][level] for name, level, _ in effects.names])
