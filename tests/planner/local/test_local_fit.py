"""The fit: recovers what it should, shrinks what it must, and ships what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.local import read_query
from planner.local.crossvalidate import conformal
from planner.local.physics import columns, rates
from planner.local.sample import Figure, assemble
from planner.local.solve import solve
from planner.local.store import EFFECT_COLUMNS, INTERVAL_COLUMNS, load_calibration
from planner.local.tables import rows
from planner.local.terms import TERMS, Effects, blank_effects, groups

NAMES = ["NVIDIA RTX 4090", "NVIDIA RTX 3090", "NVIDIA RTX 3060", "NVIDIA RTX 4070"]


def figures(faster: str, factor: float) -> list[Figure]:
    """Figures that follow the prior, except that one device is `factor` times as fast."""
    out = []
    for i, name in enumerate(NAMES):
        for weights in ("Q4_K_M", "Q8_0", "F16"):
            query = read_query(
                {
                    "device": name,
                    "count": "1",
                    "framework": "llama.cpp",
                    "model": "Llama-3.2-3B",
                    "quant": weights,
                    "batch": "1",
                    "prompt_len": "512",
                    "gen_len": "128",
                    "metric": "llama-bench pp/tg",
                    "device_as_reported": "",
                }
            )
            blank = blank_effects([groups(query)])
            found = rates(columns([query]), blank.log_terms(blank.index([groups(query)])))
            gain = factor if name == faster else 1.0
            out.append(Figure(i, query, name, gain * found.decode[0], gain * found.prefill[0], 1.0))
    return out


def fitted(rows_: list[Figure]) -> Effects:
    start, sample, shares = assemble(rows_, [])
    return solve(start, sample, shares, np.ones(len(rows_)), np.ones(0))


def test_figures_that_follow_the_prior_leave_every_effect_at_zero() -> None:
    assert np.abs(fitted(figures(NAMES[0], 1.0)).values).max() < 1e-6


def test_one_fast_device_is_told_apart_and_shrunk_towards_its_like() -> None:
    effects = fitted(figures("NVIDIA RTX 3060", 1.2))
    by_name = dict(zip(effects.names, effects.values, strict=True))
    own = by_name["compute_share", "device", "rtx_3060"]
    like = by_name["compute_share", "device", "rtx_3090"]
    assert own > 0.03 > like
    assert own < np.log(1.2)


def test_every_shipped_effect_belongs_to_a_term_and_level() -> None:
    levels = {term.name: term.levels for term in TERMS}
    for row in rows("effects"):
        assert tuple(row) == EFFECT_COLUMNS
        assert row["level"] in levels[row["term"]], row
        assert abs(float(row["log_effect"])) < 4 * levels[row["term"]][row["level"]] + 0.5, row
        assert row["source"], row


def test_every_term_says_its_unit_and_reason() -> None:
    assert all(term.unit and term.reason and term.start > 0 for term in TERMS)


def test_shipped_intervals_hold_the_prediction_and_cover_both_targets() -> None:
    known = load_calibration()
    assert all(i.low <= 1 <= i.high for i in known.intervals.values())
    for target in ("decode", "prefill"):
        for known_device in (True, False):
            assert known.interval(target, ("nothing", "bench"), known_device=known_device).rows >= 30
    assert all(tuple(row) == INTERVAL_COLUMNS for row in rows("intervals"))


@given(st.lists(st.floats(-2, 2), min_size=30, max_size=200))
def test_conformal_factors_hold_four_fifths_of_what_they_were_made_from(values: list[float]) -> None:
    low, high = conformal(np.array(values))
    inside = np.mean((np.exp(values) >= low - 1e-12) & (np.exp(values) <= high + 1e-12))
    assert inside >= 0.8


def test_unseen_group_takes_no_effect() -> None:
    known = load_calibration()
    nowhere = {level: "nowhere" for term in TERMS for level in term.levels}
    index = known.effects.index([nowhere])
    assert (index == -1).all()
    assert np.exp(known.effects.log_terms(index))[0, 0] == pytest.approx(TERMS[0].start)


def test_every_term_is_explained_on_the_page_about_local_engines() -> None:
    page = (Path(__file__).parents[3] / "docs" / "local-engines.md").read_text(encoding="utf-8")
    assert [term.name for term in TERMS if f"`{term.name}`" not in page] == []
