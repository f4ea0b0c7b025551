"""Published figures as fitting material: which rows count, and how much."""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from planner.errors import DoesNotFit, ScenarioError
from planner.local.device import resolve_device
from planner.local.physics import columns
from planner.local.query import INPUT_COLUMNS, Query, read_query
from planner.local.solve import Sample, Shares, informative
from planner.local.terms import TERM_INDEX, Effects, Floats, blank_effects, groups

COMMUNITY_WEIGHT = 0.35
"""Unverified submissions, listed by speed: each counts about a third of a published figure."""
SHARE_WEIGHT = 0.3
"""A microbenchmark says how a device compares with its like, not what an engine reaches on it."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One answered row of the file, with what was measured."""

    row: int
    query: Query
    device: str
    decode: float
    prefill: float
    weight: float


@dataclass(frozen=True, slots=True)
class Share:
    """One microbenchmark of a device: a measured share of bandwidth or of the matrix rate."""

    device: str
    term: str
    share: float
    grouped: dict[str, str]


def read_figures(path: Path) -> tuple[list[Figure], dict[int, str]]:
    """Answered rows, and the reason for each row that is refused."""
    found: list[Figure] = []
    refused: dict[int, str] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for i, row in enumerate(csv.DictReader(file)):
            try:
                query = read_query({name: row[name] for name in INPUT_COLUMNS})
            except (ScenarioError, DoesNotFit) as error:
                refused[i] = str(error)
                continue
            weight = COMMUNITY_WEIGHT if row["metric"].startswith("user-submitted") else 1.0
            found.append(
                Figure(
                    i, query, row["device"], _cell(row["decode_tok_s"]), _cell(row["prefill_tok_s"]), weight
                )
            )
    return found, refused


def _cell(text: str) -> float:
    return float(text) if text.strip() else float("nan")


def read_shares(path: Path) -> list[Share]:
    """Microbenchmarks of devices in the GPU table, matrix products in 16 bits and streamed bandwidth."""
    found: dict[tuple[str, str], Share] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            try:
                device = resolve_device(row["device"])
            except (ScenarioError, DoesNotFit):
                continue
            if row["mem_bw_measured"] and row["mem_bw_datasheet"]:
                term, share = (
                    "bandwidth_share",
                    float(row["mem_bw_measured"]) / float(row["mem_bw_datasheet"]),
                )
            elif row["dtype"] in {"fp16", "bf16"} and row["measured_tflops"] and not math.isnan(device.flops):
                term, share = "compute_share", float(row["measured_tflops"]) * 1e12 / device.flops
            else:
                continue
            if 0.2 < share < 1.1 and share > (best.share if (best := found.get((device.key, term))) else 0.0):
                grouped = {
                    "all": "all", "engine": "microbenchmark", "vendor": device.vendor, "kernel": "",
                    "architecture": device.architecture, "link": "", "device": device.key,
                    "segment": f"{device.architecture}/{device.segment}",
                }  # fmt: skip
                found[device.key, term] = Share(row["device"], term, share, grouped)
    return list(found.values())


def assemble(
    figures: Sequence[Figure], shares: Sequence[Share], *, without: tuple[str, str] | None = None
) -> tuple[Effects, Sample, Shares]:
    """Zero effects for every group that occurs and matters, and the rows indexed by them.

    `without` leaves out one level of one term, to see what it is worth.
    """
    grouped = [groups(figure.query) for figure in figures]
    every = blank_effects([*grouped, *(share.grouped for share in shares)])
    names = tuple(name for name in every.names if name[:2] != without)
    every = Effects(names, np.zeros(len(names)))
    kept = informative(every, _sample(figures, every), _shares(shares, every))
    return kept, _sample(figures, kept), _shares(shares, kept)


def _sample(figures: Sequence[Figure], effects: Effects) -> Sample:
    queries = [figure.query for figure in figures]
    return Sample(
        columns(queries),
        effects.index([groups(query) for query in queries]),
        np.array([f.decode for f in figures]),
        np.array([f.prefill for f in figures]),
        _row_weights(figures),
    )


def _shares(shares: Sequence[Share], effects: Effects) -> Shares:
    return Shares(
        effects.index([share.grouped for share in shares]),
        np.array([TERM_INDEX[share.term] for share in shares], dtype=np.int64),
        np.log(np.array([share.share for share in shares])),
        np.full(len(shares), SHARE_WEIGHT),
    )


def configuration(query: Query) -> tuple[object, ...]:
    """What many rows of one source share: device, GPUs, model, format, engine."""
    return (
        query.device.key,
        query.count,
        query.cost.name,
        query.format.name,
        query.engine.key,
        query.regime,
    )


def _row_weights(figures: Sequence[Figure]) -> Floats:
    """A configuration seen n times counts as the square root of n, not n: its rows repeat one set-up."""
    seen = Counter(configuration(f.query) for f in figures)
    return np.array([f.weight / np.sqrt(seen[configuration(f.query)]) for f in figures])
