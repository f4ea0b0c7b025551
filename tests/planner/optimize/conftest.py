"""Random placement problems small enough to be solved to gap 0 in milliseconds."""

import numpy as np
import pytest

from planner.optimize import Limits, Problem
from planner.optimize.highs import Stops

EXACT = Stops(gap=1e-7, proof_gap=1e-9, nodes_within_gap=0, nodes=1_000_000, seconds=60)


@pytest.fixture(scope="session")
def exact():
    return EXACT


@pytest.fixture(scope="session")
def random_problem():
    def make(seed, *, classes=3, options=8, groups=1, limits=None, scarce=0.5, **fields):
        rng = np.random.default_rng(seed)
        pools = max(options // 2, 1)
        pool = np.arange(options) % pools
        price = np.round(np.exp(rng.normal(0.5, 0.8, pools)), 2)
        speed = price[pool] * np.exp(rng.normal(0, 0.4, options))
        capacity = speed * np.exp(rng.normal(0, 0.3, (classes, options)))
        return Problem(
            classes=tuple(f"class{k}" for k in range(classes)),
            demand_per_s=np.round(np.exp(rng.normal(1.0, 1.0, classes)), 3),
            class_group=np.arange(classes) % groups,
            options=tuple(f"option{o}" for o in range(options)),
            option_group=rng.integers(0, groups, options),
            option_pool=pool,
            capacity_per_s=np.where(rng.random((classes, options)) < 0.85, capacity, 0.0),
            usd_per_hour=price[pool],
            is_spot=(rng.random(pools) < 0.4)[pool],
            pool_limit=np.where(rng.random(pools) < scarce, rng.integers(1, 6, pools), np.inf).astype(float),
            limits=limits or Limits(),
            **fields,
        )

    return make


@pytest.fixture(scope="session")
def one_class():
    """One class of `demand` requests/s; options given as (capacity, price, limit, spot)."""

    def make(demand, *options, limits=None, **fields):
        capacity, price, limit, spot = (np.array(column) for column in zip(*options, strict=True))
        count = len(options)
        return Problem(
            classes=("chat",),
            demand_per_s=np.array([float(demand)]),
            class_group=np.zeros(1, int),
            options=tuple(f"option{o}" for o in range(count)),
            option_group=np.zeros(count, int),
            option_pool=np.arange(count),
            capacity_per_s=capacity.astype(float)[None, :],
            usd_per_hour=price.astype(float),
            is_spot=spot.astype(bool),
            pool_limit=limit.astype(float),
            limits=limits or Limits(),
            **fields,
        )

    return make
