"""What an instance is made of, where the seller's name is all the price list gives: two reviewed tables.

`data/instance_gpus.csv` settles the form factor a listing leaves open; `data/machines.csv` knows number,
memory and host of the sizes of AWS, Azure and Google Cloud, whose price lists do not.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Machine:
    """One instance, or every instance a glob matches; None where the table leaves it to the listing."""

    keys: tuple[str, ...]
    """GPU it carries; several where the memory of the listing decides."""
    gpu_count: float | None
    gpu_memory_gib: float | None = None
    vcpus: float | None = None
    host_memory_gib: float | None = None


def packaged(name: str) -> list[dict[str, str]]:
    """Rows of one reviewed table of this package."""
    text = (files("planner.pricing") / "data" / name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _number(text: str) -> float | None:
    return float(text) if text else None


@cache
def _exact() -> Mapping[tuple[str, str], Machine]:
    return {
        (row["seller"], row["instance"]): Machine(
            (row["gpu"],), float(row["gpu_count"]), _number(row["gpu_memory_gib"]), _number(row["vcpus"]),
            _number(row["host_memory_gib"]),
        )
        for row in packaged("machines.csv")
    }  # fmt: skip


@cache
def _rules() -> tuple[tuple[str, str, Machine], ...]:
    return tuple(
        (row["seller"], row["instance"], Machine(tuple(row["gpu"].split()), _number(row["count"])))
        for row in packaged("instance_gpus.csv")
    )


@lru_cache(maxsize=20_000)
def machine_of(seller: str, instance: str) -> Machine | None:
    """What the tables say of an instance, or None.

    >>> machine_of("aws", "p5.48xlarge").gpu_count
    8.0
    """
    if known := _exact().get((seller, instance)):
        return known
    found = (m for who, glob, m in _rules() if who == seller and fnmatchcase(instance, glob))
    return next(found, None)


def machines_of(seller: str) -> Mapping[str, Machine]:
    """Every size of a seller that the table has, by name."""
    return {instance: machine for (who, instance), machine in _exact().items() if who == seller}
