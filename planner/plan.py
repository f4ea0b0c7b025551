"""The answer: one frozen, versioned document that every report, gate and chart reads.

Nothing here depends on when or how fast it was computed, so the same inputs give the same bytes. Numbers that
are not known are `None`, never 0. Dollars are USD; a month has 730 hours.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from planner.canonical import dumps, from_data
from planner.errors import DataError
from planner.pricing.money import HOURS_PER_MONTH
from planner.pricing.offer import Offer
from planner.records import BASES, Basis, Estimate, Layout, MemoryGib, OpShare, Quantity

__all__ = [
    "ANALYSES",
    "BASES",
    "PLAN_SCHEMA",
    "Alternative",
    "AlternativePart",
    "Assumption",
    "Basis",
    "Digests",
    "Estimate",
    "Evidence",
    "Finding",
    "Layout",
    "MemoryGib",
    "Offer",
    "OpShare",
    "Placement",
    "Plan",
    "Quantity",
    "Question",
    "Rejected",
    "Status",
    "TokenPrices",
    "Unserved",
    "load_plan",
]

PLAN_SCHEMA: Literal["planner.plan/1"] = "planner.plan/1"
"""Changes with every incompatible change of a field; `load_plan` reads this version only."""

Status = Literal["optimal", "within_gap", "limit", "infeasible"]
"""`limit`: the solver stopped at a limit with an incumbent, which may be far from the best."""

ANALYSES = ("explain", "flip", "kernel_value", "lock_in", "arbitrage", "frontier", "regret", "measure_next")
"""Keys of `Plan.analyses`; each is null until its command has run."""


@dataclass(frozen=True, slots=True)
class Question:
    """The scenario that was asked: its text as read, and the sha256 that names it."""

    digest: str
    text: str


@dataclass(frozen=True, slots=True)
class TokenPrices:
    """Dollars per million tokens at the planned load, and the rule that split them."""

    input: float | None
    output: float | None
    total: float | None
    rule: str


@dataclass(frozen=True, slots=True)
class Placement:
    """An offer, how many units of it, what runs on each, and the load they carry.

    A unit is one instance of the offer with `replicas_per_unit` engine instances; `load_requests_per_s` is
    what all units carry, `headroom` the share of their capacity left free, both in the busiest of the
    `hours_per_month` that the units run. A hosted API has an offer and a load only.
    """

    workload: str
    offer: Offer
    gpu: str | None
    units: int
    replicas_per_unit: int | None
    layout: Layout | None
    engine: str | None
    engine_flags: tuple[str, ...]
    variants: Mapping[str, str]
    weight_precision: str | None
    kv_precision: str | None
    batch_limit: int | None
    load_requests_per_s: float
    headroom: float | None
    estimate: Estimate | None
    usd_per_month: float
    term: str
    hours_per_month: float = HOURS_PER_MONTH

    @property
    def around_the_clock(self) -> bool:
        """Whether the units run the whole month, not only in its busy hours."""
        return self.hours_per_month > HOURS_PER_MONTH - 0.5


@dataclass(frozen=True, slots=True)
class Unserved:
    """Demand the plan leaves out, and why."""

    workload: str
    requests_per_s: float
    reason: str


@dataclass(frozen=True, slots=True)
class AlternativePart:
    """One thing a runner-up would rent or own, for one workload."""

    workload: str
    units: int
    gpu: str
    gpu_count: float
    seller: str
    instance: str
    region: str | None
    term: str
    usd_per_hour: float


@dataclass(frozen=True, slots=True)
class Alternative:
    """A runner-up; `delta_percent` is against the plan, positive where it costs more."""

    summary: str
    usd_per_month: float | None
    delta_percent: float | None
    reason: str
    parts: tuple[AlternativePart, ...] = ()


@dataclass(frozen=True, slots=True)
class Rejected:
    """Options or rows left out for one reason, with a few examples."""

    reason: str
    count: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Assumption:
    """A number the answer rests on that nobody measured here."""

    name: str
    value: str | float | bool | None
    source: str
    as_of: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What share of the dollars rests on which basis.

    Shares of one `subject` ("performance", "prices") sum to one; `detail` names tables, sellers or GPUs.
    """

    subject: str
    basis: Basis
    share_of_dollars: float
    detail: str = ""
    source: str = ""
    as_of: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A remark on the finished plan; `failure` only from a policy rule, with what it saw and allows."""

    level: Literal["note", "warning", "failure"]
    rule: str
    message: str
    value: float | None = None
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Digests:
    """sha256 of the data behind the answer."""

    prices: str | None
    profiles: str | None
    calibration: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """The answer to one scenario; `as_of` is the day it was asked, handed in and never read from a clock.

    `bound_usd_per_month` is the least any plan could cost, `gap` the distance to it as a share.
    """

    question: Question
    as_of: str
    status: Status
    usd_per_month: float | None
    usd_per_million_tokens: TokenPrices | None
    bound_usd_per_month: float | None
    gap: float | None
    slo_probability: float | None
    measured_share: float | None
    placements: tuple[Placement, ...]
    digests: Digests
    versions: Mapping[str, str]
    unserved: tuple[Unserved, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    findings: tuple[Finding, ...] = ()
    analyses: Mapping[str, Any] = field(default_factory=lambda: dict.fromkeys(ANALYSES))
    schema: Literal["planner.plan/1"] = PLAN_SCHEMA

    def to_json(self) -> str:
        """Canonical text, as `schemas/plan.schema.json` describes it."""
        return dumps(self)


def load_plan(path: Path | str) -> Plan:
    """Plan stored by `recommend -o`; DataError names the file and the field that is wrong."""
    try:
        return parse_plan(Path(path).read_bytes())
    except OSError as error:
        raise DataError(
            f"cannot read: {error.strerror}", path=path, hint="give the file `recommend -o` wrote"
        ) from error
    except DataError as error:
        raise DataError(str(error), path=path) from error


def parse_plan(text: bytes | str) -> Plan:
    """Plan of its JSON text; DataError names the field that is wrong."""
    try:
        data = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:  # ValueError also for undecodable bytes
        raise DataError(
            f"not JSON: {error}", hint="it may be cut off; `recommend -o` writes it again"
        ) from error
    if isinstance(data, dict) and data.get("schema") != PLAN_SCHEMA:
        raise DataError(
            f"schema: {data.get('schema')!r} is not {PLAN_SCHEMA!r}",
            hint="make it again with this version: planner recommend SCENARIO -o FILE.json",
        )
    plan: Plan = from_data(Plan, data)
    return plan


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a JSON number")
