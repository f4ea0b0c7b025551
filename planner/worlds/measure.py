"""Which single measurement removes most expected regret: plan again as if it were known, world by world."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from planner.answer.placements import engine_flags
from planner.decide import Decided
from planner.optimize.problem import Floats
from planner.options.configurations import Configuration
from planner.options.table import Option
from planner.pricing.money import HOURS_PER_MONTH
from planner.risk import Measurement, MeasureNext
from planner.worlds.draws import Draws
from planner.worlds.outlook import CERTAIN, Outlook
from planner.worlds.regret import Progress, Scored, assumptions, score
from planner.worlds.score import clairvoyant, cost
from planner.worlds.speeds import Group, Sampled, Shifted, group_of
from planner.worlds.worlds import Reach, capacities, worlds_of

OUTCOMES = 4  # results of a measurement told apart, each a quarter of the worlds
GROUPS = 12  # measurements tried
SIDE = NormalDist().inv_cdf(0.8)


@dataclass(frozen=True)
class Learned:
    """The errors to plan on once one group was measured: one world per result, others on their planning side.

    Of the measured group the mean error of the worlds with that result, and as much above it as they still differ.
    """

    sampled: Sampled
    group: Group
    results: tuple[NDArray[np.int64], ...]
    rest: float

    @property
    def count(self) -> int:
        """Results."""
        return len(self.results)

    def of(self, configuration: Configuration) -> tuple[Floats, Floats]:
        """TPOT and TTFT error, [results, batch sizes]."""
        sizes = len(configuration.evaluation.served.batch)
        if group_of(configuration) != self.group:
            side = np.full((self.count, sizes), self.rest)
            return side, side
        tpot, ttft = ([_upper(error[at]) for at in self.results] for error in self.sampled.of(configuration))
        return np.stack(tpot), np.stack(ttft)


def _upper(errors: Floats) -> Floats:
    return np.asarray(errors.mean(axis=0) + SIDE * errors.std(axis=0), float)


def measure_next(
    decided: Decided, *, draws: Draws, outlook: Outlook, on_progress: Progress = lambda message: None
) -> MeasureNext:
    """Rank measurements of one GPU, engine and model by what knowing them before signing saves on average.

    With each of the possible results the question is decided again; where the plan would be no better, it stays.
    """
    scored = score(decided, draws=draws, outlook=outlook, on_progress=on_progress)
    sampled = Sampled(draws, decided.configurations.calibration)
    total = float(scored.regret.mean())
    found = []
    for group in _candidates(decided, scored):
        on_progress(f"planning as if {group} were known")
        found.append(_measured(decided, scored, sampled, group, total))
    ranked = sorted(found, key=lambda m: (-m.removes_usd_per_month, m.gpu, m.engine, m.model))
    return MeasureNext(draws.seed, draws.count, total, tuple(ranked), assumptions(outlook, draws))


def _candidates(decided: Decided, scored: Scored) -> list[Group]:
    """Groups that some world's best plan runs, by how often."""
    counted: Counter[Group] = Counter()
    for fleet in (scored.fleet, *scored.known):
        if fleet is not None:
            used = np.flatnonzero(fleet.units).tolist()
            counted.update({group_of(_shown(decided, scored.reach, o, int(fleet.choice[o])).configuration)
                            for o in used})  # fmt: skip
    return sorted(counted, key=lambda g: (-counted[g], g))[:GROUPS]


@dataclass(frozen=True, slots=True)
class Shown:
    """One configuration of a group as one would measure it; `requests` in flight per replica."""

    option: Option
    configuration: Configuration
    requests: int


def _shown(decided: Decided, reach: Reach, o: int, choice: int) -> Shown:
    option = reach.options[o]
    assert option is not None  # units of hosted APIs are 0
    way = decided.ways[option.workload]
    row = int(reach.rows[option.workload][reach.choices[o, choice]])
    return Shown(option, way.configurations[row], max(int(way.load.batch_limit[row]), 1))


def _measured(decided: Decided, scored: Scored, sampled: Sampled, group: Group, total: float) -> Measurement:
    """Worth of knowing a group: what planning again for each result would save in the worlds of that result."""
    speed, in_plan, shown = _speed(decided, scored, group)
    results = tuple(np.array_split(np.argsort(speed, kind="stable"), OUTCOMES))
    side = NormalDist().inv_cdf(decided.scenario.constraints.quantile)
    informed = Learned(sampled, group, results, side)
    planning = worlds_of(decided, scored.reach, informed, CERTAIN, Draws(0, OUTCOMES))
    saved = 0.0
    for result, at in enumerate(results):
        again = clairvoyant(planning, result) if len(at) else None
        if again is not None:
            here = scored.worlds.some(at)
            saved += max(float((scored.signed[at] - cost(here, again[0])).sum()), 0.0)
    usd = min(saved / len(speed) * HOURS_PER_MONTH, total)
    low, high = np.percentile(speed, [5, 95])
    c = shown.configuration
    return Measurement(
        gpu=group.gpu, engine=group.engine, model=c.evaluation.model.name, basis=c.spread.basis,
        speed_low=float(low), speed_high=float(high), in_plan=in_plan, removes_usd_per_month=usd,
        share_of_regret=usd / total if total > 0 else 0.0, commands=commands(decided, shown),
    )  # fmt: skip


def _speed(decided: Decided, scored: Scored, group: Group) -> tuple[Floats, bool, Shown]:
    """[W] throughput of the group's best configuration against its prediction, whether the plan runs it, and it."""
    reach, fleet = scored.reach, scored.fleet
    found = []
    for o, option in enumerate(reach.options):
        for c in np.flatnonzero(reach.choices[o] >= 0).tolist() if option is not None else ():
            shown = _shown(decided, reach, o, c)
            if group_of(shown.configuration) == group:
                used = bool(fleet.units[o] > 0 and fleet.choice[o] == c)
                worth = float(scored.worlds.capacity[:, o, c].mean()) / shown.option.offer.usd_per_hour
                found.append(((used, worth, -o, -c), shown))
    (used, _, o, c), shown = max(found, key=lambda pair: pair[0])
    predicted = capacities(decided, reach, Shifted(({},)))[0, -o, -c]
    carried = scored.worlds.capacity[:, -o, -c]
    return np.asarray(carried / predicted if predicted > 0 else carried, float), used, shown


_SERVERS = {
    "vllm": "vllm serve {model}",
    "sglang": "python -m sglang.launch_server --model-path {model}",
    "trtllm": "trtllm-serve {model}",
}


def commands(decided: Decided, shown: Shown) -> tuple[str, ...]:
    """Start the engine as planned, load it at the batch limit, turn the result into a calibration, plan again."""
    c, e = shown.configuration, shown.configuration.evaluation
    workload, layout, lengths = decided.ways[shown.option.workload].workload, e.layout, e.lengths
    flags = engine_flags(replace(shown.option, configuration=c))
    start = " ".join(
        (_SERVERS[c.engine].format(model=e.model.name), *(f for f in flags if f.startswith("--")))
    )
    out = f"{workload.name}-{e.gpu.key}-{c.engine}".replace(" ", "-")
    widths = "".join(
        f" --{name} {n}" for name in ("tp", "pp", "dp", "ep") if (n := getattr(layout, name)) > 1
    )
    version = f" --engine-version {e.setup.engine_version}" if e.setup.engine_version else ""
    return (
        f"{start} --port 8000",
        f"vllm bench serve --backend openai --base-url http://localhost:8000 --model {e.model.name} --dataset-name "
        f"random --random-input-len {lengths.input_tokens:.0f} --random-output-len {lengths.output_tokens:.0f} "
        f"--max-concurrency {shown.requests} --num-prompts {10 * shown.requests} --save-result "
        f"--result-filename {out}.json",
        f"planner calibrate {out}.json --model {workload.model} --gpu {e.gpu.key} --engine {c.engine}{version} "
        f"--precision {c.weights} --kv-precision {c.kv}{widths} --save {out}.calibration.json",
        f"planner recommend --calibration {out}.calibration.json",
    )
