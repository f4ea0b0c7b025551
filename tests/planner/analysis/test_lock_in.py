"""Neither ratio is below 1, the split adds up, and each lock is the question asked with that lock."""

import pytest

from planner.errors import Infeasible, InputError


@pytest.fixture(scope="module")
def found(session):
    return session.lock_in()


def test_no_ratio_is_below_one(found):
    rows = [r for r in (*found.portability, *found.lock_in, *found.split) if r.ratio is not None]
    assert len(rows) > 6
    assert all(r.ratio >= 1 and r.usd_per_month >= found.usd_per_month * (1 - 1e-9) for r in rows)
    assert all(r.extra_usd_per_month >= 0 for r in rows)


def test_portable_costs_at_least_what_open_costs(found):
    opened, portable = found.portability
    assert portable.usd_per_month >= opened.usd_per_month * (1 - 1e-9)


def test_the_split_adds_up_in_its_order(found):
    assert [r.restriction.split(":")[0] for r in found.split] == ["kernels", "hardware", "seller", "term"]
    extras = sum(r.extra_usd_per_month for r in found.split)
    assert found.usd_per_month + extras == pytest.approx(found.split[-1].usd_per_month)


def test_a_lock_costs_what_the_question_with_that_constraint_costs(session, found):
    for r in found.lock_in:
        kind, _, value = r.restriction.removesuffix(" only").partition(": ")
        field = {"kernels": "engines", "hardware": "vendors", "seller": "sellers"}.get(kind)
        if field is None:
            continue
        try:
            usd = session.change(limit={f"constraints.{field}": [value]}).case.usd_per_month
        except Infeasible:
            usd = None
        assert r.usd_per_month == (usd if usd is None else pytest.approx(usd)), r.restriction


def test_open_kernels_cost_what_the_question_with_that_rule_costs(session, found):
    usd = session.change(limit={"constraints.kernels": "open"}).case.usd_per_month
    assert found.portability[0].usd_per_month == pytest.approx(usd, rel=0.02)


def test_a_name_nobody_has_is_refused(session):
    with pytest.raises(InputError, match="seller"):
        session.lock_in(seller="awz")
