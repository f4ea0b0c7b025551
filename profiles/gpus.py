"""The one table of GPUs: what each is, its data-sheet figures, and whose measurements stand in for it.

`data/gpus.csv` is reviewed by hand; `importers.gpus` refills its figures. A figure nobody sourced is `None`
(or absent from `dense_flops`): such a GPU is known by name, and cannot be planned on. Inside, bytes, seconds
and FLOP per second.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from planner.profiles.aliases import Alias, load_aliases, normalise
from planner.profiles.errors import ProfileError

GIB = 1024**3
MEMORY_TOLERANCE = 0.08
"""Sellers give the label, the driver's figure or GB for GiB: 288 for 268.6 (B300) is the widest true one."""
FLOPS_COLUMNS = {
    "bf16": "bf16_tflops",
    "fp16": "fp16_tflops",
    "fp8": "fp8_tflops",
    "int8": "int8_tops",
    "fp4": "fp4_tflops",
}


@dataclass(frozen=True, slots=True)
class Gpu:
    """One accelerator model; figures are per GPU, matrix rates dense with FP32 (or INT32) accumulation."""

    key: str
    name: str
    vendor: str
    architecture: str
    compute_capability: float | None
    """NVIDIA's, as 8.9; None for others."""
    form_factor: str
    segment: str
    """datacenter, workstation, consumer or soc; consumer cards fall under the GeForce driver terms."""
    memory_gib: float
    memory_bytes_per_s: float | None
    dense_flops: Mapping[str, float]
    """Operations per second by dtype; a dtype is absent when unsupported or not sourced."""
    tdp_w: float | None
    link_bytes_per_s: float | None
    """GPU to GPU inside one node, one way."""
    link_kind: str
    gpus_per_node: int
    max_gpus_linked: int
    """Widest sensible tensor parallelism: the node, or the rack where the link spans it."""
    launch_usd: float | None
    launch_date: str | None
    measured: bool
    """Whether this GPU has operation tables of its own over all operations of a dense model."""
    reference: str | None
    """The measured GPU whose utilisation is transferred here; None if measured, or if none is close."""
    reference_reason: str
    supports: frozenset[str]
    source: str
    as_of: str | None

    @property
    def memory_bytes(self) -> float:
        """Device memory in bytes."""
        return self.memory_gib * GIB

    def has_memory(self, gib: float) -> bool:
        """Whether a stated memory is this GPU's, within what sellers round."""
        return abs(self.memory_gib - gib) <= MEMORY_TOLERANCE * self.memory_gib

    @property
    def plannable(self) -> bool:
        """Whether bandwidth and a 16-bit matrix rate are known, without which no estimate can be made."""
        return self.memory_bytes_per_s is not None and self.flops_16bit is not None

    @property
    def flops_16bit(self) -> float | None:
        """bf16 rate, or fp16 on chips without bf16."""
        return self.dense_flops.get("bf16", self.dense_flops.get("fp16"))

    @property
    def speed_rank(self) -> tuple[float, float]:
        """Slowest first: bandwidth x matrix rate, then power; unknown sorts last."""
        bandwidth, flops = self.memory_bytes_per_s, self.flops_16bit
        known = bandwidth * flops if bandwidth and flops else float("inf")
        return known, self.tdp_w or float("inf")


def _number(row: Mapping[str, str], column: str) -> float | None:
    text = row[column]
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < float("inf"):
        raise ProfileError(
            f"gpus.csv: {row['key']}.{column}: {text!r} is not a positive number (leave unknown ones empty)"
        )
    return value


def _scaled(row: Mapping[str, str], column: str, factor: float) -> float | None:
    value = _number(row, column)
    return None if value is None else value * factor


def parse_gpu(row: Mapping[str, str]) -> Gpu:
    """One row of the table; raises `ProfileError` naming the GPU and the column of a bad cell."""
    memory, per_node = _number(row, "memory_gib"), _number(row, "gpus_per_node")
    linked = _number(row, "max_gpus_linked")
    if memory is None or per_node is None or linked is None:
        raise ProfileError(
            f"gpus.csv: {row['key']}: memory_gib, gpus_per_node and max_gpus_linked must be given"
        )
    flops = {dtype: _scaled(row, column, 1e12) for dtype, column in FLOPS_COLUMNS.items()}
    return Gpu(
        key=row["key"], name=row["name"], vendor=row["vendor"], architecture=row["architecture"],
        compute_capability=_number(row, "compute_capability"), form_factor=row["form_factor"],
        segment=row["segment"], memory_gib=memory, memory_bytes_per_s=_scaled(row, "memory_gb_per_s", 1e9),
        dense_flops=MappingProxyType({dtype: value for dtype, value in flops.items() if value is not None}),
        tdp_w=_number(row, "tdp_w"), link_bytes_per_s=_scaled(row, "link_gb_per_s", 1e9),
        link_kind=row["link_kind"], gpus_per_node=int(per_node), max_gpus_linked=int(linked),
        launch_usd=_number(row, "launch_usd"), launch_date=row["launch_date"] or None,
        measured=row["measured"] == "1", reference=row["reference"] or None,
        reference_reason=row["reference_reason"], supports=frozenset(row["supports"].split()),
        source=row["source"], as_of=row["as_of"] or None,
    )  # fmt: skip


@cache
def load_gpus() -> Mapping[str, Gpu]:
    """Every known GPU by key, read once per process.

    >>> load_gpus()["rtx_4090"].reference
    'l40s'
    """
    text = (files("planner.profiles") / "data" / "gpus.csv").read_text(encoding="utf-8")
    return MappingProxyType({row["key"]: parse_gpu(row) for row in csv.DictReader(text.splitlines())})


@dataclass(frozen=True, slots=True)
class GpuMatch:
    """What a spelling stands for; `keys` has every member it may mean, slowest first."""

    keys: tuple[str, ...]
    ambiguous: bool
    note: str = ""

    @property
    def key(self) -> str:
        """The slowest member: what an ambiguous offer is evaluated as."""
        return self.keys[0]


@cache
def _spellings() -> Mapping[str, Alias]:
    """Every known spelling: names of the table (variants of one name together), then the reviewed."""
    gpus = load_gpus()
    table: dict[str, Alias] = {}
    for gpu in gpus.values():
        form = normalise(gpu.name)[0]
        members = (*table[form].keys, gpu.key) if form in table else (gpu.key,)
        table[form] = Alias(members, "ambiguous" if len(members) > 1 else "exact")
    return {**table, **load_aliases()}


def resolve_gpu(text: str, *, memory_gib: float | None = None) -> GpuMatch:
    """Keys that a spelling may mean, narrowed by the memory of one GPU where that is known.

    Raises `ProfileError` for a spelling not in the tables, with near ones. A memory that fits no member does
    not narrow: `note` says so, and the caller decides (a price gate leaves such an offer out).

    >>> resolve_gpu("H100 SXM 80GB").keys
    ('h100_sxm',)
    >>> resolve_gpu("A100", memory_gib=80).keys
    ('a100_pcie', 'a100_sxm')
    """
    gpus = load_gpus()
    if text in gpus:
        return GpuMatch((text,), ambiguous=False)
    form, stated = normalise(text)
    found = _spellings().get(form)
    if found is None:
        raise ProfileError(f"gpu: {text!r} is not known{_suggestion(text, form)}")
    memory = memory_gib if memory_gib is not None else stated
    keys, note = found.keys, found.note
    if memory is not None:
        fitting = tuple(key for key in keys if gpus[key].has_memory(memory))
        if not fitting:
            note = f"{memory:g} GiB fits none of {', '.join(keys)}"
        keys = fitting or keys
    elif found.kind == "default":
        keys = keys[:1]
    ordered = tuple(sorted(keys, key=lambda key: gpus[key].speed_rank))
    return GpuMatch(ordered, ambiguous=len(ordered) > 1, note=note)


def _suggestion(text: str, form: str) -> str:
    names = {
        **{form_: alias.keys[0] for form_, alias in _spellings().items()},
        **{key: key for key in load_gpus()},
    }
    close = dict.fromkeys(
        names[name] for name in get_close_matches(form or text.casefold(), names, n=3, cutoff=0.6)
    )
    hint = (
        f"did you mean {' or '.join(close)}?"
        if close
        else "`planner.profiles.gpus.load_gpus()` lists the keys"
    )
    return f" ({hint})"
