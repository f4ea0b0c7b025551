"""What one replica sustains when predictions are off: [worlds, configurations].

Configurations of one group (engine, model family, GPU) are wrong together: a world draws one measured error
curve for each group, scaled by how unsure the prediction is. Different groups are drawn apart (docs/uncertainty.md
has their correlations). No error makes a step faster than its roofline.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from planner.calibration.groups import family_of
from planner.calibration.store import Calibration
from planner.estimate.floor import decode_floor_s, prefill_floor_s
from planner.estimate.spread import Spread
from planner.options.configurations import Configuration
from planner.options.sustain import sustained
from planner.options.table import Ways, tokens_at
from planner.worlds.draws import Draws
from planner.worlds.residuals import ErrorCurves, load_error_curves, pool_of

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
ONE_SD = NormalDist().cdf(1.0)  # the quantile at which `sustained` applies a spread exactly once
CHUNK = 4096  # evaluations at a time, to bound memory


@dataclass(frozen=True, slots=True, order=True)
class Group:
    """Configurations whose predictions are wrong together."""

    gpu: str
    engine: str
    model: str  # family

    def __str__(self) -> str:
        return f"{self.model} on {self.gpu} with {self.engine}"


def group_of(configuration: Configuration) -> Group:
    """The group of a configuration."""
    e = configuration.evaluation
    return Group(e.gpu.key, configuration.engine, family_of(e.model))


class Errors(Protocol):
    """Errors in standard deviations, by group; one row per world."""

    @property
    def count(self) -> int:
        """Worlds."""
        ...

    def of(self, configuration: Configuration) -> tuple[Array, Array]:
        """TPOT and TTFT error, [worlds, batch sizes]."""
        ...


@dataclass(frozen=True)
class Sampled:
    """Measured error curves, drawn anew in each world for each group."""

    draws: Draws
    calibration: Calibration
    curves: ErrorCurves = field(default_factory=load_error_curves)

    @property
    def count(self) -> int:
        """Worlds."""
        return self.draws.count

    def of(self, configuration: Configuration) -> tuple[Array, Array]:
        """TPOT and TTFT error, [worlds, batch sizes]."""
        pool = self.curves.pools[pool_of(configuration, self.calibration)]
        chosen = self.draws.members(f"speed {group_of(configuration)}", len(pool))
        at = np.log(configuration.evaluation.served.batch)
        curves = {i: pool[i].at(at) for i in np.unique(chosen).tolist()}
        tpot, ttft = (np.stack([curves[i][q] for i in chosen.tolist()]) for q in (0, 1))
        return tpot, ttft


@dataclass(frozen=True)
class Shifted:
    """Every group off by so many standard deviations: one world per mapping, `rest` where it names no group."""

    worlds: Sequence[Mapping[Group, float]]
    rest: float = 0.0

    @property
    def count(self) -> int:
        """Worlds."""
        return len(self.worlds)

    def of(self, configuration: Configuration) -> tuple[Array, Array]:
        """TPOT and TTFT error, [worlds, batch sizes]."""
        group, sizes = group_of(configuration), len(configuration.evaluation.served.batch)
        off = np.array([shifts.get(group, self.rest) for shifts in self.worlds])
        both = np.repeat(off[:, None], sizes, axis=1)
        return both, both


def rates(ways: Ways, rows: Rows, errors: Errors) -> Array:
    """[worlds, rows] requests per second of one replica, at the pooling of the busiest hours."""
    margins = [_margins(ways.configurations[row], errors) for row in rows.tolist()]
    evaluations = [ways.configurations[row].evaluation for row in rows.tolist()]
    pairs = [(r, w) for r in range(len(rows)) for w in range(errors.count)]
    found = np.zeros(len(pairs))
    for start in range(0, len(pairs), CHUNK):
        part = pairs[start : start + CHUNK]
        found[start : start + CHUNK] = sustained(
            [evaluations[r] for r, _ in part],
            [Spread(margins[r][0][w], margins[r][1][w], "calibrated") for r, w in part],
            ways.slo, quantile=ONE_SD, demand_per_s=ways.workload.demand.peak_requests_per_s,
            longest_input=tokens_at(ways.workload, ways.workload.percentile),
        ).requests_per_s  # fmt: skip
    return found.reshape(len(rows), errors.count).T


def _margins(configuration: Configuration, errors: Errors) -> tuple[Array, Array]:
    """Log errors of TPOT and TTFT, [worlds, batch sizes], cut where they would beat the roofline."""
    e, spread = configuration.evaluation, configuration.spread
    tpot, ttft = (off * np.asarray(sd) for off, sd in zip(errors.of(configuration), (spread.tpot, spread.ttft),
                                                          strict=True))  # fmt: skip
    tpot = np.maximum(tpot, np.log(np.minimum(decode_floor_s(e) / e.served.tpot_s, 1.0)))
    first = e.served.server_ttft_s + e.served.stream_s
    return tpot, np.maximum(ttft, np.log(np.minimum(prefill_floor_s(e) / first, 1.0)))
