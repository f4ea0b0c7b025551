"""This browser tab's question, the URL it is in step with, and the answers to it.

Nothing of a session is kept outside `st.session_state` but plans by digest, which say nothing about who asked.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

import streamlit as st

from planner import api
from planner.app.answers import Answer, Answers, Asked, answer, exact, failure, on_session
from planner.app.state import Question, from_query, repriced, scenario_of, to_query, values_of
from planner.errors import PlannerError

if TYPE_CHECKING:
    from planner.plan import Plan
    from planner.pricing.catalog import Catalog
    from planner.profiles.store import Profiles
    from planner.scenario import Scenario


PAGE = "page"
"""Parameter of the URL that names the page."""


@cache
def catalog() -> Catalog:
    """The shipped prices, read once for all sessions."""
    return api.load_catalog()


@cache
def profiles() -> Profiles:
    """The shipped measurements, read once for all sessions."""
    return api.load_profiles()


@cache
def memory() -> Answers:
    """Answers of all sessions, by digest."""
    return Answers()


@dataclass(frozen=True)
class Now:
    """What the pages draw: the question, the baseline's answer, the what-if's, and the last plan that worked."""

    question: Question
    asked: Asked
    baseline: Answer
    answer: Answer
    last_good: Plan | None

    @property
    def plan(self) -> Plan | None:
        """The plan of the what-if, if there is one."""
        return self.answer.plan

    @property
    def catalog(self) -> Catalog:
        """The prices planned with."""
        return self.asked.catalog

    @property
    def scenario(self) -> Scenario | None:
        """The scenario as changed; None where the changes make no scenario."""
        return self.answer.scenario

    @property
    def moved(self) -> bool:
        """Whether the what-if differs from the baseline."""
        return bool(self.question.changes or self.question.local or self.question.baseline)


def question() -> Question:
    """The question of this session."""
    found: Question = st.session_state["question"]
    return found


def ask(new: Question, *, said: str = "") -> None:
    """Replace the question; for callbacks, which run before the page is drawn."""
    st.session_state["question"] = new
    st.session_state["touched"] = True
    st.session_state["said"] = (said,) if said else ()


def change(key: str, value: Any) -> None:
    """Change one key of the question."""
    ask(question().changed(key, value))


def page() -> str:
    """Name of the page on screen."""
    return str(st.session_state["page"])


def go(name: str) -> None:
    """Turn to a page; for callbacks."""
    st.session_state["page"] = name
    st.session_state["touched"] = True


def follow_url(pages: Collection[str]) -> None:
    """Bring question and URL in step: what the reader just touched wins, else the URL (a link, the back button)."""
    state, query = st.session_state, st.query_params.to_dict()
    touched = state.pop("touched", False)
    if "question" not in state or (not touched and query != state.get("query")):
        first, *_ = pages
        wanted_page = query.pop(PAGE, first)
        state["page"] = wanted_page if wanted_page in pages else first
        state["question"], state["said"] = from_query(query, state.get("question", Question()))
    first, *_ = pages
    wanted = ({} if state["page"] == first else {PAGE: state["page"]}) | to_query(state["question"])
    if wanted != st.query_params.to_dict():
        st.query_params.from_dict(wanted)
    state["query"] = wanted


def today() -> date:
    """The day that ages of prices refer to."""
    return date.today()


def solve(asked: Asked, on_progress: Callable[[str], None]) -> Answer:
    """Answer of a question, out of memory where it was asked before."""
    return answer(asked, profiles(), memory(), on_progress)


def asked_of(new: Question, baseline: Plan | None) -> Asked:
    """A question ready to be solved, on its own prices or the shipped ones."""
    prices = new.catalog if new.catalog is not None else catalog()
    return Asked(new.base(), values_of(new, repriced(new, baseline)), prices, today())


def now(on_progress: Callable[[str], None]) -> Now:
    """Answers to the question on screen; the baseline is the base unchanged, or the plan that was uploaded."""
    new = question()
    if new.baseline is not None:
        before = Answer("answered", None, new.baseline)
    else:
        on_progress("the baseline")
        before = solve(replace(asked_of(new, None), values={}), on_progress)
    asked = asked_of(new, before.plan)
    on_progress("your question")
    try:
        after = solve(asked, on_progress)
    except PlannerError as error:  # the changes make no scenario
        after = failure(error)
    if after.plan is not None:
        st.session_state["last_good"] = after.plan
    return Now(new, asked, before, after, st.session_state.get("last_good"))


def variant(here: Now, values: Mapping[str, object], on_progress: Callable[[str], None]) -> Answer:
    """Answer of the present scenario with some more values replaced by dotted path."""
    try:
        return solve(replace(here.asked, values={**here.asked.values, **values}), on_progress)
    except PlannerError as error:
        return failure(error)


def answer_to(new: Question, here: Now, on_progress: Callable[[str], None]) -> Plan | None:
    """Plan of another question against the present baseline and prices; None where there is none."""
    try:
        return solve(asked_of(new, here.baseline.plan), on_progress).plan
    except PlannerError:
        return None


def exact_plan(here: Now) -> Plan:
    """The plan to take away: the bytes of the command line."""
    return exact(here.asked, profiles(), memory())


def study(here: Now, name: str, use: Callable[[Any], Any], on_progress: Callable[[str], None]) -> Any:
    """An analysis of the question on screen, computed once. Raises what solving raises."""
    found = functools.partial(on_session, here.asked, profiles(), memory(), use, on_progress)
    return memory().get((name, *here.asked.key), found, on_progress)


def positions(here: Now, placement: int) -> Any:
    """Ops of a placement of the plan on screen on the roofline of its GPU."""
    plan = here.plan
    assert plan is not None  # pages without a plan do not ask
    key = ("positions", placement, *here.asked.key)
    return memory().get(key, lambda: api.op_positions(plan, placement, profiles()))


def studied(here: Now, name: str) -> Any:
    """An analysis that was computed before; None where it was not."""
    return memory().known((name, *here.asked.key))


def take_upload(kind: str, data: bytes, name: str, workload: int = 0) -> None:
    """Put an uploaded file into the question. Raises what `api.read_upload` raises; the question then stays."""
    asked, found = question(), api.read_upload(kind, data, name)
    match kind:
        case "scenario":
            ask(
                Question(
                    scenario=found, scenario_name=name, catalog=asked.catalog, catalog_name=asked.catalog_name
                )
            )
        case "plan":
            ask(replace(asked, baseline=found, baseline_name=name))
        case "prices":
            ask(replace(asked, catalog=found, catalog_name=name))
        case _:
            of = list(asked.base().workloads)[workload]
            new = asked.with_local({f"workloads.{of}.{k}": v for k, v in found.items()})
            scenario_of(new)  # refuse here what the scenario would refuse later
            ask(new)
