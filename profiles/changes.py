"""What a kernel change did to its speed: traces from before and after it, cell by cell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import exp, fsum, log

from planner.profiles.errors import ProfileError
from planner.profiles.trace import Trace, shape_key

TAIL = 0.1
"""Share of the cells below the low and above the high end of the interval: 80 % lie between."""
Cell = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Speedup:
    """How many times faster a variant became; below 1 it became slower.

    `ratio` is the geometric mean over `cells` cells measured both before and after, `low` and `high` span 80 % of
    them, each cell with its own spread (20th to 80th percentile of either side). `lost` are cells that were timed
    before and are not any more, with what became of them.
    """

    variant: str
    ratio: float
    low: float
    high: float
    cells: int
    devices: tuple[str, ...]
    lost: tuple[str, ...] = ()

    @property
    def interval(self) -> tuple[float, float, float]:
        """Ratio, low, high, as the planner's kernel value takes them."""
        return self.ratio, self.low, self.high

    @property
    def warning(self) -> str:
        """What the change broke, in words; empty where it broke nothing."""
        if not self.lost:
            return ""
        return f"{self.variant}: {len(self.lost)} cell(s) timed before are not any more, {self.lost[0]} among them"


def speedups(before: Iterable[Trace], after: Iterable[Trace]) -> tuple[Speedup, ...]:
    """Per variant, by name; where each side has one variant of its own, the change from the one to the other.

    Raises ProfileError where no cell is in both.
    """
    old, new = (_by_cell(traces) for traces in (before, after))
    names = [sorted({cell[0] for cell in side}) for side in (old, new)]
    if not set(names[0]) & set(names[1]) and len(names[0]) == len(names[1]) == 1:
        new = {(names[0][0], *cell[1:]): trace for cell, trace in new.items()}
    found = [
        _speedup(name, old, new) for name in sorted({cell[0] for cell in old} & {cell[0] for cell in new})
    ]
    known = tuple(s for s in found if s.cells)
    if not known:
        raise ProfileError(
            f"no cell is timed in both files: before has {', '.join(names[0]) or 'no variant'}, after has "
            f"{', '.join(names[1]) or 'no variant'}; measure the same ops, dtypes and shapes on the same device"
        )
    return known


def _by_cell(traces: Iterable[Trace]) -> dict[Cell, Trace]:
    """The last row of each cell; a calibration row says nothing about a change."""
    rows: dict[Cell, Trace] = {}
    for t in traces:
        cache = t.stats.cache_mode if t.stats else ""
        rows[t.kernel.variant, t.device.device_key, t.job.op, t.job.dtype_in, t.job.direction,
             shape_key(t.job.shape), cache] = t  # fmt: skip
    return rows


def _speedup(variant: str, before: Mapping[Cell, Trace], after: Mapping[Cell, Trace]) -> Speedup:
    ratios: list[tuple[float, float, float]] = []
    lost, devices = [], set[str]()
    untimed = {cell[:-1]: t for cell, t in after.items() if not t.timed}
    for cell, old in before.items():
        if cell[0] != variant or not old.timed:
            continue
        new = after.get(cell)
        if new is not None and new.timed:
            ratios.append(_ratio(old, new))
            devices.add(cell[1])
        elif (gone := untimed.get(cell[:-1])) is not None:
            lost.append(f"{' '.join(cell[2:6])}: {gone.status}")
    if not ratios:
        return Speedup(variant, 1.0, 1.0, 1.0, 0, (), tuple(lost))
    value = exp(fsum(log(r) for r, _, _ in ratios) / len(ratios))
    low = min(_quantile(sorted(x for _, x, _ in ratios), TAIL), value)
    high = max(_quantile(sorted(x for _, _, x in ratios), 1.0 - TAIL), value)
    return Speedup(variant, value, low, high, len(ratios), tuple(sorted(devices)), tuple(lost))


def _ratio(before: Trace, after: Trace) -> tuple[float, float, float]:
    """Median over median, and the ends that the 20th and 80th percentiles of both allow."""
    a, b = before.stats, after.stats
    assert a is not None and b is not None  # both timed
    value = a.median_s / b.median_s
    low = (a.p20_s or a.median_s) / (b.p80_s or b.median_s)
    high = (a.p80_s or a.median_s) / (b.p20_s or b.median_s)
    return value, min(low, value), max(high, value)


def _quantile(ordered: list[float], share: float) -> float:
    """Linear between neighbours; the one value where there is only one.

    >>> _quantile([1.0, 2.0, 3.0], 0.5), _quantile([4.0], 0.1)
    (2.0, 4.0)
    """
    at = share * (len(ordered) - 1)
    i = min(int(at), len(ordered) - 2) if len(ordered) > 1 else 0
    if len(ordered) == 1:
        return ordered[0]
    return ordered[i] + (at - i) * (ordered[i + 1] - ordered[i])
