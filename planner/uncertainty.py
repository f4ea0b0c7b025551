"""Public names about uncertainty: what a plan may regret, and what to measure next. Edge code, like the api."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from planner.pipeline import own_calibration

if TYPE_CHECKING:
    from planner.decide import Decided
    from planner.pricing.catalog import Catalog
    from planner.profiles.store import Profiles
    from planner.risk import MeasureNext, Regret
    from planner.scenario import Scenario
    from planner.worlds.outlook import Outlook

WORLDS = 100


def regret(
    scenario: Scenario,
    catalog: Catalog | None = None,
    profiles: Profiles | None = None,
    *,
    worlds: int = WORLDS,
    seed: int = 0,
    outlook: Outlook | None = None,
    on_progress: Callable[[str], None] = lambda message: None,
    **settings: Any,
) -> Regret:
    """The plan of the scenario scored over sampled worlds, each of them planned again with hindsight.

    `outlook` replaces the assumptions about prices, demand and spot; `settings` are those of `recommend`: as_of,
    gap, time_limit_s, calibration. Raises what it raises, and InputError for a seed or number of worlds out of range.
    """
    from planner.worlds.draws import Draws
    from planner.worlds.outlook import Outlook
    from planner.worlds.regret import regret

    draws = Draws(seed, worlds)
    decided = _decided(scenario, catalog, profiles, on_progress=on_progress, **settings)
    return regret(decided, draws=draws, outlook=outlook or Outlook(), on_progress=on_progress)


def measure_next(
    scenario: Scenario,
    catalog: Catalog | None = None,
    profiles: Profiles | None = None,
    *,
    worlds: int = WORLDS,
    seed: int = 0,
    outlook: Outlook | None = None,
    on_progress: Callable[[str], None] = lambda message: None,
    **settings: Any,
) -> MeasureNext:
    """Measurements of one GPU, engine and model, by what knowing them removes of the plan's expected regret.

    Takes and raises what `regret` does.
    """
    from planner.worlds.draws import Draws
    from planner.worlds.measure import measure_next
    from planner.worlds.outlook import Outlook

    draws = Draws(seed, worlds)
    decided = _decided(scenario, catalog, profiles, on_progress=on_progress, **settings)
    return measure_next(decided, draws=draws, outlook=outlook or Outlook(), on_progress=on_progress)


def _decided(
    scenario: Scenario,
    catalog: Catalog | None,
    profiles: Profiles | None,
    *,
    as_of: date | None = None,
    calibration: Path | str | None = None,
    **settings: Any,
) -> Decided:
    from planner import api
    from planner.recommend import settled

    catalog = catalog if catalog is not None else api.load_catalog()
    profiles = profiles if profiles is not None else api.load_profiles()
    aged = catalog.aged(as_of or date.today())
    return settled(scenario, aged, profiles, calibration=own_calibration(calibration), **settings)
