"""Spellings of GPU names: how they are compared, and the reviewed table of what the awkward ones stand for.

A spelling is compared without case, punctuation, vendor words and memory sizes (`80GB` in it is read as the
memory). `data/gpu_aliases.csv` is reviewed; its `kind` says how several keys are meant:

    exact       one key
    ambiguous   any of them, the spelling does not say which
    default     the first, unless a stated memory fits another one
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_VENDOR_WORDS = re.compile(
    r"\b(nvidia|geforce|tesla|amd|instinct|radeon|intel|apple|tenstorrent|google|virtualized)\b"
)
_MEMORY = re.compile(r"(?<![a-z0-9.])(\d+)\s?(?:gib|gb|g)(?![a-z0-9])(?:\s?hbm[0-9e]*)?")


@dataclass(frozen=True, slots=True)
class Alias:
    """The GPU keys one spelling may stand for."""

    keys: tuple[str, ...]
    kind: str
    note: str = ""


def normalise(text: str) -> tuple[str, float | None]:
    """Comparable form of a spelling, and the memory in GiB that it states.

    >>> normalise("NVIDIA GeForce RTX 4090"), normalise("A100-80G-PCIe")
    (('rtx4090', None), ('a100pcie', 80.0))
    """
    words = re.sub(r"[^a-z0-9.]+", " ", text.casefold())
    stated = _MEMORY.search(words)
    bare = _VENDOR_WORDS.sub(" ", _MEMORY.sub(" ", words))
    return re.sub(r"[^a-z0-9]", "", bare), float(stated[1]) if stated else None


@cache
def load_aliases() -> Mapping[str, Alias]:
    """The reviewed table by normalised spelling."""
    text = (files("planner.profiles") / "data" / "gpu_aliases.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return {normalise(r["spelling"])[0]: Alias(tuple(r["keys"].split()), r["kind"], r["note"]) for r in rows}
