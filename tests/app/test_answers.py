"""What is remembered is bounded, keyed by everything asked, and safe to share."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

import planner
from planner.app.answers import USES, Answers, Asked, answer, exact, failure
from planner.errors import Infeasible, NoAnswer, ScenarioError

DAY = date(2026, 11, 22)


def test_the_memory_forgets_what_was_not_asked_for_longest() -> None:
    memory = Answers(most=2)
    for key in "abac":
        memory.get((key,), lambda key=key: key)  # type: ignore[misc]
    assert memory.get(("a",), lambda: "anew") == "a"
    assert memory.get(("b",), lambda: "anew") == "anew"
    assert len(memory) == 2


def test_what_raises_is_not_remembered() -> None:
    memory = Answers()
    with pytest.raises(ZeroDivisionError):
        memory.get(("a",), lambda: 1 / 0)
    assert memory.get(("a",), lambda: 3) == 3


def test_one_answer_is_computed_at_a_time() -> None:
    memory, running, most = Answers(), [0], [0]

    def compute() -> None:
        running[0] += 1
        most[0] = max(most[0], running[0])
        sum(range(200_000))
        running[0] -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: memory.get((i,), compute), range(24)))
    assert most[0] == 1


def test_who_waits_for_a_turn_can_leave() -> None:
    memory = Answers()

    def impatient() -> int:
        def leave(message: str) -> None:
            raise TimeoutError(message)

        with ThreadPoolExecutor(1) as pool:
            return pool.submit(lambda: memory.get(("b",), lambda: 2, leave)).result()  # type: ignore[no-any-return]

    with pytest.raises(TimeoutError, match="waiting for a turn"):
        memory.get(("a",), impatient)
    assert memory.get(("b",), lambda: 3) == 3


def test_an_answer_depends_on_scenario_prices_and_day() -> None:
    memory, base = Answers(), planner.load_example("eu-only")
    catalog, profiles = planner.load_catalog(), planner.load_profiles()
    first = answer(Asked(base, {}, catalog, DAY), profiles, memory)
    assert answer(Asked(base, {}, catalog, DAY), profiles, memory) is first
    fewer = catalog.filter(sellers={o.seller for o in catalog.offers} - {"lambda"})
    assert answer(Asked(base, {}, fewer, DAY), profiles, memory) is not first
    assert answer(Asked(base, {}, catalog, date(2026, 11, 23)), profiles, memory) is not first


@pytest.mark.parametrize(
    "values",
    [{"workloads.chat.requests_per_s": 20.0}, {"workloads.chat.tpot_ms": 40.0}, {"constraints.zones": ["eu"]},
     {"constraints.spare_replicas": 0, "workloads.chat.model": "qwen3-32b"}],
)  # fmt: skip
def test_a_change_of_a_warm_base_costs_what_a_fresh_start_costs(values: dict[str, object]) -> None:
    profiles, memory = planner.load_profiles(), Answers()
    asked = Asked(planner.load_example("chat-70b"), values, planner.load_catalog(), DAY)
    warm, cold = answer(asked, profiles, memory).plan, exact(asked, profiles, memory)
    assert warm is not None
    assert warm.question == cold.question
    assert warm.usd_per_month == pytest.approx(cold.usd_per_month, rel=0.0101)  # both within the default gap


def test_a_change_of_a_base_without_an_answer_is_answered_too() -> None:
    base = planner.change_scenario(planner.load_example("chat-70b"), {"workloads.chat.tpot_ms": 1})
    asked = Asked(base, {"workloads.chat.tpot_ms": 50}, planner.load_catalog(), DAY)
    assert answer(asked, planner.load_profiles(), Answers()).state == "answered"


def test_a_warm_base_is_opened_anew_before_its_memory_grows() -> None:
    memory, opened = Answers(warm=1), []

    def open_session() -> int:
        opened.append(1)
        return len(opened)

    for _ in range(USES + 2):
        memory.warm(("a",), open_session)
    assert len(opened) == 2
    memory.warm(("b",), open_session)
    memory.warm(("a",), open_session)
    assert len(opened) == 4


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (
            Infeasible("no: x", binding=["x"], relaxations=["y"], changes=[{"constraints.zones": None}]),
            "infeasible",
        ),
        (Infeasible("no: x", relaxations=["y"]), "infeasible"),
        (NoAnswer("time"), "no_answer"),
        (ScenarioError("bad", path="f"), "bad_input"),
        (planner.DataError("bad"), "bad_input"),
        (RuntimeError("boom"), "failed"),
    ],
)
def test_every_error_has_its_designed_state(error: Exception, state: str) -> None:
    assert failure(error).state == state
