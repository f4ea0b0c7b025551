"""On a frontier nothing is both cheaper and better, and every point is a question that can be asked."""

import itertools

import pytest


@pytest.fixture(scope="module")
def found(session):
    return session.frontier()


def test_no_point_is_beaten_on_both_counts(found):
    for axis in {p.axis for p in found.points}:
        sign = -1 if axis == "measured share" else 1
        mine = [p for p in found.points if p.axis == axis]
        for a, b in itertools.permutations(mine, 2):
            assert not (a.usd_per_month <= b.usd_per_month and sign * a.value <= sign * b.value), (a, b)


@pytest.mark.parametrize("field", ["ttft_ms", "tpot_ms"])
def test_a_latency_point_costs_what_the_question_with_that_limit_costs(session, found, field):
    points = [p for p in found.points if p.axis == f"{field} of chat"]
    assert points
    for p in points[:2]:
        usd = session.change(limit={f"workloads.chat.{field}": p.limit}).case.usd_per_month
        assert p.usd_per_month == pytest.approx(usd)


def test_a_plan_on_the_frontier_costs_what_the_plan_costs(session, found):
    marked = [p for p in found.points if p.is_plan]
    assert marked
    assert all(p.usd_per_month == pytest.approx(session.case.usd_per_month) for p in marked)


def test_what_is_left_out_is_counted(found):
    assert all("carbon" in line or "spot" in line for line in found.missing)
