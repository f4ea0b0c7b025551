"""Flips of a real question, checked by solves of the whole problem."""

from planner.analysis.flip import Handles
from planner.analysis.parts import priced
from planner.optimize import solve


def test_flips_of_a_real_question_hold_when_it_is_asked_again(session):
    found = [f for f in session.flip().flips if f.quantity == "price" and f.flips_at is not None]
    assert {f.state for f in found} == {"in", "out"}
    handles, case = Handles(session.case), session.case
    for f in found:
        number = handles.names.index(f.subject)
        mine = handles.mask(number, 0)
        for factor, there in ((0.99, True), (1.01, False)):
            problem = priced(case.problem, mine, factor * f.flips_at / f.now)
            assert solve(problem, gap=1e-6).units[mine].any() == there, (f.subject, factor)


def test_every_workload_has_a_demand_flip_up_and_down_or_says_how_far_was_looked(session):
    found = [f for f in session.flip().flips if f.quantity == "demand"]
    assert len(found) == 2
    assert all(f.flips_at is not None or "times today's demand" in f.note for f in found)
