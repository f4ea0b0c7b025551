"""Who is fastest at what: variants of an op on a device against the baseline, cell by cell, from traces."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log

from planner.profiles import trace as t
from planner.profiles.measure.group import EAGER
from planner.profiles.measure.statistics import Verdict, verdict

WEIGHTS = (0.0, 0.25, 0.5, 1.0, 1.0)
"""What a trace counts by its trust level; level 0 counts for nothing."""
COLD = ("cold-rotate", "cold-flush")


@dataclass(frozen=True, slots=True)
class Standing:
    """One variant of one op and dtype on one device, over the cells it shares with the baseline."""

    device: str
    op: str
    dtype: str
    variant: str
    baseline: str
    cells: int
    time_ratio: float
    """Its time over the baseline's: geometric mean over cells, each weighted by trust. Below 1 is faster."""
    low: float
    high: float
    """From the cells' own p20 and p80."""
    roofline_fraction: float | None
    """Median share of the session's own ceilings."""
    verdicts: Mapping[Verdict, int]
    trust_level: int
    """The lowest of its rows."""


def standings(traces: Iterable[t.Trace], *, modes: Sequence[str] = COLD) -> tuple[Standing, ...]:
    """Every variant that was timed, the fastest of each device, op and dtype first.

    The baseline is torch eager, else NumPy, else the variant with most cells.
    """
    cells: dict[tuple[str, str, str], dict[str, dict[str, t.Trace]]] = defaultdict(lambda: defaultdict(dict))
    for x in traces:
        if x.timed and x.stats and x.stats.cache_mode in modes and WEIGHTS[x.trust.trust_level] > 0:
            group = cells[x.device.device_key, x.job.op, x.job.dtype_in][x.kernel.variant]
            key = t.shape_key(x.job.shape)
            if key not in group or _better_known(x, group[key]):
                group[key] = x
    found = []
    for (device, op, dtype), variants in cells.items():
        base = _baseline(variants)
        rows = [
            _standing((device, op, dtype), name, base, by, variants[base]) for name, by in variants.items()
        ]
        found += sorted((r for r in rows if r is not None), key=lambda r: r.time_ratio)
    return tuple(found)


def _better_known(a: t.Trace, b: t.Trace) -> bool:
    """Of two rows of one cell, the more trusted; of equals, the steadier."""
    steady = (a.status == "OK", b.status == "OK")
    return (a.trust.trust_level, steady[0]) > (b.trust.trust_level, steady[1])


def _baseline(variants: Mapping[str, Mapping[str, t.Trace]]) -> str:
    def rank(name: str) -> tuple[bool, bool, int]:
        return not name.startswith(EAGER), not name.startswith("numpy"), -len(variants[name])

    return min(variants, key=rank)


def _standing(
    about: tuple[str, str, str],
    name: str,
    base: str,
    own: Mapping[str, t.Trace],
    other: Mapping[str, t.Trace],
) -> Standing | None:
    pairs = [(own[key], other[key]) for key in own if key in other]
    if not pairs:
        return None
    logs, lows, highs, weights = [], [], [], []
    verdicts: Counter[Verdict] = Counter()
    for a, b in pairs:
        assert a.stats is not None and b.stats is not None
        weights.append(min(WEIGHTS[a.trust.trust_level], WEIGHTS[b.trust.trust_level]))
        logs.append(log(a.stats.median_s / b.stats.median_s))
        lows.append(log((a.stats.p20_s or a.stats.median_s) / (b.stats.p80_s or b.stats.median_s)))
        highs.append(log((a.stats.p80_s or a.stats.median_s) / (b.stats.p20_s or b.stats.median_s)))
        noise = max(a.stats.aa_noise or 0.0, b.stats.aa_noise or 0.0)
        verdicts["SAME" if name == base else verdict(a.stats, b.stats, aa_noise=noise)] += 1

    def mean(values: Sequence[float]) -> float:
        return exp(sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights))

    shares = sorted(s for a, _ in pairs if (s := a.derived.roofline_fraction_measured) is not None)
    same = name == base
    return Standing(
        *about, name, base, len(pairs), mean(logs), 1.0 if same else mean(lows), 1.0 if same else mean(highs),
        shares[len(shares) // 2] if shares else None, dict(verdicts), min(a.trust.trust_level for a, _ in pairs),
    )  # fmt: skip
