"""Figures used where the user gives none: each with its plausible range, and where it comes from.

A source that begins with `assumption` has no publication behind it: change it before deciding on it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Assumption:
    """One default; `low` and `high` span what is plausible, not what makes the cost low or high."""

    name: str
    value: float
    low: float
    high: float
    source: str


ASSUMPTIONS = {
    a.name: a
    for a in (
        Assumption(
            "horizon_years", 3.0, 3.0, 5.0, "hyperscalers book 5 to 6 years, shorter is the cautious side"
        ),
        Assumption("discount_rate", 0.08, 0.08, 0.12, "assumption: cost of capital of a firm"),
        Assumption(
            "residual_per_year", 0.67, 0.58, 0.81, "resale of 65/45/30 % after 1/2/3 years; sources disagree"
        ),
        Assumption("maintenance_share", 0.05, 0.03, 0.08, "assumption: share of the purchase price a year"),
        Assumption("spare_share", 0.0, 0.0, 0.1, "assumption: no spare for one box; fleets keep some"),
        Assumption(
            "hosting_usd_per_year", 0.0, 0.0, 0.0, "assumption: one's own room; give what a colocation bills"
        ),
        Assumption("pue", 1.1, 1.0, 1.58, "home 1.0-1.1, AI sites 1.05-1.40, survey mean 1.58 (Uptime 2023)"),
        Assumption("idle_share", 0.2, 0.1, 0.3, "assumption: draw when idle over draw at load"),
        Assumption("utilisation", 0.7, 0.4, 0.9, "inference node power over its maximum, P5-P95 0.4-0.9"),
        Assumption("host_w", 70.0, 50.0, 150.0, "host share of a one-card desktop: 520 W for a 450 W card"),
        Assumption(
            "host_per_tdp", 0.82, 0.5, 1.0, "host, fans and fabric of an 8-GPU server: 1275 W per 700 W GPU"
        ),
    )
}


def default(name: str) -> float:
    """The value of one assumption.

    >>> default("discount_rate")
    0.08
    """
    return ASSUMPTIONS[name].value
