"""Kernels ranked: by time and roofline share from traces, and by dollars a month on a fleet.

Times need no fleet. Dollars need a question. Variants in the op tables of the plan's engines are ranked by switch
value: what forcing them instead of today's would save. A trace counts where it was taken on a GPU the plan rents,
and where the variant it beats, or loses to, is one the plan runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from planner.kernels.loading import load_manifests
from planner.plan import Plan
from planner.profiles.gpus import load_gpus
from planner.profiles.standings import Standing, standings
from planner.profiles.trace import Trace
from planner.records import Quantity

if TYPE_CHECKING:
    from planner.analysis.records import KernelValue

Speedups = Mapping[str, tuple[float, float, float]]
Worth = Callable[[Speedups], Mapping[str, Quantity | None]]
"""Dollars a month the plan would save if each variant were (ratio, low, high) times as fast."""


STANDS_FOR = {"torch_eager_gemm": "cublas"}
"""What torch eager calls on NVIDIA hardware, by the registry's name: torch's CUDA build links cuBLAS for matmul."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """One variant of one op on one device, against the baseline there; dollars where the fleet has that device."""

    device: str
    op: str
    dtype: str
    variant: str
    against: str
    cells: int
    time_ratio: float
    """Its time over that of `against`; below 1 is faster."""
    time_ratio_low: float
    time_ratio_high: float
    roofline_fraction: float | None
    faster: int
    same: int
    slower: int
    ambiguous: int
    trust_level: int
    usd_per_month: Quantity | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Earner:
    """One variant on a fleet: dollars a month saved by running it instead of `against`, negative where it costs."""

    workload: str
    ops: tuple[str, ...]
    variant: str
    against: str | None
    usd_per_month: Quantity | None
    evidence: str
    """op tables, or traces."""
    note: str = ""


def earners(value: KernelValue, rows: Iterable[Ranked], plan: Plan, worth: Worth) -> tuple[Earner, ...]:
    """Every variant that could stand in for one the plan runs, the largest saving first."""
    found = [
        Earner(w.workload, w.ops, w.subject, w.against, w.usd_per_month, "op tables", w.note)
        for w in value.worth
        if w.kind == "switch"
    ]
    found += [
        Earner("all", (r.op,), r.variant, r.against, r.usd_per_month, "traces", r.note)
        for r in priced(rows, plan, worth)
        if r.usd_per_month is not None
    ]
    return tuple(sorted(found, key=lambda e: -(e.usd_per_month.value if e.usd_per_month else float("-inf"))))


def rank(traces: Iterable[Trace]) -> tuple[Ranked, ...]:
    """The times alone, fastest first within device, op and dtype."""
    return tuple(_ranked(s) for s in standings(traces))


def _ranked(s: Standing) -> Ranked:
    counts = {word: s.verdicts.get(word, 0) for word in ("FAST", "SAME", "SLOW", "AMBIGUOUS")}
    return Ranked(
        s.device, s.op, s.dtype, s.variant, s.baseline, s.cells, s.time_ratio, s.low, s.high, s.roofline_fraction,
        counts["FAST"], counts["SAME"], counts["SLOW"], counts["AMBIGUOUS"], s.trust_level,
    )  # fmt: skip


def priced(rows: Iterable[Ranked], plan: Plan, worth: Worth) -> tuple[Ranked, ...]:
    """With dollars where a row's device is rented by the plan and its op's kernel there is the row's baseline.

    `worth` values many speed-ups at once; a kernel that is slower is worth a negative amount.
    """
    in_use: dict[str, set[str]] = {}
    for placement in plan.placements:
        if placement.gpu is None:  # a hosted API
            continue
        in_use.setdefault(placement.gpu, set()).update(placement.variants.values())
    known = {m.name: m.registry for m in load_manifests().values()} | STANDS_FOR
    vendors = {gpu: load_gpus()[gpu].vendor for gpu in in_use}
    made = []
    for row in rows:
        replaced = known.get(row.against, "") if vendors.get(row.device) == "nvidia" else ""
        if row.device not in in_use:
            made.append(replace(row, note="the plan rents no such device"))
        elif row.variant == row.against:
            made.append(row)
        elif replaced not in in_use[row.device]:
            made.append(replace(row, note=f"the plan does not run {replaced or row.against}"))
        else:
            ratio = 1 / row.time_ratio, 1 / row.time_ratio_high, 1 / row.time_ratio_low
            made.append(replace(row, usd_per_month=worth({replaced: ratio})[replaced]))
    return tuple(made)
