"""A snapshot: everything one refresh brought, dated; and what is current when several are laid together.

Snapshots are only ever added. What a provider brought last stays current until it brings something newer,
so a provider that fails today keeps its rows with their own date.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from planner.pricing.catalog import Catalog, gated
from planner.pricing.errors import PriceError
from planner.pricing.gates import summarise
from planner.pricing.offer import Offer, to_row
from planner.pricing.quarantine import Decision, Held, accepted, accepted_ids

SHIPPED = "shipped"
"""Provider name of the rows that came with the package; they stand in where no seller was fetched."""
CONTRACT = "contract"
"""Provider name of the user's own contract: those prices win over any list, whichever is newer."""
OK = "ok"
ID_TIME = "%Y%m%dT%H%M%S%fZ"


@dataclass(frozen=True, slots=True)
class ProviderState:
    """How one provider did: `ok` with rows, `unchanged` since, `skipped` for want of a key, `failed`."""

    provider: str
    status: str
    message: str = ""
    etag: str | None = None
    offers: int = 0
    quarantined: int = 0


@dataclass(frozen=True)
class Snapshot:
    """Rows by provider as one refresh saw them; `taken_at` is UTC, like 2026-11-22T15:31:57.000000Z."""

    taken_at: str
    states: tuple[ProviderState, ...]
    offers: Mapping[str, tuple[Offer, ...]] = field(default_factory=dict)
    held: tuple[Held, ...] = ()

    @property
    def id(self) -> str:
        """Sorts by time; the digest keeps two refreshes of one moment apart and makes a repeat the same."""
        digest = hashlib.sha256(self.taken_at.encode())
        for provider in sorted(self.offers):
            digest.update(provider.encode())
            for offer in self.offers[provider]:
                digest.update("\t".join(to_row(offer)).encode())
        for part in (*self.states, *self.held):
            digest.update(repr(part).encode())
        return f"{parse_time(self.taken_at):{ID_TIME}}-{digest.hexdigest()[:8]}"


@dataclass(frozen=True, slots=True)
class SnapshotInfo:
    """A snapshot without its rows."""

    id: str
    taken_at: str
    states: tuple[ProviderState, ...]

    @property
    def offers(self) -> int:
        """Rows in it."""
        return sum(state.offers for state in self.states if state.status == OK)


class Store(Protocol):
    """Where snapshots are kept: a folder of Parquet files, or a PostgreSQL database."""

    location: str

    def append(self, snapshot: Snapshot) -> str:
        """Add a snapshot whole or not at all; its id. A snapshot that is there already is left alone."""
        ...

    def infos(self) -> tuple[SnapshotInfo, ...]:
        """Every snapshot, oldest first."""
        ...

    def read(self, id: str, providers: Iterable[str] | None = None) -> Snapshot:
        """One snapshot, or the part of it that some providers brought."""
        ...

    def decisions(self) -> tuple[Decision, ...]:
        """The user's decisions on held rows, oldest first."""
        ...

    def decide(self, decision: Decision) -> None:
        """Add a decision."""
        ...


def parse_time(text: str) -> datetime:
    """The moment of `taken_at`; raises `PriceError` where it is none.

    >>> parse_time("2026-11-22T15:31:57.000000Z").isoformat()
    '2026-11-22T15:31:57+00:00'
    """
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")
    except ValueError as error:
        raise PriceError(f"taken_at: {text!r} is not a time like 2026-11-22T15:31:57.000000Z") from error


def shipped_snapshot(catalog: Catalog) -> Snapshot:
    """The shipped catalogue as a snapshot of its own date, so that a history begins with it."""
    day = catalog.as_of or "1970-01-01"
    states = (ProviderState(SHIPPED, OK, "came with the package", offers=len(catalog.offers)),)
    return Snapshot(f"{day}T00:00:00.000000Z", states, {SHIPPED: catalog.offers})


def current(store: Store, *, until: str | None = None) -> Snapshot:
    """The rows in force: of each provider those it brought last, no later than `until` (an id or a day).

    Held rows come along, those of the same snapshots. Raises `PriceError` for an empty store.
    """
    infos = [info for info in store.infos() if until is None or _not_after(info, until)]
    if not infos:
        when = f" until {until}" if until else ""
        raise PriceError(f"{store.location}: no snapshot{when} (fetch one: planner prices refresh)")
    last: dict[str, SnapshotInfo] = {}
    states: dict[str, ProviderState] = {}
    for info in infos:
        for state in info.states:
            states[state.provider] = state
            if state.status == OK:
                last[state.provider] = info
    parts = [
        store.read(id, [p for p, info in last.items() if info.id == id])
        for id in sorted({info.id for info in last.values()})
    ]
    offers = {provider: rows for part in parts for provider, rows in part.offers.items()}
    held = tuple(row for part in parts for row in part.held)
    return Snapshot(infos[-1].taken_at, tuple(states[p] for p in sorted(states)), offers, held)


def _not_after(info: SnapshotInfo, until: str) -> bool:
    return info.id <= until if "T" in until else info.taken_at[:10] <= until


def resolve_id(infos: Sequence[SnapshotInfo], wanted: str) -> SnapshotInfo:
    """The snapshot whose id is or begins with `wanted`; `PriceError` lists the latest ones otherwise."""
    found = [info for info in infos if wanted and info.id.startswith(wanted)]
    if len(found) != 1:
        what = "fits several snapshots" if found else "is no snapshot"
        latest = ", ".join(info.id for info in infos[-3:]) or "none yet"
        raise PriceError(f"prices: {wanted!r} {what} (the latest: {latest})")
    return found[0]


def catalog_of(snapshot: Snapshot, decisions: Iterable[Decision] = ()) -> Catalog:
    """The offers of a snapshot as a catalogue: newest per key and gated, own contracts and accepted rows on top.

    Capacity blocks are left out and counted: they are bought for days, and would look like cheap on-demand.
    """
    listed = {provider: rows for provider, rows in snapshot.offers.items() if provider != CONTRACT}
    kept = tuple(_in_force(listed))
    blocks = [offer for offer in kept if offer.term == "capacity_block"]
    catalog = gated(offer for offer in kept if offer.term != "capacity_block")
    contract = gated(snapshot.offers.get(CONTRACT, ()))
    decisions = tuple(decisions)
    taken = accepted_ids(decisions)
    left_out = [(r.reason, f"{r.label}: {r.detail}") for r in snapshot.held if r.id not in taken]
    left_out += [("capacity_block", f"{offer.label}: bought for days") for offer in blocks]
    counted = Catalog(catalog.offers, (*catalog.left_out, *contract.left_out, *summarise(left_out)))
    added = (*contract.offers, *accepted(snapshot.held, decisions))
    return counted.with_offers(added) if added else counted


Place = tuple[str, str, str | None]


def _in_force(offers: Mapping[str, tuple[Offer, ...]]) -> Iterator[Offer]:
    """Of each place the rows of whoever saw it last; shipped ones where nobody fetched anything newer.

    Otherwise a machine that a fetched list no longer has would live on in an archive, or in the package.
    """
    if len(offers) < 2:
        yield from (offer for rows in offers.values() for offer in rows)
        return
    places = {provider: [_place(offer) for offer in rows] for provider, rows in offers.items()}
    seen: dict[tuple[Place, str], str] = {}
    for provider, rows in offers.items():
        for place, offer in zip(places[provider], rows, strict=True):
            seen[place, provider] = max(seen.get((place, provider), ""), offer.as_of or "")
    best: dict[Place, tuple[str, bool]] = {}
    for (place, provider), day in seen.items():
        best[place] = max(best.get(place, ("", False)), (day, provider != SHIPPED))
    for provider, rows in offers.items():
        fetched = provider != SHIPPED
        for place, offer in zip(places[provider], rows, strict=True):
            if best[place] == (seen[place, provider], fetched):
                yield offer


def _place(offer: Offer) -> Place:
    """Seller, term and region; the machines of a marketplace come and go between regions."""
    return offer.seller, offer.term, None if "marketplace" in offer.flags else offer.region
