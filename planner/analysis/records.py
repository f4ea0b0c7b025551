"""The records of the analyses: what a page, a plan and a pipeline read. Dollars are USD, `None` is not known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from planner.records import Quantity

OptionState = Literal["in", "out", "cannot", "excluded"]
"""In the plan; possible but not chosen; no configuration meets the limits; turned away by a constraint."""


@dataclass(frozen=True, slots=True)
class Distance:
    """How far one quantity is from where it would turn the verdict; `needed` is where it turns."""

    quantity: str
    unit: str
    now: float
    needed: float
    change_percent: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why what was asked about is in or out, for one workload; `usd_per_month` of serving it with that alone."""

    workload: str
    subject: str
    state: OptionState
    reason: str
    binding: str | None
    distances: tuple[Distance, ...]
    usd_per_month: float | None
    against_percent: float | None
    """Against what the plan pays for this workload."""
    offers: int
    example: str | None


@dataclass(frozen=True, slots=True)
class Explained:
    """Answers of `explain`: the pattern asked about, and a verdict per workload (and GPU, where none was named)."""

    asked: Mapping[str, str]
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True)
class Flip:
    """Where one quantity turns the plan: `state` is the option's now, `flips_at` where it leaves or enters.

    `flips_at` None: not within the range searched, which `note` names.
    """

    workload: str
    subject: str
    state: Literal["in", "out"]
    quantity: Literal["price", "throughput", "demand"]
    unit: str
    now: float
    flips_at: float | None
    change_percent: float | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Flips:
    """All flips looked for, nearest first within each kind; `rule` says how they were found."""

    flips: tuple[Flip, ...]
    rule: str


@dataclass(frozen=True, slots=True)
class KernelWorth:
    """Dollars a month one kernel choice is worth; negative or zero is an answer too.

    `kind`: option = cost without `subject` less cost of all; switch = cost with `against` forced less cost with
    `subject` forced; engine = the same between engines; speedup = cost today less cost if `subject` were faster.
    """

    kind: Literal["option", "switch", "engine", "speedup"]
    workload: str
    subject: str
    against: str | None
    ops: tuple[str, ...]
    usd_per_month: Quantity | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class KernelValue:
    """Worth of kernels per workload and for the fleet (`workload` "all"), largest first; `rule` on the intervals."""

    usd_per_month: float
    worth: tuple[KernelWorth, ...]
    rule: str


@dataclass(frozen=True, slots=True)
class Restricted:
    """Cost under one restriction against cost under none; `ratio` is never below 1, None where nothing is left."""

    restriction: str
    usd_per_month: float | None
    extra_usd_per_month: float | None
    ratio: float | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class LockIn:
    """Portability cost (what avoiding lock-in costs) and lock-in cost (what being locked in costs).

    `split` restricts kernel, hardware, seller and term one after the other; the extras add up to the last total.
    """

    usd_per_month: float
    portability: tuple[Restricted, ...]
    lock_in: tuple[Restricted, ...]
    split: tuple[Restricted, ...]
    claim: str


@dataclass(frozen=True, slots=True)
class Route:
    """The same demand bought one way; `low` and `high` where the price is an assumption."""

    route: str
    usd_per_month: float | None
    low_usd_per_month: float | None
    high_usd_per_month: float | None
    against_percent: float | None
    """Against hyperscaler on-demand."""
    hardware: str
    price_basis: Literal["quoted", "assumed", "missing"]
    note: str = ""


@dataclass(frozen=True, slots=True)
class OwningPoint:
    """Utilisation above which an owned card is cheaper than renting the same one; None: at no utilisation."""

    gpu: str
    rent_usd_per_hour: float
    purchase_usd: float
    break_even_utilisation: float | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Arbitrage:
    """Ways to buy the same demand, cheapest first; what the circulating claim comes to here, and its conditions."""

    routes: tuple[Route, ...]
    owning: tuple[OwningPoint, ...]
    claim: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FrontierPoint:
    """The cheapest plan at one setting of `axis`; `value` is what the plan reaches there."""

    axis: str
    unit: str
    limit: float
    value: float
    usd_per_month: float
    hardware: str
    is_plan: bool = False


@dataclass(frozen=True, slots=True)
class Frontier:
    """Points no other point of their axis beats on both cost and value; `missing`: axes without data."""

    points: tuple[FrontierPoint, ...]
    missing: tuple[str, ...] = field(default_factory=tuple)
