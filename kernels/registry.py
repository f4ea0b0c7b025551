"""The reviewed list of kernels: what runs which op in which engine, open or closed, on whose hardware.

*open*: the source is published under an OSI licence. *portable*: the same source is measured, or compiled and
checked, on two vendors. A repository that is open around binaries without source counts as closed for what
those binaries run. The tables are data: `data/variants.csv` (one row per kernel) and
`data/kernel_sources.csv` (how measured tables spell them; the first matching row wins, `*` and `?` are wild).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from planner.kernels.errors import KernelError


@dataclass(frozen=True, slots=True)
class Variant:
    """One implementation of one or more ops."""

    name: str
    ops: tuple[str, ...]
    engines: tuple[str, ...]
    language: str
    open: bool
    licence: str
    vendors: tuple[str, ...]
    """Hardware makers it is measured or compiled on."""
    portable: bool
    flags: Mapping[str, str]
    """What selects it, per engine; absent where the engine picks it by itself."""
    source: str
    as_of: str
    notes: str

    @property
    def op(self) -> str:
        """The op it is best known for."""
        return self.ops[0]


@dataclass(frozen=True, slots=True)
class KernelSource:
    """How a measured table spells a variant: patterns over engine, op, name, dtype and system."""

    engine: str
    op: str
    kernel_source: str
    dtype: str
    system: str
    variant: str

    def matches(self, engine: str, op: str, kernel_source: str, dtype: str, system: str) -> bool:
        """Whether a block with these properties is meant; an empty dtype or system fits only `*`."""
        return (
            fnmatchcase(engine, self.engine)
            and fnmatchcase(op, self.op)
            and fnmatchcase(kernel_source, self.kernel_source)
            and fnmatchcase(dtype, self.dtype)
            and fnmatchcase(system, self.system)
        )


@dataclass(frozen=True, slots=True)
class StandIn:
    """Our own kernel where nothing measured is open (or portable): its time over the time of `reference`."""

    op: str
    dtype: str
    rule: str
    """Which restriction it serves: "open", "portable" or `*` for both."""
    variant: str
    reference: str
    """The measured variant whose time is multiplied, `*` for the fastest one."""
    ratio: float
    low: float
    high: float
    source: str
    as_of: str


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = files("planner.kernels").joinpath(f"data/{name}").read_text(encoding="utf-8")
    yield from csv.DictReader(text.splitlines())


def _yes(row: Mapping[str, str], column: str) -> bool:
    word = row[column]
    if word not in ("yes", "no"):
        raise KernelError(f"variants.csv: {row['name']}: {column} is {word!r}; write yes or no")
    return word == "yes"


def _variant(row: Mapping[str, str]) -> Variant:
    flags = dict(part.split("=", 1) for part in row["flags"].split(";") if part)
    return Variant(
        row["name"], tuple(row["ops"].split()), tuple(row["engines"].split()), row["language"],
        _yes(row, "open"), row["licence"], tuple(row["vendors"].split()), _yes(row, "portable"),
        MappingProxyType(flags), row["source"], row["as_of"], row["notes"],
    )  # fmt: skip


@cache
def load_variants() -> Mapping[str, Variant]:
    """Every reviewed variant by name."""
    return MappingProxyType({row["name"]: _variant(row) for row in _rows("variants.csv")})


@cache
def load_kernel_sources() -> tuple[KernelSource, ...]:
    """The spellings, in the order in which they are tried."""
    return tuple(KernelSource(**row) for row in _rows("kernel_sources.csv"))


@cache
def load_stand_ins() -> tuple[StandIn, ...]:
    """Our own kernels with their published or measured ratio to what they replace."""
    numbers = ("ratio", "low", "high")
    return tuple(
        StandIn(**{k: float(v) if k in numbers else v for k, v in row.items()})  # type: ignore[arg-type]
        for row in _rows("stand_ins.csv")
    )


def variant(name: str) -> Variant:
    """The variant of this name.

    Raises `KernelError` with the nearest names when there is none.

    >>> variant("cublas").open
    False
    """
    known = load_variants()
    if name not in known:
        near = get_close_matches(name, known, n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise KernelError(f"kernel variant {name!r} is not in the registry{hint}")
    return known[name]


def resolve_variant(
    engine: str, op: str, kernel_source: str, *, dtype: str = "", system: str = ""
) -> Variant:
    """The registry's variant behind a measured table's own spelling.

    `dtype` and `system` matter only where one spelling stands for several kernels.

    >>> resolve_variant("trtllm", "gemm", "torch_flow", dtype="bf16").name
    'cublas'
    >>> resolve_variant("sglang", "attention_decode", "fa3").name
    'flash_attn_3'
    """
    for row in load_kernel_sources():
        if row.matches(engine, op, kernel_source, dtype, system):
            return variant(row.variant)
    raise KernelError(
        f"kernel_sources.csv: no row for engine {engine!r}, op {op!r}, kernel_source {kernel_source!r}, "
        f"dtype {dtype!r}, system {system!r}; add one"
    )


def stand_in(op: str, *, dtype: str, rule: str) -> StandIn | None:
    """Our kernel for an op that lacks a measured open (or portable) variant, None where we have no figure.

    >>> stand_in("gemm", dtype="bf16", rule="open").variant
    'planner_triton_gemm'
    """
    for row in load_stand_ins():
        if fnmatchcase(rule, row.rule) and fnmatchcase(op, row.op) and fnmatchcase(dtype, row.dtype):
            return row
    return None
