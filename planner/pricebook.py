"""Prices by name: `shipped`, `store`, `store@DAY`, a file; where the store is; what a refresh does to it.

The shipped prices are what every command uses unless told otherwise, so that the same version gives the same
answer everywhere. `--prices store` takes what was fetched, `store@2026-11-01` what was known that day: that
answer is reproducible too, for snapshots are only added.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from planner.errors import InputError, check_known, did_you_mean

if TYPE_CHECKING:
    from planner.pricing.catalog import Catalog
    from planner.pricing.offer import Offer
    from planner.pricing.own_curve import OwnCurve
    from planner.pricing.providers.fetcher import Fetcher
    from planner.pricing.providers.records import Progress, Provider
    from planner.pricing.quarantine import Decision, Held
    from planner.pricing.snapshot import ProviderState, Store

STORE, SHIPPED = "store", "shipped"
VARIABLE = "PLANNER_DATA"
APPLICATION = "openclaw-planner"
_BARE = re.compile(r"\d{8}T\d{12}Z.*|\d{4}-\d{2}-\d{2}")
BAR = 20


@dataclass(frozen=True)
class Refreshed:
    """What a refresh brought: how each provider did, the new snapshot's id (None: nothing to keep)."""

    snapshot: str | None
    store: str
    states: tuple[ProviderState, ...]

    @property
    def failed(self) -> bool:
        """Whether every provider that was asked failed: the network, most likely."""
        asked = [state.status for state in self.states if state.status != "skipped"]
        return bool(asked) and all(status == "failed" for status in asked)


@dataclass(frozen=True, slots=True)
class HeldRow:
    """One held row as the user sees it; `verdict` is `accept`, `revoke` or nothing yet."""

    id: str
    provider: str
    reason: str
    label: str
    detail: str
    usd_per_gpu_hour: float | None
    verdict: str
    because: str


def store_at(location: Path | str | None, *, environ: Mapping[str, str]) -> Store:
    """The store of `location` > $PLANNER_DATA > the user's data folder; nothing is made yet."""
    from planner.pricing.stores import open_store

    if location is not None:
        return open_store(_with_scheme(str(location)))
    if given := environ.get(VARIABLE):
        return open_store(given if "://" in given else Path(given) / "prices")
    from platformdirs import user_data_path

    return open_store(user_data_path(APPLICATION, appauthor=False) / "prices")


def _with_scheme(text: str) -> str:
    """A URL that went through `Path` lost a slash: `postgresql:/host` is `postgresql://host` again."""
    return re.sub(r"^(postgres(?:ql)?):/(?!/)", r"\1://", text)


def load_prices(name: Path | str | None, open_store: Callable[[], Store]) -> Catalog:
    """The catalogue of a name: None or `shipped`, `store`, `store@DAY`, `store@ID`, DAY, ID, or a file.

    A day or an id means the store as it was then. Raises `PriceError`.
    """
    from planner.pricing.catalog import load_catalog

    text = SHIPPED if name is None else str(name)
    if text == SHIPPED:
        return load_catalog()
    kept, _, until = text.partition("@")
    if _BARE.fullmatch(text):
        kept, until = STORE, text
    if kept != STORE:
        return load_catalog(text)
    from planner.pricing.snapshot import catalog_of, current, resolve_id

    store = open_store()
    if "T" in until:
        until = resolve_id(store.infos(), until).id
    elif until and not _BARE.fullmatch(until):
        raise InputError(
            f"prices: {text!r}: {until!r} is neither a day nor a snapshot", hint="store@2026-11-01"
        )
    return catalog_of(current(store, until=until or None), store.decisions())


def refresh(
    names: Collection[str] | None,
    *,
    store: Store,
    fetcher: Fetcher | None,
    environ: Mapping[str, str],
    now: datetime,
    on_progress: Callable[[str], None],
) -> Refreshed:
    """Fetch, judge and keep; a provider that fails keeps its last good rows. InputError for unknown names."""
    from planner.pricing.catalog import load_catalog
    from planner.pricing.providers import registry
    from planner.pricing.providers.fetcher import Fetcher
    from planner.pricing.snapshot_refresh import etags, keep, snapshot_of

    known = {provider.name: provider for provider in _providers()}
    for name in names or ():
        if name not in known:
            raise InputError(
                f"provider: {name!r} is not known", hint=did_you_mean(name, known) or ", ".join(known)
            )
    chosen = [known[name] for name in (names or known)]
    with fetcher or Fetcher() as network:
        results = registry.refresh(
            chosen,
            fetcher=network,
            env=environ,
            today=now.date(),
            etags=etags(store),
            on_progress=lambda progress: on_progress(_bar(progress)),
        )
    snapshot = snapshot_of(results, taken_at=f"{now:%Y-%m-%dT%H:%M:%S.%f}Z", today=now.date())
    worth_keeping = any(state.status in ("ok", "unchanged") for state in snapshot.states)
    id = keep(store, snapshot, shipped=load_catalog()) if worth_keeping else None
    return Refreshed(id, store.location, snapshot.states)


def _providers() -> Collection[Provider]:
    from planner.pricing.providers import registry

    found = registry.PROVIDERS
    return tuple(found.values()) if isinstance(found, Mapping) else tuple(found)


def _bar(progress: Progress) -> str:
    """How far a refresh is.

    >>> from planner.pricing.providers.records import Progress
    >>> _bar(Progress("aws", 12, None, 5, 10))
    '[##########..........] 5 of 10  aws, page 12'
    """
    done = BAR * progress.finished // max(progress.total, 1)
    pages = f", page {progress.pages}" if progress.status is None else f": {progress.status}"
    bar = "#" * done + "." * (BAR - done)
    return f"[{bar}] {progress.finished} of {progress.total}  {progress.provider}{pages}"


def held_rows(store: Store) -> tuple[HeldRow, ...]:
    """The rows held back in the snapshots in force, with the user's decisions; those undecided first."""
    from planner.pricing.snapshot import current

    if not store.infos():
        return ()
    decisions = {decision.id: decision for decision in store.decisions()}
    found = {row.id: row for row in current(store).held}
    rows = [_held_row(row, decisions.get(row.id)) for row in found.values()]
    return tuple(
        sorted(rows, key=lambda row: (bool(row.verdict), row.provider, row.reason, row.label, row.id))
    )


def _held_row(row: Held, decision: Decision | None) -> HeldRow:
    from planner.pricing.errors import PriceError

    try:
        price: float | None = row.offer().usd_per_gpu_hour
    except PriceError:
        price = None
    verdict, because = (decision.verdict, decision.because) if decision else ("", "")
    return HeldRow(row.id, row.provider, row.reason, row.label, row.detail, price, verdict, because)


def decide_on(store: Store, wanted: str, *, verdict: str, because: str, now: datetime) -> HeldRow:
    """Take a held row into the catalogue of the store, or out again; the decision is kept with its date."""
    from planner.pricing.quarantine import decide
    from planner.pricing.snapshot import current

    held = current(store).held if store.infos() else ()
    row, decision = decide(
        held, wanted, verdict=verdict, because=because, decided_at=f"{now:%Y-%m-%dT%H:%M:%S}Z"
    )
    store.decide(decision)
    return _held_row(row, decision)


def cheapest_first(
    catalog: Catalog, *, gpu: str | None, count: int | None, filters: Mapping[str, Collection[str] | None]
) -> tuple[Offer, ...]:
    """Offers by price per GPU-hour, `count` of each GPU at most; InputError for a filter no offer can meet."""
    from planner.pricing.offer import TERMS
    from planner.profiles.gpus import resolve_gpu

    check_known("term", filters.get("terms"), TERMS)
    for name, column in {"sellers": "seller", "countries": "country", "zones": "zone"}.items():
        known = {getattr(offer, column) for offer in catalog.offers}
        check_known(column, filters.get(name), known - {None})
    keys = resolve_gpu(gpu).keys if gpu else None
    ranked = sorted(catalog.filter(gpus=keys, **filters).offers, key=_by_price)
    return tuple(ranked if count is None else _first_of_each(ranked, count))


def _by_price(offer: Offer) -> tuple[float, str, str, str, str]:
    return (offer.usd_per_gpu_hour, offer.seller, offer.instance, offer.region or "", offer.term)


def _first_of_each(offers: Iterable[Offer], count: int) -> Iterator[Offer]:
    seen: dict[str, int] = {}
    for offer in offers:
        seen[offer.gpu] = seen.get(offer.gpu, 0) + 1
        if seen[offer.gpu] <= count:
            yield offer


def own(
    gpu: str,
    catalog: Catalog,
    purchase_usd: float | None,
    power: tuple[str | None, str, float | None],
    rent_usd_per_hour: float | None,
    country: str | None,
    given: Mapping[str, float],
) -> OwnCurve:
    """The curve of one GPU; `power` is place, sector and USD per kWh, the last wins."""
    from planner.pricing.energy import carbon_intensity
    from planner.pricing.own_curve import own_curve, price_to_buy
    from planner.profiles.gpus import load_gpus, resolve_gpu

    model = load_gpus()[resolve_gpu(gpu).key]
    told: tuple[str, ...] = ()
    if rent_usd_per_hour is None:
        found = [o.usd_per_gpu_hour for o in catalog.filter(gpus=[model.key], terms=["on_demand"]).offers]
        rent_usd_per_hour = median(found) if found else None
        told = tuple(
            f"rent: median of {len(found)} on-demand offers, from ${low:.3g}" for low in sorted(found)[:1]
        )
    curve = own_curve(
        model,
        purchase_usd=price_to_buy(model) if purchase_usd is None else purchase_usd,
        electricity_usd_per_kwh=electricity(*power),
        given=given,
        rent_usd_per_hour=rent_usd_per_hour,
        carbon=carbon_intensity(country) if country else None,
    )
    if purchase_usd is None:
        told += (f"purchase: the launch price of the card alone, ${curve.purchase_usd:,.0f} (assumption)",)
    return replace(curve, notes=(*told, *curve.notes))


def electricity(place: str | None, sector: str, usd_per_kwh: float | None) -> float:
    """USD per kWh: as given, else of the place. InputError where neither is there."""
    from planner.pricing.energy import electricity_price

    if usd_per_kwh is not None:
        return usd_per_kwh
    if place is None:
        raise InputError("electricity: no price", hint="give --electricity, USD per kWh, or --place US-Texas")
    return electricity_price(place, sector=sector).usd_per_kwh
