"""What changed from one plan to another. The causes are found elsewhere, by re-solving, and handed in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from planner.plan import Placement, Plan
from planner.verdict import COST, Cause, Moved, PlacementChange, PlanDiff

__all__ = ["compare"]


def compare(base: Plan, head: Plan, causes: tuple[Cause, ...] = (), *, rule: str = "") -> PlanDiff:
    """Cost, per-unit cost, certainty and placements of two plans; `rule` says how the causes were told apart."""
    return PlanDiff(
        base.as_of, head.as_of, tuple(_moved(base, head)), tuple(_placements(base, head)), causes, rule
    )


def _moved(base: Plan, head: Plan) -> Iterator[Moved]:
    yield Moved(COST, "usd", base.usd_per_month, head.usd_per_month)
    for kind in ("input", "output", "total"):
        before, after = (
            getattr(plan.usd_per_million_tokens, kind) if plan.usd_per_million_tokens else None
            for plan in (base, head)
        )
        yield Moved(f"usd_per_million_{kind}_tokens", "usd", before, after)
    yield Moved("slo_probability", "share", base.slo_probability, head.slo_probability)
    yield Moved("measured_share", "share", base.measured_share, head.measured_share)
    yield Moved("gap", "share", base.gap, head.gap)
    yield Moved("oldest_price_days", "days", _oldest(base), _oldest(head))


def _oldest(plan: Plan) -> float | None:
    ages = [p.offer.age_days for p in plan.placements if p.offer.age_days is not None]
    return float(max(ages)) if ages else None


def _placements(base: Plan, head: Plan) -> Iterator[PlacementChange]:
    """What came, went or changed in number or cost; the largest change of cost first."""
    sides = [_by_name(base), _by_name(head)]
    changes = []
    for key in sides[0].keys() | sides[1].keys():
        (units_before, usd_before), (units_after, usd_after) = (side.get(key, (0, 0.0)) for side in sides)
        if (units_before, usd_before) != (units_after, usd_after):
            changes.append(PlacementChange(*key, units_before, units_after, usd_before, usd_after))
    yield from sorted(changes, key=lambda c: (-abs(c.usd_after - c.usd_before), c.workload, c.offer, c.runs))


def _by_name(plan: Plan) -> dict[tuple[str, str, str], tuple[int, float]]:
    """(workload, offer, what runs) -> units and dollars; layers of one offer are one thing to rent."""
    found: dict[tuple[str, str, str], tuple[int, float]] = defaultdict(lambda: (0, 0.0))
    for p in plan.placements:
        key = (p.workload, p.offer.label, _runs(p))
        units, usd = found[key]
        found[key] = (units + p.units, usd + p.usd_per_month)
    return found


def _runs(p: Placement) -> str:
    parts = (
        p.engine,
        p.weight_precision,
        p.kv_precision and f"KV {p.kv_precision}",
        p.layout and str(p.layout),
    )
    return " ".join(part for part in parts if part) or "run by the seller"
