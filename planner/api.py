"""The public names: what the command line, the dashboard and your own code call, and nothing else.

Every function imports what it needs when it is called, so `import planner` costs milliseconds. This is the
edge that may read today's date and the environment; below it they are handed in.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from planner.analyses import (
    arbitrage,
    explain,
    flip,
    frontier,
    kernel_value,
    lock_in,
    open_session,
)
from planner.errors import check_known
from planner.kernelbook import kernels, runnable_kernel, runnable_kernels
from planner.measurements import (
    earning_kernels,
    import_profile,
    kernel_speedups,
    leaderboard,
    profile_blocks,
    run_profile,
    traces,
    verify_profile,
)
from planner.pipeline import (
    actuals,
    analysed,
    check,
    compare,
    export,
    forecast,
    lock,
    locked_plan,
    no_plan,
    own_calibration,
    report,
)
from planner.plan import Offer, Plan, load_plan
from planner.predictions import (
    calibrate,
    estimate,
    explain_estimate,
    op_positions,
    shipped_accuracy,
    validate,
)
from planner.questions import (
    change_scenario,
    example_names,
    example_text,
    load_example,
    load_scenario,
    model_names,
    read_upload,
)
from planner.render import render
from planner.stored import load_record
from planner.uncertainty import measure_next, regret

if TYPE_CHECKING:
    from planner.optimize.fleet import Fleet
    from planner.pricebook import HeldRow, Refreshed
    from planner.pricing.catalog import Catalog
    from planner.pricing.compare import PriceDiff
    from planner.pricing.history import PricePoint
    from planner.pricing.own_curve import OwnCurve
    from planner.pricing.per_unit import Normalised
    from planner.pricing.providers.fetcher import Fetcher
    from planner.pricing.snapshot import SnapshotInfo, Store
    from planner.pricing.terms import Published
    from planner.pricing.tokens import TokenPrice
    from planner.profiles.store import Profiles
    from planner.scenario import Scenario

__all__ = [
    "actuals",
    "analysed",
    "arbitrage",
    "calibrate",
    "change_scenario",
    "check",
    "compare",
    "decide_price",
    "diff_prices",
    "earning_kernels",
    "estimate",
    "example_names",
    "example_text",
    "explain",
    "explain_estimate",
    "export",
    "find_scenario",
    "flip",
    "forecast",
    "frontier",
    "held_prices",
    "import_profile",
    "kernel_speedups",
    "kernel_value",
    "kernels",
    "leaderboard",
    "load_catalog",
    "load_example",
    "load_plan",
    "load_profiles",
    "load_record",
    "load_scenario",
    "lock",
    "lock_in",
    "locked_plan",
    "measure_next",
    "model_names",
    "no_plan",
    "op_positions",
    "open_session",
    "own_cost",
    "price_history",
    "price_snapshots",
    "price_terms",
    "prices",
    "prices_per_unit",
    "profile_blocks",
    "read_upload",
    "recommend",
    "refresh_prices",
    "regret",
    "render",
    "report",
    "run_profile",
    "runnable_kernel",
    "runnable_kernels",
    "shipped_accuracy",
    "size_fleet",
    "token_prices",
    "traces",
    "validate",
    "verify_profile",
]


def find_scenario(explicit: Path | None = None, *, config: Path | None = None) -> Path:
    """The file in force: `explicit` > `config` > $PLANNER_CONFIG > nearest planner.toml > pyproject."""
    from planner.config import find_scenario

    return find_scenario(explicit, environ=os.environ, cwd=Path.cwd(), config=config)


def load_catalog(path: Path | str | None = None, *, store: Path | str | None = None) -> Catalog:
    """The shipped offers; those of the file `path`; fetched ones for "store", "store@2026-11-01" or an id."""
    from planner.pricebook import load_prices

    return load_prices(path, lambda: _store(store))


def load_profiles() -> Profiles:
    """The shipped measurements; reads the index only."""
    from planner.profiles.store import load_profiles

    return load_profiles()


def recommend(
    scenario: Scenario,
    catalog: Catalog | None = None,
    profiles: Profiles | None = None,
    *,
    as_of: date | None = None,
    gap: float | None = None,
    time_limit_s: float | None = None,
    on_progress: Callable[[str], None] = lambda message: None,
    calibration: Path | str | None = None,
    robust: bool = False,
) -> Plan:
    """The cheapest plan that meets the scenario; shipped data and today where they are not given.

    `calibration` is a file written by `calibrate`: your measured runs then change the plan. `robust`: the plan of
    least maximum regret over a set of scenarios instead, which `analyses["regret"]` of the plan lists.
    Raises Infeasible with the binding limits, and NoAnswer when the solver's limits end before any answer.
    """
    from planner.recommend import recommend

    return recommend(
        scenario,
        catalog if catalog is not None else load_catalog(),
        profiles if profiles is not None else load_profiles(),
        as_of=as_of or date.today(),
        gap=gap,
        time_limit_s=time_limit_s,
        on_progress=on_progress,
        calibration=own_calibration(calibration),
        robust=robust,
    )


def prices(
    catalog: Catalog | None = None,
    *,
    gpu: str | None = None,
    as_of: date | None = None,
    cheapest: int | None = None,
    **filters: Collection[str] | None,
) -> tuple[Offer, ...]:
    """Offers by price per GPU-hour, aged to `as_of`; `cheapest` keeps that many of each GPU.

    `gpu` is any spelling (every member of an ambiguous one); `filters` are those of `Catalog.filter`. Raises
    InputError for a seller, country, zone or term that no offer has.
    """
    from planner.pricebook import cheapest_first

    catalog = catalog if catalog is not None else load_catalog()
    return cheapest_first(catalog.aged(as_of or date.today()), gpu=gpu, count=cheapest, filters=filters)


def refresh_prices(
    providers: Collection[str] | None = None,
    *,
    store: Path | str | None = None,
    fetcher: Fetcher | None = None,
    on_progress: Callable[[str], None] = lambda message: None,
) -> Refreshed:
    """Fetch today's prices into the store, of some providers or all; the network is used here and nowhere else.

    Keys come from the environment; a provider without its key is skipped, one that fails keeps its old rows.
    """
    from planner.pricebook import refresh

    now = datetime.now(UTC)
    return refresh(
        providers, store=_store(store), fetcher=fetcher, environ=os.environ, now=now, on_progress=on_progress
    )


def diff_prices(
    old: Path | str = "shipped",
    new: Path | str = "store",
    *,
    gpu: str | None = None,
    store: Path | str | None = None,
) -> PriceDiff:
    """What moved, came and went between two sets of prices; each a name that `load_catalog` takes."""
    from planner.pricing.compare import compare_prices
    from planner.profiles.gpus import resolve_gpu

    keys = resolve_gpu(gpu).keys if gpu else None
    before, after = (load_catalog(name, store=store).filter(gpus=keys).offers for name in (old, new))
    return compare_prices(before, after)


def price_history(
    gpu: str,
    *,
    store: Path | str | None = None,
    terms: Collection[str] | None = None,
    sellers: Collection[str] | None = None,
    since: date | None = None,
) -> tuple[PricePoint, ...]:
    """Daily low, median and high of a GPU's stored prices by term; needs the `store` extra."""
    from planner.pricing.history import price_history
    from planner.pricing.offer import TERMS
    from planner.profiles.gpus import resolve_gpu

    check_known("term", terms, TERMS)
    keys = resolve_gpu(gpu).keys
    day = since.isoformat() if since else None
    return price_history(_store(store), gpus=keys, terms=terms, sellers=sellers, since=day)


def price_snapshots(*, store: Path | str | None = None) -> tuple[SnapshotInfo, ...]:
    """What is in the store, oldest first; nothing where no price was ever fetched."""
    return _store(store).infos()


def held_prices(*, store: Path | str | None = None) -> tuple[HeldRow, ...]:
    """Rows that failed a gate and are not planned on, with the reason and what the user decided."""
    from planner.pricebook import held_rows

    return held_rows(_store(store))


def decide_price(
    id: str, verdict: Literal["accept", "revoke"], *, because: str, store: Path | str | None = None
) -> HeldRow:
    """Take a held row into the store's prices, or out again, with the reason."""
    from planner.pricebook import decide_on

    return decide_on(_store(store), id, verdict=verdict, because=because, now=datetime.now(UTC))


def prices_per_unit(offers: Iterable[Offer], per: Collection[str]) -> tuple[tuple[Offer, Normalised], ...]:
    """Offers with their price per GPU, GiB, TB/s and TFLOP/s, cheapest by the first of `per`."""
    from planner.pricing.per_unit import ranked

    return ranked(offers, per)


def price_terms(catalog: Catalog | None = None) -> tuple[Published, ...]:
    """Which terms each seller publishes, and which are absent."""
    from planner.pricing.terms import published_terms

    return published_terms((catalog if catalog is not None else load_catalog()).offers)


def own_cost(
    gpu: str,
    *,
    purchase_usd: float | None = None,
    electricity_usd_per_kwh: float | None = None,
    place: str | None = None,
    sector: str = "commercial",
    rent_usd_per_hour: float | None = None,
    country: str | None = None,
    catalog: Catalog | None = None,
    given: Mapping[str, float] | None = None,
) -> OwnCurve:
    """Cost of a useful hour of owned hardware over utilisation, against renting the same card.

    Rent is the median on-demand offer where none is given. `given` replaces assumptions by name.
    """
    from planner.pricebook import own

    catalog = catalog if catalog is not None else load_catalog()
    power = (place, sector, electricity_usd_per_kwh)
    return own(gpu, catalog, purchase_usd, power, rent_usd_per_hour, country, given or {})


def token_prices(
    model: str | None = None, *, seller: str | None = None, as_of: date | None = None
) -> tuple[TokenPrice, ...]:
    """What hosted APIs charge per million tokens, from the installed tables; needs the `store` extra."""
    from planner.pricing.tokens import token_prices

    day = as_of or date.today()
    return token_prices(model, seller=seller, at=datetime(day.year, day.month, day.day, tzinfo=UTC))


def _store(location: Path | str | None) -> Store:
    from planner.pricebook import store_at

    return store_at(location, environ=os.environ)


def size_fleet(
    rates: Mapping[str, float],
    throughput: Mapping[str, Mapping[str, float]],
    prices: Mapping[str, float],
    *,
    splitting: Literal["continuous"] | int,
    availability: Mapping[str, int] | None = None,
    budget_usd_per_hour: float | None = None,
    time_limit_s: float | None = None,
) -> Fleet:
    """The bare allocation core: the cheapest counts of each unit type that serve `rates`.

    `throughput[class][type]` is what one unit serving only that class sustains, requests/s (0: not eligible);
    `prices[type]` USD per unit-hour; `splitting` "continuous", or S to cut each class into S whole pieces.
    """
    from planner.optimize.fleet import size_fleet

    return size_fleet(
        rates,
        throughput,
        prices,
        splitting=splitting,
        availability=availability,
        budget_usd_per_hour=budget_usd_per_hour,
        time_limit_s=time_limit_s,
    )
