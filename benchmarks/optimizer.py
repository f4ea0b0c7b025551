"""Our allocation core beside the binary-slices formulation that peers publish (Mélange, AIBrix): PuLP and CBC.

Both get the same rates, throughputs and prices, both one thread. Peers cut every class into S pieces and give each
piece a binary per GPU type; we give each class an integer number of pieces per type, from arrays to HiGHS.
Read the CPU times as ratios inside a row. `python -P benchmarks/optimizer.py [--limit-s 40] [--quick]`.
"""

from __future__ import annotations

import argparse
import resource
from dataclasses import dataclass
from statistics import median

import numpy as np

from planner.optimize import size_fleet

CASES = tuple(  # types, input and output buckets, slices, requests/s
    (types, buckets, slices, rate)
    for types in (4, 16, 64)
    for buckets in (6, 10, 20)
    for slices, rate in ((4, 16.0), (8, 100.0))
)
QUICK = 3


@dataclass(frozen=True)
class Instance:
    rates: dict[str, float]
    throughput: dict[str, dict[str, float]]
    prices: dict[str, float]


def instance(types: int, buckets: int, rate: float, seed: int = 1) -> Instance:
    """Request-size buckets with a heavy tail; larger GPUs are dearer and relatively better at long requests."""
    rng = np.random.default_rng(seed)
    share = rng.gamma(0.3, size=(buckets, buckets))
    share /= share.sum()
    size = np.geomspace(0.05, 8.0, buckets)
    work = size[:, None] + 2.0 * size[None, :]
    price = np.round(np.exp(rng.normal(1.0, 0.7, types)), 2)
    speed = 6.0 * price * np.exp(rng.normal(0, 0.25, types))
    tilt = 0.15 * np.log(price / np.median(price))
    names = [f"gpu{m}" for m in range(types)]
    keys = [(i, j) for i in range(buckets) for j in range(buckets)]
    return Instance(
        rates={f"{i}x{j}": rate * share[i, j] for i, j in keys},
        throughput={
            f"{i}x{j}": dict(zip(names, speed * work[i, j] ** (tilt - 1.0), strict=True)) for i, j in keys
        },
        prices=dict(zip(names, price.tolist(), strict=True)),
    )


def cpu_s() -> float:
    """Of this process and of the children it waited for (CBC is one)."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(u.ru_utime + u.ru_stime for u in used)


def binary_slices(given: Instance, slices: int, limit_s: float) -> tuple[float, str]:
    """The peers' formulation: cost found and how it ended."""
    import pulp
    from pulp.apis.coin_api import pulp_cbc_path

    problem = pulp.LpProblem("slices", pulp.LpMinimize)
    count = {m: problem.add_variable(f"n_{m}", 0, None, pulp.LpInteger) for m in given.prices}
    load: dict[str, list[object]] = {m: [] for m in given.prices}
    problem += pulp.lpSum(given.prices[m] * count[m] for m in count)
    for k, rate in given.rates.items():
        for piece in range(slices):
            pick = {m: problem.add_variable(f"x_{k}_{piece}_{m}", cat=pulp.LpBinary) for m in count}
            problem += pulp.lpSum(pick.values()) == 1
            for m, x in pick.items():
                load[m].append((rate / slices / given.throughput[k][m]) * x)
    for m, n in count.items():
        problem += pulp.lpSum(load[m]) <= n
    problem.solve(pulp.COIN_CMD(path=pulp_cbc_path, msg=False, timeLimit=limit_s))
    found = sum(given.prices[m] * (n.varValue or 0.0) for m, n in count.items())
    return found, "proven" if problem.sol_status == pulp.LpSolutionOptimal else "stopped"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--limit-s", type=float, default=40.0)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    columns = ("types", "buckets", "slices", "rate/s", "binaries", "peer / ours time", "peer ended")
    print("| " + " | ".join((*columns, "peer / ours cost", "free splitting / ours")) + " |")
    print("|---|---|---|---|---|---|---|---|---|")
    size_fleet({"warm": 1.0}, {"warm": {"up": 1.0, "x": 2.0}}, {"up": 1.0, "x": 1.5}, splitting=1)  # imports
    ratios = []
    for types, buckets, slices, rate in CASES[: QUICK if options.quick else None]:
        given = instance(types, buckets, rate)
        tables = given.rates, given.throughput, given.prices
        began = cpu_s()
        ours = size_fleet(*tables, splitting=slices, time_limit_s=options.limit_s)
        middle = cpu_s()
        cost, ended = binary_slices(given, slices, options.limit_s)
        ratio = (cpu_s() - middle) / (middle - began)
        ratios.append(ratio)
        free = size_fleet(*tables, splitting="continuous", time_limit_s=options.limit_s)
        binaries = types * buckets**2 * slices
        print(
            f"| {types} | {buckets}x{buckets} | {slices} | {rate:g} | {binaries:,} | {ratio:.0f}x | {ended} "
            f"| {cost / ours.cost:.4f} ({ours.status}) | {free.cost / ours.cost:.3f} ({free.status}) |",
            flush=True,
        )
    print(f"\nmedian of the ratios: {median(ratios):.0f}x")


if __name__ == "__main__":
    main()
