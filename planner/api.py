"""The public names: what the command line, the dashboard and your own code call, and nothing else.

Every function imports what it needs when it is called, so `import planner` costs milliseconds. This is the
edge that may read today's date and the environment; below it they are handed in.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from planner.errors import InputError, did_you_mean
from planner.plan import Estimate, Offer, Plan, load_plan
from planner.render import render

if TYPE_CHECKING:
    from planner.kernels.registry import Variant
    from planner.optimize.fleet import Fleet
    from planner.pricing.catalog import Catalog
    from planner.profiles.block import Block
    from planner.profiles.store import Profiles
    from planner.scenario import Scenario
    from planner.validate import Accuracy

__all__ = [
    "estimate",
    "example_names",
    "find_scenario",
    "kernels",
    "load_catalog",
    "load_example",
    "load_plan",
    "load_profiles",
    "load_scenario",
    "prices",
    "profile_blocks",
    "recommend",
    "render",
    "size_fleet",
    "validate",
]


def load_scenario(path: Path | str) -> Scenario:
    """Scenario of a TOML, YAML or JSON file; ScenarioError names the field that is wrong."""
    from planner.inputs import load_scenario

    return load_scenario(Path(path))


def load_example(name: str) -> Scenario:
    """A shipped scenario, one of `example_names()`."""
    from planner.inputs import load_example

    return load_example(name)


def example_names() -> tuple[str, ...]:
    """Names of the shipped scenarios."""
    from planner.inputs import example_names

    return tuple(example_names())


def find_scenario(explicit: Path | None = None, *, config: Path | None = None) -> Path:
    """The file in force: `explicit` > `config` > $PLANNER_CONFIG > nearest planner.toml > pyproject."""
    from planner.config import find_scenario

    return find_scenario(explicit, environ=os.environ, cwd=Path.cwd(), config=config)


def load_catalog(path: Path | str | None = None) -> Catalog:
    """The shipped offers, or those of `path`."""
    from planner.pricing.catalog import load_catalog

    return load_catalog(path)


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
) -> Plan:
    """The cheapest plan that meets the scenario; shipped data and today where they are not given.

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
    )


def estimate(**configuration: Any) -> Estimate:
    """Predicted speed, memory and power of one configuration; DoesNotFit when memory is too small.

    Keywords: model, gpu, engine, weight_precision, kv_precision, tp, pp, dp, ep, concurrency, input_tokens,
    output_tokens, kernels ("any", "open" or "portable").
    """
    from planner.estimate.api import estimate

    return estimate(base_dir=Path.cwd(), **configuration)


def validate(path: Path | str, predictions: Path | str | None = None) -> Accuracy:
    """Our predictions scored against the measurements in `path`; `predictions` receives one line per row."""
    from planner.validate import validate

    return validate(path, predictions)


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
    from planner.pricing.offer import TERMS
    from planner.profiles.gpus import resolve_gpu

    catalog = catalog if catalog is not None else load_catalog()
    _check_known("term", filters.get("terms"), TERMS)
    for name, column in {"sellers": "seller", "countries": "country", "zones": "zone"}.items():
        known = {getattr(offer, column) for offer in catalog.offers}
        _check_known(column, filters.get(name), known - {None})
    keys = resolve_gpu(gpu).keys if gpu else None
    found = catalog.aged(as_of or date.today()).filter(gpus=keys, **filters).offers
    ranked = sorted(found, key=_by_price)
    return tuple(ranked if cheapest is None else _first_of_each(ranked, cheapest))


def _check_known(field: str, wanted: Iterable[str] | None, known: Collection[str]) -> None:
    """InputError with the nearest names where a filter names something that does not exist."""
    for name in wanted or ():
        if name not in known:
            listed = ", ".join(sorted(known)[:12]) + (" ..." if len(known) > 12 else "")
            raise InputError(f"{field}: {name!r} is not known", hint=did_you_mean(name, known) or listed)


def _by_price(offer: Offer) -> tuple[float, str, str, str, str]:
    return (offer.usd_per_gpu_hour, offer.seller, offer.instance, offer.region or "", offer.term)


def _first_of_each(offers: Iterable[Offer], count: int) -> Iterable[Offer]:
    seen: dict[str, int] = {}
    for offer in offers:
        seen[offer.gpu] = seen.get(offer.gpu, 0) + 1
        if seen[offer.gpu] <= count:
            yield offer


def kernels(
    *, op: str | None = None, engine: str | None = None, open_only: bool = False, portable_only: bool = False
) -> tuple[Variant, ...]:
    """Kernel variants by op and name.

    Open: the source is published under an OSI licence. Portable: the same source runs on two vendors.
    """
    from planner.kernels.registry import load_variants

    variants = load_variants().values()
    _check_known("op", [op] if op else None, {name for v in variants for name in v.ops})
    _check_known("engine", [engine] if engine else None, {name for v in variants for name in v.engines})
    chosen = (
        v
        for v in variants
        if (op is None or op in v.ops)
        and (engine is None or engine in v.engines)
        and (v.open or not open_only)
        and (v.portable or not portable_only)
    )
    return tuple(sorted(chosen, key=lambda v: (v.op, v.name)))


def profile_blocks(
    gpu: str | None = None,
    *,
    profiles: Profiles | None = None,
    op: str | None = None,
    engine: str | None = None,
    dtype: str | None = None,
) -> tuple[Block, ...]:
    """Measured op tables, power included; `gpu` is any spelling, without it every system."""
    from planner.profiles.gpus import resolve_gpu

    profiles = profiles if profiles is not None else load_profiles()
    _check_known("op", [op] if op else None, profiles.ops)
    systems = (None,) if gpu is None else (gpu,) if gpu in profiles.systems else resolve_gpu(gpu).keys
    found = (profiles.blocks(system=s, op=op, engine=engine, dtype=dtype, value=None) for s in systems)
    return tuple(block for blocks in found for block in blocks)


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
