"""All parts of an answer as one `Plan`."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from planner.answer.account import (
    assumptions,
    evidence,
    findings,
    plan_measured_share,
    rejected,
    unlikely,
)
from planner.answer.alternatives import alternatives
from planner.answer.money import token_prices
from planner.answer.placements import hosted_placements, placements
from planner.decide import Decided
from planner.plan import Digests, Plan, Question
from planner.policy import judge
from planner.pricing.catalog import Catalog
from planner.pricing.money import HOURS_PER_MONTH
from planner.profiles.store import Profiles
from planner.worlds.chance import slo_probability


def plan_of(decided: Decided, catalog: Catalog, profiles: Profiles, *, as_of: date) -> Plan:
    """The plan of a feasible decision."""
    found = list(placements(decided))
    layers = [layer for _, layer in found]
    parts = (*(p for p, _ in found), *hosted_placements(decided))
    usd = sum(p.usd_per_month for p in parts)
    d, chance = decided.decision, slo_probability(decided)
    plan = Plan(
        question=Question(decided.scenario.digest, decided.scenario.text),
        as_of=as_of.isoformat(),
        status=d.status,
        usd_per_month=usd,
        usd_per_million_tokens=token_prices(decided, layers),
        bound_usd_per_month=min(usd, d.bound * HOURS_PER_MONTH),
        gap=d.gap,
        slo_probability=chance,
        measured_share=plan_measured_share(decided, layers),
        placements=tuple(sorted(parts, key=lambda p: -p.usd_per_month)),
        alternatives=alternatives(decided, usd_per_month=usd),
        rejected=rejected(decided, catalog),
        assumptions=tuple(assumptions(decided, layers)),
        evidence=evidence(decided, layers),
        findings=(*unlikely(chance, decided), *findings(decided, layers)),
        digests=Digests(
            prices=catalog.digest,
            profiles=profiles.digest,
            calibration=decided.configurations.calibration.digest,
        ),
        versions=versions(),
    )
    judged = judge(plan, decided.scenario.policy.model_dump())
    return replace(plan, findings=(*judged, *plan.findings))


def versions() -> dict[str, str]:
    """Versions that can change an answer, by distribution."""
    return dict(_versions())


@cache
def _versions() -> tuple[tuple[str, str], ...]:
    found = []
    for name in ("openclaw-planner", "highspy", "numpy", "scipy"):
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            found.append((name, "not installed"))
    return tuple(found)
