"""What a pipeline asks about a plan: is it allowed, and what changed since the baseline. Records only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from planner.plan import Finding, Plan

DIFF_SCHEMA: Literal["planner.diff/1"] = "planner.diff/1"
CHECK_SCHEMA: Literal["planner.check/1"] = "planner.check/1"

Level = Literal["pass", "note", "warning", "failure"]
Verdict = Literal["pass", "warn", "fail", "infeasible", "locked", "unanswered", "broken"]
"""`infeasible`: nothing satisfies the limits; `locked`: the lock does not match; `unanswered`: no answer
within the solver's limits; `broken`: a file is wrong."""

EXIT_CODES: Mapping[Verdict, int] = {
    "pass": 0, "warn": 0, "fail": 3, "infeasible": 4, "broken": 5, "locked": 6, "unanswered": 7,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Moved:
    """One number of the plan before and after; `unit` is usd, share, days or count."""

    name: str
    unit: Literal["usd", "share", "days"]
    before: float | None
    after: float | None

    @property
    def change(self) -> float | None:
        """After less before, where both are known.

        >>> Moved("cost", "usd", 100.0, 90.0).change
        -10.0
        """
        return None if self.before is None or self.after is None else self.after - self.before

    @property
    def percent(self) -> float | None:
        """Change in per cent of before."""
        change = self.change
        return None if change is None or not self.before else 100.0 * change / self.before


@dataclass(frozen=True, slots=True)
class PlacementChange:
    """Units of one thing to rent or own, before and after."""

    workload: str
    offer: str
    runs: str
    units_before: int
    units_after: int
    usd_before: float
    usd_after: float


@dataclass(frozen=True, slots=True)
class Cause:
    """Part of the change of the monthly cost that one kind of input brought, and which inputs those were.

    `name` joins kinds that could not be told apart, such as "price and kernel".
    """

    name: str
    usd_per_month: float
    inputs: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class PlanDiff:
    """What changed from one plan to another; the causes add up to the change of the cost."""

    base_as_of: str
    head_as_of: str
    moved: tuple[Moved, ...]
    placements: tuple[PlacementChange, ...]
    causes: tuple[Cause, ...]
    rule: str
    schema: Literal["planner.diff/1"] = DIFF_SCHEMA

    @property
    def cost(self) -> Moved:
        """The monthly cost, before and after."""
        return next(m for m in self.moved if m.name == COST)


COST = "usd_per_month"
"""Name of the cost among `PlanDiff.moved`."""


@dataclass(frozen=True, slots=True)
class Checked:
    """One rule, judged; `line` is where the scenario file sets it."""

    rule: str
    level: Level
    message: str
    value: float | None = None
    limit: float | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Findings:
    """The verdict on a plan: every rule of the policy, what changed since the baseline, the plan itself.

    `checked` also holds why there is no plan, where there is none. `quiet` says that the change is below
    what the policy wants to hear about.
    """

    verdict: Verdict
    scenario: str
    checked: tuple[Checked, ...]
    remarks: tuple[Finding, ...] = ()
    baseline: str | None = None
    diff: PlanDiff | None = None
    quiet: bool = False
    plan: Plan | None = None
    schema: Literal["planner.check/1"] = CHECK_SCHEMA

    @property
    def exit_code(self) -> int:
        """What the pipeline sees."""
        return EXIT_CODES[self.verdict]

    def at(self, *levels: Level) -> tuple[Checked, ...]:
        """The rules judged so."""
        return tuple(c for c in self.checked if c.level in levels)
