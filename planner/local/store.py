"""The shipped calibration: effects of terms and interval factors, read once per process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import numpy as np

from planner.local.crossvalidate import Interval
from planner.local.tables import rows
from planner.local.terms import Effects, Ints

EFFECT_COLUMNS = ("term", "level", "group", "log_effect", "figures", "source", "as_of")
INTERVAL_COLUMNS = ("target", "group", "known_device", "low", "high", "rows", "source", "as_of")


@dataclass(frozen=True, slots=True)
class Calibration:
    """Effects and interval factors, with the devices, architectures and engines they were learned on."""

    effects: Effects
    intervals: Mapping[tuple[str, str, bool], Interval]
    devices: frozenset[str]
    architectures: frozenset[str]
    engines: frozenset[str]

    def interval(self, target: str, groups: Iterable[str], *, known_device: bool) -> Interval:
        """Factors of the first of the groups that had rows enough."""
        keys = ((target, group, known_device) for group in groups)
        return next(self.intervals[key] for key in keys if key in self.intervals)


@cache
def load_calibration() -> Calibration:
    """The calibration in `data/local_effects.csv` and `data/local_intervals.csv`."""
    stored = rows("effects")
    names = tuple((row["term"], row["level"], row["group"]) for row in stored)
    effects = Effects(names, np.array([float(row["log_effect"]) for row in stored]))
    seen = [name for name, row in zip(names, stored, strict=True) if row["figures"] != "0"]
    return calibration(effects, (_interval(row) for row in rows("intervals")), seen)


def calibration(
    effects: Effects, found: Iterable[Interval], seen: Iterable[tuple[str, str, str]]
) -> Calibration:
    """Effects and intervals as one value; `seen` names the effects that speeds of engines speak for."""
    seen = tuple(seen)
    return Calibration(
        effects,
        MappingProxyType({(i.target, i.group, i.known_device): i for i in found}),
        *(
            frozenset(group for _, at, group in seen if at == level)
            for level in ("device", "architecture", "engine")
        ),
    )


def _interval(row: Mapping[str, str]) -> Interval:
    return Interval(
        row["target"], row["group"], row["known_device"] == "1",
        float(row["low"]), float(row["high"]), int(row["rows"]),
    )  # fmt: skip


def effect_rows(effects: Effects, figures: Ints, source: str, as_of: str) -> list[dict[str, str]]:
    """Effects as rows of the shipped table; four digits are a hundredth of a per cent.

    `figures` counts the rows that bear on each; an effect with none was seen in microbenchmarks alone.
    """
    triples = zip(effects.names, effects.values.tolist(), figures.tolist(), strict=True)
    return [
        dict(zip(EFFECT_COLUMNS, (*name, f"{value:.4f}", str(count), source, as_of), strict=True))
        for name, value, count in triples
    ]


def interval_rows(found: Sequence[Interval], source: str, as_of: str) -> list[dict[str, str]]:
    """Interval factors as rows of the shipped table."""
    return [
        {
            "target": i.target, "group": i.group, "known_device": str(int(i.known_device)),
            "low": f"{i.low:.4f}", "high": f"{i.high:.4f}", "rows": str(i.rows), "source": source,
            "as_of": as_of,
        }
        for i in found
    ]  # fmt: skip
