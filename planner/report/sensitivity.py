"""What the answer hangs on, from the plan's own figures: prices up and down, spot gone, prices at which others win."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from planner.plan import Alternative, Placement, Plan

SWING = 0.2


@dataclass(frozen=True, slots=True)
class Swing:
    """The monthly cost if one price were lower or higher by `SWING`, the plan left as it is."""

    what: str
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Win:
    """A cost a month at which the decision turns, against today's, for all units together.

    `percent` is the change that does it.
    """

    who: str
    what: str
    now: float
    at: float
    percent: float
    holds: bool
    """True for what is in the plan (it loses above), False for a runner-up (it wins below)."""


def monthly(plan: Plan) -> float | None:
    """Cost a month as the sum of the placements, which six stored digits of the total may miss by a dollar."""
    return sum(p.usd_per_month for p in plan.placements) if plan.placements else plan.usd_per_month


def swings(plan: Plan) -> tuple[Swing, ...]:
    """One bar per seller and GPU, largest first; re-planning can only lessen an increase."""
    dollars: dict[str, float] = defaultdict(float)
    for p in plan.placements:
        dollars[f"price of {p.gpu or p.offer.instance} from {p.offer.seller}"] += p.usd_per_month
    total = monthly(plan) or 0.0
    found = [Swing(what, total - SWING * usd, total + SWING * usd) for what, usd in dollars.items()]
    return tuple(sorted(found, key=lambda s: (s.low - s.high, s.what)))


def spot_loss(plan: Plan) -> tuple[float, float] | None:
    """(share of the load on spot, share of the load that the rest can carry alone); None without spot."""
    spot = [p for p in plan.placements if p.term == "spot"]
    if not spot:
        return None
    load = sum(p.load_requests_per_s for p in plan.placements)
    lost: dict[str, float] = defaultdict(float)
    room: dict[str, float] = defaultdict(float)
    for p in plan.placements:
        if p.term == "spot":
            lost[p.workload] += p.load_requests_per_s
        elif p.headroom is not None and p.headroom < 1.0:
            room[p.workload] += p.load_requests_per_s * p.headroom / (1.0 - p.headroom)
    unserved = sum(max(usd - room[name], 0.0) for name, usd in lost.items())
    return (sum(lost.values()) / load, 1.0 - unserved / load) if load > 0 else None


def wins(plan: Plan) -> Iterator[Win]:
    """For each thing in the plan the price above which the runner-up is cheaper; for each runner-up the one below."""
    best = monthly(plan)
    priced = [a for a in plan.alternatives if a.usd_per_month is not None and a.usd_per_month > 0]
    if best is None or not priced:
        return
    for p in plan.placements:
        if p.term in ("owned", "api") or p.usd_per_month <= 0:
            continue
        usd = p.usd_per_month
        turns = [at for a in priced if (at := _turn(p, best, a)) is not None]
        if turns:
            at = min(turns)
            yield Win(p.offer.seller, thing(p), usd, at, 100.0 * (at / usd - 1.0), holds=True)
    for a in priced:
        usd = a.usd_per_month or 1.0
        at = min(best, usd)
        yield Win("", a.summary, usd, at, 100.0 * (at / usd - 1.0), holds=False)


def _turn(p: Placement, best: float, a: Alternative) -> float | None:
    """Cost a month of a placement at which the runner-up is as cheap, its own use of the same offers dearer too.

    None where it uses as much of them: then no price of theirs makes it win.
    """
    same = sum(
        part.units * part.usd_per_hour * p.hours_per_month
        for part in a.parts
        if (part.seller, part.gpu, part.term) == (p.offer.seller, p.gpu, p.term)
    )
    if same >= p.usd_per_month:
        return None
    more = max((a.usd_per_month or 0.0) - best, 0.0) / (p.usd_per_month - same)
    return p.usd_per_month * (1.0 + more)


def thing(p: Placement) -> str:
    """What one would ask a seller for."""
    where = f" in {p.offer.region}" if p.offer.region else ""
    return (
        f"{p.units} x {p.offer.instance} ({p.offer.gpu_count:g} x {p.gpu}){where}, {p.term.replace('_', ' ')}"
    )
