"""A lock names everything that moved, and nothing that did not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from planner.errors import DataError, LockMismatch
from planner.lock import Lock, data_of, lock, parse_lock, verify, verify_plan, verify_same
from planner.plan import Digests, Plan, load_plan

SAMPLE = Path(__file__).parents[2] / "data" / "plan_sample.json"


@pytest.fixture
def plan() -> Plan:
    plan = consistent(load_plan(SAMPLE))
    return replace(plan, digests=Digests("a" * 64, "b" * 64, "c" * 64))


def consistent(plan: Plan) -> Plan:
    """The sample with dollars that are units times price times hours."""
    rows = tuple(
        replace(p, usd_per_month=p.units * p.offer.usd_per_hour * p.hours_per_month) if p.term != "api" else p
        for p in plan.placements
    )
    return replace(plan, placements=rows, usd_per_month=sum(p.usd_per_month for p in rows))


@pytest.fixture
def made(plan: Plan) -> Lock:
    return lock(plan, plan_name="planner.lock.json")


def test_the_lock_reads_back_as_it_was_written(made: Lock) -> None:
    assert parse_lock(made.to_toml(), installed="0.1.0") == made


def test_what_did_not_move_is_accepted(plan: Plan, made: Lock) -> None:
    verify(made, scenario_sha256=plan.question.digest, data=data_of(plan), versions=plan.versions)
    verify_plan(made, plan.to_json(), plan)
    verify_same(made, plan)


@pytest.mark.parametrize("what", ["prices", "profiles", "calibration"])
def test_data_that_moved_are_named_and_nothing_else(plan: Plan, made: Lock, what: str) -> None:
    data = data_of(plan) | {what: "0" * 64}
    with pytest.raises(LockMismatch) as error:
        verify(made, scenario_sha256=plan.question.digest, data=data, versions=plan.versions)
    assert f"{what} {made.data[what][:12]} -> 000000000000" in str(error.value)
    assert not [
        w for w in ("prices", "profiles", "calibration", "scenario") if w != what and w in str(error.value)
    ]


def test_every_thing_that_moved_is_named_at_once(plan: Plan, made: Lock) -> None:
    versions = dict.fromkeys(plan.versions, "99")
    with pytest.raises(LockMismatch) as error:
        verify(made, scenario_sha256="f" * 64, data=data_of(plan), versions=versions)
    assert "scenario" in str(error.value)
    assert all(f"{name} {v} -> 99" in str(error.value) for name, v in plan.versions.items())


def test_a_plan_edited_by_hand_is_refused(plan: Plan, made: Lock) -> None:
    cheaper = replace(plan, usd_per_month=1.0)
    with pytest.raises(LockMismatch, match=r"plan .* -> .*; usd_per_month 1, its placements cost"):
        verify_plan(made, cheaper.to_json(), cheaper)
    with pytest.raises(LockMismatch, match="made again"):
        verify_same(made, cheaper)


def test_a_placement_whose_dollars_do_not_follow_from_its_price_is_refused(plan: Plan) -> None:
    first = replace(plan.placements[0], usd_per_month=2 * plan.placements[0].usd_per_month)
    rows = (first, *plan.placements[1:])
    wrong = replace(plan, placements=rows, usd_per_month=sum(p.usd_per_month for p in rows))
    with pytest.raises(LockMismatch, match=r"placements\[0\]"):
        verify_plan(lock(wrong, plan_name="x.json"), wrong.to_json(), wrong)


def test_a_lock_made_by_a_newer_version_says_so(made: Lock) -> None:
    newer = replace(made, schema="planner.lock/2", versions={"openclaw-planner": "9.0.0"})
    with pytest.raises(
        DataError, match=r"made by openclaw-planner 9\.0\.0, this is 0\.1\.0 \(install that version"
    ):
        parse_lock(newer.to_toml(), installed="0.1.0")


@pytest.mark.parametrize(
    ("text", "message"), [("schema = ", "not TOML"), ('schema = "planner.lock/1"\n', "missing")]
)
def test_a_broken_lock_is_bad_input(text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse_lock(text, installed="0.1.0")
