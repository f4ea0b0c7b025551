"""From what the providers brought to a snapshot in the store; the network itself is in `providers`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING

from planner.pricing.catalog import Catalog
from planner.pricing.offer import Offer
from planner.pricing.quarantine import Held, as_row, screen
from planner.pricing.snapshot import OK, ProviderState, Snapshot, Store, shipped_snapshot

if TYPE_CHECKING:
    from planner.pricing.providers.records import FetchResult, Quarantined


def snapshot_of(results: Iterable[FetchResult], *, taken_at: str, today: date) -> Snapshot:
    """The results as a snapshot; every row passes `quarantine.screen` once more on its way."""
    states: list[ProviderState] = []
    offers: dict[str, tuple[Offer, ...]] = {}
    held: list[Held] = []
    for result in results:
        passed, stopped = screen(result.provider, result.offers, today=today)
        stopped = (*(_held(result.provider, row) for row in result.quarantined), *stopped)
        fetched = result.status == OK
        states.append(
            ProviderState(
                result.provider, result.status, result.message, result.etag if fetched else None,
                offers=len(passed) if fetched else 0, quarantined=len(stopped),
            )
        )  # fmt: skip
        if fetched:
            offers[result.provider] = passed
        held += stopped
    return Snapshot(taken_at, tuple(states), offers, tuple(held))


def _held(provider: str, row: Quarantined) -> Held:
    """`reason: detail` of a provider, taken apart; a reason without a name is shown as it is."""
    name, found, detail = row.reason.partition(": ")
    if not (found and re.fullmatch(r"[a-z_]+", name)):
        name, detail = "unreadable", row.reason
    label = row.offer.label if row.offer else row.row
    return Held(provider, name, label, detail, as_row(row.offer) if row.offer else "{}")


def etags(store: Store) -> Mapping[str, str]:
    """What each provider said to remember, to ask it only for news.

    Only of providers whose rows are still those of that answer: after a failure the last good tag holds.
    """
    found: dict[str, str] = {}
    for info in store.infos():
        for state in info.states:
            if state.status == OK:
                found.pop(state.provider, None)
                if state.etag:
                    found[state.provider] = state.etag
    return found


def keep(store: Store, snapshot: Snapshot, *, shipped: Catalog) -> str:
    """Add a snapshot, behind the shipped prices where the store lacks them, so that a history has a start."""
    first = shipped_snapshot(shipped)
    if all(info.id != first.id for info in store.infos()):
        store.append(first)
    return store.append(snapshot)
