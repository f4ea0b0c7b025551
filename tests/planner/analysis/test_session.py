"""A session answers a small change as a cold start would, and does not change itself."""

from dataclasses import FrozenInstanceError
from datetime import date

import pytest

import planner
from planner.analysis.session import STUDIES, ask
from planner.errors import Infeasible, InputError
from planner.plan import ANALYSES, load_plan

DAY = date(2026, 11, 22)


def test_a_changed_limit_rate_and_price_answer_as_a_cold_start_does(session, catalog, profiles):
    offer = session.bare_plan.placements[0].offer
    other = session.change(
        rate={"chat": 45},
        limit={"constraints.spare_replicas": 1},
        price={offer.label: 2 * offer.usd_per_hour},
    )
    cold = ask(other.scenario, catalog, profiles, as_of=DAY)
    assert other.case.usd_per_month == pytest.approx(cold.case.usd_per_month)
    assert other.flip() == cold.flip()
    assert other.lock_in() == cold.lock_in()


def test_a_session_is_not_changed_by_its_changes(session):
    before = session.bare_plan.to_json()
    session.change(rate={"chat": 90}).flip()
    assert session.bare_plan.to_json() == before
    with pytest.raises(FrozenInstanceError):
        session.as_of = DAY


def test_a_session_costs_what_recommend_costs(session, catalog, profiles):
    plan = planner.recommend(session.scenario, catalog, profiles, as_of=DAY)
    assert session.bare_plan.usd_per_month == pytest.approx(plan.usd_per_month)


def test_the_plan_carries_every_analysis_and_reads_back(session, tmp_path):
    (tmp_path / "plan.json").write_text(session.plan.to_json())
    stored = load_plan(tmp_path / "plan.json").analyses
    assert set(STUDIES) <= set(ANALYSES)
    assert all(stored[name] for name in STUDIES)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rate": {"chat": 0}}, "not above 0"),
        ({"rate": {"chatt": 5}}, "chatt"),
        ({"price": {"aws p5": 3.0}}, "aws p5"),
        ({"limit": {"constraints.spare_replica": 1}}, "spare_replica"),
    ],
)
def test_a_change_of_what_is_not_there_is_refused(session, change, words):
    with pytest.raises(InputError, match=words):
        session.change(**change)


def test_a_budget_too_small_is_told_like_anywhere_else(session):
    with pytest.raises(Infeasible) as caught:
        session.change(limit={"constraints.budget_usd_per_month": 10})
    assert any("budget" in line for line in caught.value.binding)


def test_the_public_functions_take_a_session(session):
    assert planner.flip(session) == session.flip()
    assert planner.explain(session, gpu="l4").asked == {"gpu": "l4"}
