"""The placement model on seeded markets: how far from proven optimal after how long.

K request classes in K / 4 model groups; M candidates are offers (GPU, count, region's price, spot or not) times twelve
ways to run each; 60 % of the offers have a stock that the groups share; at most half of a class's load on spot.
Pruning is exact, and its time counts. `python -P benchmarks/placement.py [--seeds 1 2] [--limit-factor 1]`; on a
busy machine read the CPU seconds.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from planner.optimize import Limits, Problem, solve

SIZES = ((20, 1000, 30.0), (20, 5000, 30.0), (100, 1000, 60.0), (100, 5000, 60.0))
"""Classes, candidates, seconds."""
WAYS, GPUS = 12, 24


def market(classes: int, candidates: int, seed: int) -> Problem:
    """Every group may use every candidate that its model fits; a tenth misses a class's latency limits."""
    rng = np.random.default_rng(seed)
    groups, offers = max(classes // 4, 1), candidates // WAYS
    price = np.exp(rng.normal(0.6, 0.8, GPUS))
    speed = price * np.exp(rng.normal(0, 0.3, GPUS))
    gpu, spot = rng.integers(0, GPUS, offers), rng.random(offers) < 0.35
    count = rng.choice([1, 2, 4, 8], offers, p=[0.4, 0.2, 0.2, 0.2])
    usd = price[gpu] * count * np.exp(rng.normal(0, 0.25, offers))
    usd *= np.where(spot, rng.uniform(0.3, 0.8, offers), 1.0)
    stock = np.where(rng.random(offers) < 0.6, rng.integers(1, 17, offers), np.inf)
    group = np.arange(classes) * groups // classes
    work = np.exp(rng.normal(0, 0.7, classes)) * np.exp(rng.normal(0, 0.8, groups))[group]
    least = rng.choice([1, 1, 1, 2, 4], groups)  # GPUs a model needs
    offer, way = np.repeat(np.arange(offers), WAYS), np.tile(np.arange(WAYS), offers)
    kind = gpu[offer] * WAYS + way
    fits = rng.random((groups, GPUS)) < 0.85
    quick = np.exp(rng.normal(0, 0.2, (classes, GPUS)))[:, gpu[offer]]
    quick *= np.exp(rng.normal(0, 0.25, (classes, WAYS)))[:, way]
    quick *= np.exp(rng.normal(0, 0.1, (groups, GPUS * WAYS)))[group][:, kind]
    met = rng.random((classes, GPUS * WAYS))[:, kind] < 0.9
    capacity = np.zeros((classes, groups * len(offer)))
    for g in range(groups):
        rows = np.flatnonzero(group == g)
        able = met[rows] & fits[g, gpu[offer]] & (count[offer] >= least[g])
        rate = speed[gpu[offer]] * count[offer] * quick[rows] / work[rows, None]
        capacity[rows, g * len(offer) : (g + 1) * len(offer)] = np.where(able, rate, 0.0)
    return Problem(
        classes=tuple(f"class {k}" for k in range(classes)),
        demand_per_s=np.exp(rng.normal(1.5, 1.3, classes)),
        class_group=group,
        options=tuple(f"group {g} candidate {c}" for g in range(groups) for c in range(len(offer))),
        option_group=np.repeat(np.arange(groups), len(offer)),
        option_pool=np.tile(offer, groups),
        capacity_per_s=capacity,
        usd_per_hour=np.tile(usd[offer], groups),
        is_spot=np.tile(spot[offer], groups),
        pool_limit=stock,
        pools=tuple(f"offer {o}" for o in range(offers)),
        limits=Limits(max_spot_share=0.5),
    )


def cpu_s() -> float:
    """Of this process and of the children it waited for."""
    import resource

    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(u.ru_utime + u.ru_stime for u in used)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--limit-factor", type=float, default=1.0, help="times the seconds of each size")
    options = parser.parse_args()
    print("| classes | candidates | seed | options | limit, s | wall, s | CPU, s | USD/h | proven gap |")
    print("|---|---|---|---|---|---|---|---|---|")
    for classes, candidates, limit in SIZES:
        for seed in options.seeds:
            problem = market(classes, candidates, seed)
            wall, cpu = time.perf_counter(), cpu_s()
            found = solve(problem, gap=0.01, time_limit_s=limit * options.limit_factor)
            print(
                f"| {classes} | {candidates:,} | {seed} | {len(problem.options):,} "
                f"| {limit * options.limit_factor:.0f} | {time.perf_counter() - wall:.0f} | {cpu_s() - cpu:.0f} "
                f"| {found.usd_per_hour:.2f} | {100 * found.gap:.1f} % |",
                flush=True,
            )


if __name__ == "__main__":
    main()
