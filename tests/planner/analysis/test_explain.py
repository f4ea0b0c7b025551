"""Every option has an explanation: what binds, and how far it is from turning."""

import pytest

from planner.errors import InputError
from planner.optimize import solve
from planner.profiles.gpus import load_gpus


def test_every_gpu_on_offer_gets_a_verdict(session):
    named = {v.subject for v in session.explain().verdicts}
    assert named == {o.gpu for o in session.case.market}


def test_what_the_plan_uses_is_in_and_what_it_does_not_is_not(session):
    used = {p.gpu for p in session.bare_plan.placements}
    assert {v.subject for v in session.explain().verdicts if v.state == "in"} == used


def test_a_gpu_outside_the_constraints_names_the_constraint(session):
    (verdict,) = session.explain(gpu="h200_sxm").verdicts
    assert verdict.state == "excluded"
    assert any(v.binding == "constraints.gpus" for v in session.explain().verdicts)


def test_the_price_an_option_would_need_brings_it_in(session):
    out = [v for v in session.explain().verdicts if v.state == "out"]
    assert out
    (verdict,) = session.explain(gpu=out[0].subject).verdicts
    price = next(d for d in verdict.distances if d.quantity == "price")
    case = session.case
    mine = case.mask(lambda column: column.option.offer.gpu == out[0].subject)
    factor = price.needed / price.now
    for nearer, there in ((0.99, True), (1.01, False)):
        usd = case.problem.usd_per_hour.copy()
        usd[mine] *= nearer * factor
        assert solve(case.problem.changed(usd_per_hour=usd), gap=1e-6).units[mine].any() == there


def test_a_slower_engine_says_which_one_the_offer_would_rather_run(session):
    plan = session.bare_plan.placements[0]
    others = {
        c.engine for c in session.case.decided.ways[0].configurations if c.evaluation.gpu.key == plan.gpu
    }
    for engine in others - {plan.engine}:
        (verdict,) = session.explain(gpu=plan.gpu, engine=engine).verdicts
        assert verdict.state in ("out", "cannot")
        assert (
            verdict.state == "cannot" or "carries more with" in verdict.reason or "cheaper" in verdict.reason
        )


def test_a_latency_no_gpu_reaches_is_told_in_milliseconds(session):
    slow = session.change(limit={"workloads.chat.tpot_ms": 9.0, "workloads.chat.ttft_ms": 5000})
    found = [v for v in slow.explain(gpu="l4").verdicts if v.binding == "workloads.chat.tpot_ms"]
    assert found and found[0].state == "cannot"
    assert found[0].distances[0].now > found[0].distances[0].needed == 9.0


@pytest.mark.parametrize(
    ("word", "value"), [("seller", "awz"), ("gpu", "h1000"), ("engine", "vlm"), ("workload", "chatt")]
)
def test_a_word_that_matches_nothing_is_refused_by_name(session, word, value):
    with pytest.raises((InputError, ValueError), match=value):
        session.explain(**{word: value})


def test_verdicts_name_gpus_of_the_table(session):
    assert {v.subject for v in session.explain().verdicts} <= set(load_gpus())
