"""The options of a scenario as arrays: for every workload and offer, the configuration that carries most."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.options.configurations import Configuration, Configurations
from planner.options.interruptions import (
    AT_ONCE,
    Assumed,
    cold_start,
    interruption_overhead,
    interruptions_per_hour,
)
from planner.options.sustain import MEMORY, NO_HEADROOM, OK, TPOT, TTFT, Slo, Sustained, sustained
from planner.pricing.offer import Offer
from planner.profiles.gpus import load_gpus
from planner.workload import Workload

VERDICTS = {
    TPOT: "misses tpot_ms even with one request in flight",
    TTFT: "misses ttft_ms even on an idle replica",
    NO_HEADROOM: "no batch size keeps waiting inside ttft_ms",
    MEMORY: "weights and one request do not fit in memory",
}
NOTHING_RUNS = "the model does not fit this GPU in any layout, or nothing measured speaks for it"


@dataclass(frozen=True, slots=True)
class Option:
    """An offer with the configuration that serves one workload on it."""

    workload: int
    offer: Offer
    configuration: Configuration
    row: int  # of the workload's `Sustained`
    batch_index: int  # of the batch limit in the evaluation
    replicas_per_unit: int
    capacity_per_s: float  # of one unit, after headroom and interruptions of work that waits
    cold_start: Assumed = AT_ONCE  # seconds


@dataclass(frozen=True, slots=True)
class Ways:
    """Every evaluated way to run one workload, and what a replica of each sustains."""

    workload: Workload
    slo: Slo
    configurations: tuple[Configuration, ...]
    load: Sustained

    def near_misses(self) -> tuple[tuple[int, float], ...]:
        """(verdict, best ms) of the least bad configuration per limit that binds."""
        found = []
        for code in (TPOT, TTFT, NO_HEADROOM):
            missed = self.load.best_ms[self.load.verdict == code]
            if missed.size:
                found.append((code, float(missed.min())))
        return tuple(found)


def ways_of(workload: Workload, configurations: Configurations, gpus: Sequence[str], most: dict[str, int], *,
            quantile: float) -> Ways:  # fmt: skip
    """Evaluate a workload on every GPU key; `most[key]` is the largest instance on offer."""
    table = load_gpus()
    found = [c for key in gpus for c in configurations.on(workload, table[key], most_gpus=most[key])]
    slo = Slo(
        None if workload.ttft_ms is None else workload.ttft_ms / 1e3,
        None if workload.tpot_ms is None else workload.tpot_ms / 1e3,
        workload.percentile,
        interactive=workload.kind != "batch",
    )
    if not found:
        none, whole = np.zeros(0), np.zeros(0, np.int64)
        load = Sustained(whole.astype(np.int8), none, none, whole, whole, none, none, none, none, none)
        return Ways(workload, slo, (), load)
    load = sustained(
        [c.evaluation for c in found], [c.spread for c in found], slo, quantile=quantile,
        demand_per_s=workload.demand.peak_requests_per_s,
        longest_input=tokens_at(workload, workload.percentile),
    )  # fmt: skip
    return Ways(workload, slo, tuple(found), load)


def tokens_at(workload: Workload, percentile: float) -> float:
    """Prompt length that `percentile` % of requests stay within."""
    below, lengths = 0.0, workload.input_tokens
    for tokens, share in lengths.histogram:
        below += share
        if below >= percentile / 100.0 - 1e-9:
            return tokens
    return lengths.longest


def options_of(index: int, ways: Ways, offers: Sequence[Offer]) -> tuple[list[Option], dict[str, list[str]]]:
    """For every offer the configuration that carries most on one unit; otherwise the offer under its reason.

    Within one offer every configuration costs the same, so only the fastest can be in a best plan.
    """
    best = _by_gpu(ways)
    options: list[Option] = []
    refused: defaultdict[str, list[str]] = defaultdict(list)
    for offer in offers:
        rows = best.get(offer.gpu)
        if rows is None:
            refused[NOTHING_RUNS].append(offer.label)
            continue
        fits = rows.gpus <= offer.gpu_count
        replicas = np.where(fits, offer.gpu_count // rows.gpus, 0)
        capacity = replicas * rows.rate
        top = int(capacity.argmax())
        if capacity[top] <= 0.0:
            refused[_why(rows, fits)].append(offer.label)
            continue
        row = int(rows.row[top])
        options.append(
            _option(index, ways, offer, row, replicas=int(replicas[top]), capacity_per_s=float(capacity[top]))
        )
    return options, dict(refused)


def _option(
    index: int, ways: Ways, offer: Offer, row: int, *, replicas: int, capacity_per_s: float
) -> Option:
    """Interruptions cost work that waits some capacity; work that cannot wait has others standing by."""
    configuration, waits = ways.configurations[row], not ways.slo.interactive
    start = cold_start(configuration.evaluation, ways.workload)
    lost = 0.5 * float(ways.load.service_s[row])  # half a request; finished ones are kept
    rate = interruptions_per_hour(offer) if waits else 0.0
    overhead = interruption_overhead(rate, restart_s=start.value, lost_s=lost)
    return Option(
        index, offer, configuration, row, int(ways.load.index[row]), replicas,
        capacity_per_s / (1.0 + overhead), start,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Rows:
    row: NDArray[np.int64]
    gpus: NDArray[np.float64]
    rate: NDArray[np.float64]
    verdict: NDArray[np.int8]


def _by_gpu(ways: Ways) -> dict[str, _Rows]:
    rows: dict[str, list[int]] = {}
    for i, c in enumerate(ways.configurations):
        rows.setdefault(c.evaluation.gpu.key, []).append(i)
    gpus = np.array([float(c.layout.gpus) for c in ways.configurations])
    made = {}
    for key, found in rows.items():
        at = np.array(found, np.int64)
        made[key] = _Rows(at, gpus[at], ways.load.requests_per_s[at], ways.load.verdict[at])
    return made


def _why(rows: _Rows, fits: NDArray[np.bool_]) -> str:
    if not fits.any():
        return "the instance has too few GPUs for the model"
    codes = Counter(v for v in rows.verdict[fits].tolist() if v != OK)
    return VERDICTS[codes.most_common(1)[0][0]]
