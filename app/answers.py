"""Plans by question, remembered: what is on screen was computed once, whoever asked first.

The key is the digest of everything that enters the answer, so two sessions share an entry only if they asked the
very same thing. Entries are bounded; one solve runs at a time, the others wait their turn. `WARM` base
questions keep what the planner learnt while solving them.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

from planner import api
from planner.errors import Infeasible, InputError, NoAnswer, PlannerError, exit_code

if TYPE_CHECKING:
    from planner.plan import Plan
    from planner.pricing.catalog import Catalog
    from planner.profiles.store import Profiles
    from planner.scenario import Scenario

MOST = 128
WARM, USES = 6, 200
State = Literal["answered", "infeasible", "no_answer", "bad_input", "failed"]
Progress = Callable[[str], None]
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answer:
    """A plan, or the reason there is none: `binding` limits, `relaxations` in words with the values they set."""

    state: State
    scenario: Scenario | None
    plan: Plan | None = None
    said: str = ""
    binding: tuple[str, ...] = ()
    relaxations: tuple[tuple[str, Mapping[str, object]], ...] = ()


@dataclass(eq=False)
class Warm:
    """A base question kept warm by the planner, and how often it was used."""

    session: Any
    uses: int = 0


class Answers:
    """A bounded memory of results, and of a few base questions kept warm; safe to share between sessions."""

    def __init__(self, most: int = MOST, *, warm: int = WARM) -> None:
        self._most, self._warm_most = most, warm
        self._known: OrderedDict[tuple[object, ...], Any] = OrderedDict()
        self._warm: OrderedDict[tuple[object, ...], Warm] = OrderedDict()
        self._lock, self._turn = Lock(), Lock()

    def get(
        self, key: tuple[object, ...], compute: Callable[[], Any], on_wait: Progress = lambda message: None
    ) -> Any:
        """The remembered result of `key`, else that of `compute`; what raises is not remembered.

        `on_wait` is called while others have their turn; what it raises ends the wait.
        """
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        found = self.alone(compute, on_wait)
        with self._lock:
            _keep(self._known, key, found, self._most)
        return found

    def alone(self, compute: Callable[[], Any], on_wait: Progress = lambda message: None) -> Any:
        """What `compute` returns, while nothing else reads the measurements: threads cannot share their open files."""
        while not self._turn.acquire(timeout=0.2):
            on_wait("waiting for a turn")
        try:
            return compute()
        finally:
            self._turn.release()

    def known(self, key: tuple[object, ...]) -> Any:
        """The remembered result of `key`, None where there is none."""
        with self._lock:
            return self._known.get(key)

    def warm(self, key: tuple[object, ...], open_session: Callable[[], Any]) -> Warm:
        """The base question of `key` kept warm; opened anew after `USES` uses, for its memory only grows."""
        with self._lock:
            found = self._warm.get(key)
            if found is not None and found.uses < USES:
                self._warm.move_to_end(key)
                found.uses += 1
                return found
        found = Warm(open_session())
        with self._lock:
            _keep(self._warm, key, found, self._warm_most)
        return found

    def __len__(self) -> int:
        return len(self._known)


def _keep(
    memory: OrderedDict[tuple[object, ...], Any], key: tuple[object, ...], value: object, most: int
) -> None:
    memory[key] = value
    while len(memory) > most:
        memory.popitem(last=False)


@dataclass(frozen=True)
class Asked:
    """A question ready to be solved: the base, what is changed of it, prices, day."""

    base: Scenario
    values: Mapping[str, Any]
    catalog: Catalog
    as_of: date

    @cached_property
    def scenario(self) -> Scenario:
        """The base with its changes; raises ScenarioError."""
        return api.change_scenario(self.base, self.values) if self.values else self.base

    @property
    def key(self) -> tuple[object, ...]:
        """All that enters the answer."""
        return self.scenario.digest, self.catalog.digest, self.as_of


def answer(
    asked: Asked, profiles: Profiles, memory: Answers, on_progress: Progress = lambda message: None
) -> Answer:
    """The answer to a question; errors are answers too.

    A change of a base that has an answer is solved from that answer, which costs a tenth of a fresh start.
    """

    def solved() -> Answer:
        try:
            plan: Plan = on_session(asked, profiles, memory, lambda session: session.bare_plan, on_progress)
        except Exception as error:
            return failure(error, asked.scenario)
        return Answer("answered", asked.scenario, plan)

    found: Answer = memory.get(("plan", *asked.key), solved, on_progress)
    return found


def on_session(
    asked: Asked, profiles: Profiles, memory: Answers, use: Callable[[Any], Any], on_progress: Progress
) -> Any:
    """What `use` makes of the question's session, which grows out of its base's. Raises what solving raises."""

    def opened(scenario: Scenario) -> Any:
        return api.open_session(scenario, asked.catalog, profiles, as_of=asked.as_of, on_progress=on_progress)

    key = (asked.base.digest, asked.catalog.digest, asked.as_of)
    try:
        warm = memory.warm(key, lambda: opened(asked.base))
    except Infeasible:
        if not asked.values:
            raise
        return use(opened(asked.scenario))  # the base has no answer to start from
    on_progress("choosing")
    return use(warm.session.change(limit=asked.values) if asked.values else warm.session)


def exact(asked: Asked, profiles: Profiles, memory: Answers) -> Plan:
    """The plan as the command line finds it, from a fresh start: the same cost, and the same bytes."""
    found: Plan = memory.get(
        ("exact", *asked.key),
        lambda: api.recommend(asked.scenario, asked.catalog, profiles, as_of=asked.as_of),
    )
    return found


def failure(error: Exception, scenario: Scenario | None = None) -> Answer:
    """What went wrong, as an answer in words; a bug goes to the log with its traceback."""
    said = " ".join(str(error).split())
    if isinstance(error, Infeasible):
        changes = error.changes or ({},) * len(error.relaxations)
        return Answer(
            "infeasible", scenario, None, said.partition(": ")[0], error.binding,
            tuple(zip(error.relaxations, changes, strict=True)),
        )  # fmt: skip
    if isinstance(error, NoAnswer):
        return Answer("no_answer", scenario, None, said)
    if isinstance(error, InputError | PlannerError) or exit_code(error) == 5:
        return Answer("bad_input", scenario, None, said)
    log.exception("the planner failed")
    return Answer("failed", scenario, None, f"{type(error).__name__}: {said}")
