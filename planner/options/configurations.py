"""Every way to run a workload on one GPU model: engine x precision x layout, evaluated over batch sizes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product

import numpy as np

from planner.calibration.apply import calibrated, subject_for
from planner.calibration.store import Calibration, load_calibration
from planner.errors import PlannerError
from planner.estimate.admissible import Admissible
from planner.estimate.evaluate import Evaluation, Lengths, evaluate
from planner.estimate.layout import candidate_layouts
from planner.estimate.memory import max_running, memory_of
from planner.estimate.optimes import OpTimes, TableTimes
from planner.estimate.precision import OpFormats, op_formats, refusal
from planner.estimate.recipes import RECIPES, Setup, setup_for
from planner.estimate.spread import Spread
from planner.estimate.transfer import times_on
from planner.profiles.gpus import Gpu
from planner.profiles.store import Profiles
from planner.records import Layout
from planner.workload import Workload

BATCHES = np.array(
    [1, 2, 4, 8, 12, 16, 20, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 512],
    dtype=np.float64,
)


@dataclass(frozen=True, slots=True)
class Configuration:
    """One way to run a workload on a GPU model."""

    weights: str
    kv: str
    evaluation: Evaluation
    spread: Spread

    @property
    def engine(self) -> str:
        """Engine that runs it."""
        return self.evaluation.setup.engine

    @property
    def layout(self) -> Layout:
        """Parallel layout of one replica."""
        return self.evaluation.layout


@dataclass
class Configurations:
    """Evaluates workloads on GPU models, remembering tables between them."""

    profiles: Profiles
    rule: str
    engines: tuple[str, ...]
    calibration: Calibration = field(default_factory=load_calibration)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)  # (reason, GPU) -> configurations
    admissible: Admissible | None = None

    def __post_init__(self) -> None:
        """One rule on kernels for all, or the choice that a comparison makes."""
        self._admissible = self.admissible or Admissible(self.rule)
        self._times: dict[tuple[str, str], OpTimes | None] = {}
        self._tables: dict[tuple[str, str], TableTimes] = {}
        self._known: dict[tuple[str, str, int], tuple[list[Configuration], Counter[tuple[str, str]]]] = {}

    def same_stack(self, other: Configurations) -> bool:
        """Whether what is remembered here holds for the other: same tables, calibration, kernels and engines."""
        mine, theirs = ((c.profiles.digest, c.calibration.digest, c.rule, c.engines) for c in (self, other))
        return mine == theirs

    def uncounted(self) -> Configurations:
        """The same memory with nothing refused yet, for another question."""
        other = Configurations(
            self.profiles, self.rule, self.engines, self.calibration, admissible=self.admissible
        )
        other._times, other._tables, other._known = self._times, self._tables, self._known
        return other

    def on(self, workload: Workload, gpu: Gpu, *, most_gpus: int) -> list[Configuration]:
        """All configurations of `workload` on at most `most_gpus` linked GPUs that fit in memory.

        Remembered by what they depend on, so that another question over the same workloads asks nothing twice.
        """
        key = (_physics(workload), gpu.key, min(most_gpus, gpu.max_gpus_linked))
        if key not in self._known:
            before, self.refused = self.refused, Counter()
            self._known[key] = (self._evaluated(workload, gpu, most_gpus=most_gpus), self.refused)
            self.refused = before
        found, refused = self._known[key]
        self.refused.update(refused)
        return found

    def _evaluated(self, workload: Workload, gpu: Gpu, *, most_gpus: int) -> list[Configuration]:
        found = []
        for engine in self.engines:
            if engine not in gpu.supports:
                continue
            times = self._times_on(gpu, engine)
            if times is None:
                self.refused["no measured relative to transfer from", gpu.key] += 1
                continue
            setup = setup_for(
                engine, stream_interval=workload.stream_interval, accepted_tokens=workload.accepted_tokens
            )
            for weights, kv, formats in self._formats(workload, gpu):
                for layout in candidate_layouts(workload.shape, max_gpus=min(most_gpus, gpu.max_gpus_linked)):
                    one = self._one(workload, times, setup, layout=layout, formats=formats)
                    if one is not None:
                        better = calibrated(one, subject_for(one, weights=weights), self.calibration)
                        found.append(Configuration(weights, kv, better.evaluation, better.spread))
        return found

    def _times_on(self, gpu: Gpu, engine: str) -> OpTimes | None:
        key = (gpu.key, engine)
        if key not in self._times:
            self._times[key] = times_on(
                gpu, self.profiles, engine=engine, admissible=self._admissible, known=self._tables
            )
        return self._times[key]

    def _formats(self, workload: Workload, gpu: Gpu) -> Iterator[tuple[str, str, OpFormats]]:
        for weights, kv in product(workload.weight_precisions, workload.kv_precisions):
            formats = op_formats(workload.shape, weights=weights, kv=kv, gpu=gpu)
            if why := refusal(formats, gpu):
                self.refused[why, gpu.key] += 1
            else:
                yield weights, kv, formats

    def _one(
        self, workload: Workload, times: OpTimes, setup: Setup, *, layout: Layout, formats: OpFormats
    ) -> Evaluation | None:
        gpu, lengths = times.gpu, lengths_of(workload)
        memory = memory_of(workload.shape, layout, formats=formats, gpu=gpu, recipe=setup.recipe)
        limit = max_running(workload.shape, layout, memory, kv=formats.kv, input_tokens=lengths.input_tokens,
                            output_tokens=lengths.output_tokens, recipe=setup.recipe)  # fmt: skip
        if limit < 1.0:
            self.refused["weights and one request do not fit in memory", gpu.key] += 1
            return None
        try:
            return evaluate(workload.shape, gpu, times, layout=layout, formats=formats, setup=setup,
                            lengths=lengths, batch=BATCHES)  # fmt: skip
        except PlannerError as error:
            self.refused[str(error), gpu.key] += 1
            return None


def _physics(workload: Workload) -> str:
    """What of a workload its evaluations depend on: not its rate, not its limits."""
    kept = {"shape", "input_tokens", "output_tokens", "prefix_cache_share", "weight_precisions", "kv_precisions",
            "speculative", "stream_interval"}  # fmt: skip
    return workload.model_dump_json(include=kept)


def lengths_of(workload: Workload) -> Lengths:
    """Mean lengths of a workload's requests."""
    tokens = workload.input_tokens.mean
    return Lengths(tokens, workload.output_tokens.mean, tokens * workload.prefix_cache_share)


def engines_for(wanted: tuple[str, ...] | None) -> tuple[str, ...]:
    """Engines with a recipe, those asked for if any were."""
    return tuple(e for e in RECIPES if wanted is None or e in wanted)


def refusals(counter: Mapping[tuple[str, str], int]) -> Iterator[tuple[str, int, tuple[str, ...]]]:
    """(reason, configurations, GPUs) of a counter of refusals, most frequent first."""
    by_reason: dict[str, Counter[str]] = {}
    for (reason, gpu), count in counter.items():
        by_reason.setdefault(reason, Counter())[gpu] += count
    for reason, gpus in sorted(by_reason.items(), key=lambda r: (-sum(r[1].values()), r[0])):
        yield reason, sum(gpus.values()), tuple(sorted(gpus))
