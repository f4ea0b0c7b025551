"""A few simulated years, small and the same every time: what the benchmark shows at length."""

from __future__ import annotations

import sys
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import planner
from planner.inputs import changed
from planner.worlds.outlook import Outlook
from planner.worlds.residuals import load_error_curves

FILE = Path(__file__).parents[3] / "benchmarks" / "year.py"


@cache
def year() -> ModuleType:
    spec = spec_from_file_location("year_of_the_benchmarks", FILE)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@cache
def table() -> dict[str, object]:
    curves, paths = load_error_curves(), year().Paths(1, 2, Outlook())
    scenario = changed(
        planner.load_example("chat-70b"), {"constraints.gpus": ["h200_sxm", "gh200", "h100_sxm"]}
    )
    return {row.plan: row for row in year().rows(scenario, paths, (curves, curves), many=2000)}


def test_a_signed_plan_keeps_its_limits_as_often_as_it_says() -> None:
    signed = table()["as signed"]
    assert signed.kept == pytest.approx(signed.said, abs=0.03)  # type: ignore[attr-defined]


def test_who_knows_the_year_keeps_every_limit_and_pays_no_more_than_any_plan_that_does() -> None:
    rows = table()
    perfect = rows.pop("perfect")
    assert perfect.kept == 1.0  # type: ignore[attr-defined]
    assert all(r.against_perfect >= -0.006 for r in rows.values() if r.kept > 0.99)  # type: ignore[attr-defined]


def test_measuring_before_signing_costs_less_than_never_touching_the_plan() -> None:
    rows = table()
    assert rows["measured first"].usd_per_month <= rows["as signed"].usd_per_month  # type: ignore[attr-defined]
    assert rows["point estimate"].kept <= rows["as signed"].kept  # type: ignore[attr-defined]


def test_years_are_the_same_for_the_same_seed_and_wander_as_far_as_stated() -> None:
    paths, again = (year().Paths(3, 400, Outlook()) for _ in range(2))
    assert (paths.demand("chat") == again.demand("chat")).all()
    assert np.log(paths.demand("chat")).std() == pytest.approx(Outlook().demand_sd, rel=0.1)


def test_halves_share_no_configuration_group_and_miss_no_curve() -> None:
    whole = load_error_curves()
    one, other = year().halves(whole)
    for pool, curves in whole.pools.items():
        groups = [{c.group for c in half.pools[pool]} for half in (one, other)]
        assert not groups[0] & groups[1]
        assert len(one.pools[pool]) + len(other.pools[pool]) == len(curves)
        assert min(len(one.pools[pool]), len(other.pools[pool])) > 0.35 * len(curves)
