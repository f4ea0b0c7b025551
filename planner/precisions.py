"""Number formats by name: what a weight costs in memory, and the spellings people use for it."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType

from planner.errors import ScenarioError, did_you_mean


@dataclass(frozen=True, slots=True)
class Precision:
    """A storage format; `bits_per_weight` includes scales and zero points."""

    name: str
    kind: str
    bits_per_weight: float
    kv_cache: bool
    stored_as: str
    aliases: tuple[str, ...]
    source: str
    as_of: str | None

    @property
    def bytes_per_weight(self) -> float:
        """Bytes of one weight with its share of the scales."""
        return self.bits_per_weight / 8


@lru_cache(maxsize=1)
def load_precisions() -> Mapping[str, Precision]:
    """Every known format by its canonical name."""
    text = (files("planner") / "data" / "precisions.csv").read_text(encoding="utf-8")
    rows = [_from_row(row) for row in csv.DictReader(text.splitlines())]
    return MappingProxyType({row.name: row for row in rows})


def _from_row(row: Mapping[str, str]) -> Precision:
    return Precision(
        name=row["name"],
        kind=row["kind"],
        bits_per_weight=float(row["bits_per_weight"]),
        kv_cache=row["kv_cache"] == "1",
        stored_as=row["stored_as"],
        aliases=tuple(filter(None, row["aliases"].split(";"))),
        source=row["source"],
        as_of=row["as_of"] or None,
    )


@lru_cache(maxsize=1)
def _spellings() -> Mapping[str, str]:
    return {fold: p.name for p in load_precisions().values() for fold in map(_fold, (p.name, *p.aliases))}


def _fold(text: str) -> str:
    return text.strip().casefold().replace("-", "_").replace(" ", "_")


def resolve_precision(text: str) -> Precision:
    """Format a spelling denotes; raises ScenarioError with the nearest names.

    >>> resolve_precision("FP4").name, resolve_precision("Q4_K_M").bytes_per_weight
    ('nvfp4', 0.6118)
    """
    name = _spellings().get(_fold(text))
    if name is None:
        hint = did_you_mean(_fold(text), _spellings()) or f"known: {', '.join(load_precisions())}"
        raise ScenarioError(f"unknown precision {text[:40]!r}", hint=hint)
    return load_precisions()[name]
