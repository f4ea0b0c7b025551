"""Public names about what would change the answer: sessions, and one function per analysis.

Each analysis takes a scenario, or a session that is already open, and returns one record. Every function imports
what it needs when it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from planner.pipeline import own_calibration

if TYPE_CHECKING:
    from planner.analysis.records import Arbitrage, Explained, Flips, Frontier, KernelValue, LockIn
    from planner.analysis.session import Session
    from planner.pricing.catalog import Catalog
    from planner.profiles.store import Profiles
    from planner.scenario import Scenario

Progress = Callable[[str], None]


def open_session(
    scenario: Scenario | Session,
    catalog: Catalog | None = None,
    profiles: Profiles | None = None,
    *,
    as_of: date | None = None,
    calibration: Path | str | None = None,
    on_progress: Progress = lambda message: None,
) -> Session:
    """A question kept warm: `.plan` with its analyses, `.change(price=..., rate=..., limit=...)` for the next one.

    Shipped data and today where they are not given; a session is returned as it is. Raises Infeasible with the
    limits that bind.
    """
    from planner.analysis.session import Session, ask
    from planner.api import load_catalog, load_profiles

    if isinstance(scenario, Session):
        return scenario
    return ask(
        scenario,
        catalog if catalog is not None else load_catalog(),
        profiles if profiles is not None else load_profiles(),
        as_of=as_of or date.today(),
        calibration=own_calibration(calibration),
        on_progress=on_progress,
    )


def explain(
    scenario: Scenario | Session,
    catalog: Catalog | None = None,
    profiles: Profiles | None = None,
    *,
    as_of: date | None = None,
    **pattern: str | None,
) -> Explained:
    """Why an option is in the plan or out of it, the limit that binds, and how far it is from turning.

    `pattern`: workload, gpu, seller, instance, region, term, engine, precision, layout; without any, every GPU.
    Raises InputError for a word that matches nothing.
    """
    return open_session(scenario, catalog, profiles, as_of=as_of).explain(**pattern)


def flip(
    scenario: Scenario | Session,
    catalog: Catalog | None = None,
    profiles: Profiles | None = None,
    *,
    as_of: date | None = None,
) -> Flips:
    """Prices, throughputs and demands at which options enter or leave the plan, in percent from today."""
    return open_session(scenario, catalog, profiles, as_of=as_of).flip()


def kernel_value(
    scenario: Scenario | Session,
    catalog: Catalog | None = None,
    profiles: Profiles | None = None,
    *,
    as_of: date | None = None,
    speedups: Mapping[str, tuple[float, float, float]] | None = None,
) -> KernelValue:
    """Option, switch and engine values of the kernels in the plan, USD a month with intervals.

    `speedups` {variant: (ratio, low, high)}: instead, what the plan would save if variants were that many times
    faster. Raises InputError for a variant that is not in the registry.
    """
    return open_session(scenario, catalog, profiles, as_of=as_of).kernel_value(speedups)


def lock_in(
    scenario: Scenario | Session,
    catalog: Catalog | None = None,
    profiles: Profiles | None = None,
    *,
    as_of: date | None = None,
    **chosen: str | None,
) -> LockIn:
    """Portability cost and lock-in cost, each with its ratio, and their split over kernel, hardware, seller, term.

    `chosen`: engine, vendor, seller, term of the split; what is left out is what the plan spends most on.
    """
    return open_session(scenario, catalog, profiles, as_of=as_of).lock_in(**chosen)


def arbitrage(
    scenario: Scenario | Session,
    catalog: Catalog | None = None,
    profiles: Profiles | None = None,
    *,
    as_of: date | None = None,
) -> Arbitrage:
    """The same demand from hyperscalers, neoclouds, marketplaces, owned cards and hosted APIs."""
    return open_session(scenario, catalog, profiles, as_of=as_of).arbitrage()


def frontier(
    scenario: Scenario | Session,
    catalog: Catalog | None = None,
    profiles: Profiles | None = None,
    *,
    as_of: date | None = None,
) -> Frontier:
    """Cost against latency limits, spot share, measured share and carbon: the points nothing beats on both."""
    return open_session(scenario, catalog, profiles, as_of=as_of).frontier()
