"""The other listings of `planner prices`: refresh, snapshots, rows held back, terms, tokens, owning."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from planner.render.listing import Listing, Shown
from planner.render.prices import MOST_ON_A_PAGE, or_blank
from planner.render.words import dollars, number, percent, plural

if TYPE_CHECKING:
    from planner.pricebook import HeldRow, Refreshed
    from planner.pricing.own_curve import OwnCurve
    from planner.pricing.snapshot import ProviderState, SnapshotInfo
    from planner.pricing.terms import Published
    from planner.pricing.tokens import TokenPrice


def refreshed(result: Refreshed) -> Listing:
    """How each provider did."""
    rows = result.states
    columns = (
        Shown("Provider", lambda s: s.provider, whole=True),
        Shown("Outcome", lambda s: s.status, whole=True),
        Shown("Offers", lambda s: f"{s.offers:,}", right=True),
        Shown("Held back", lambda s: f"{s.quarantined:,}", right=True),
        Shown("Remark", lambda s: s.message),
    )
    notes = [f"kept as {result.snapshot} in {result.store}" if result.snapshot else "nothing was kept"]
    if any(state.status == "failed" for state in rows):
        notes.append("a provider that failed keeps its last good prices, with their own date")
    if any(state.quarantined for state in rows):
        notes.append("rows held back, with reasons: planner prices quarantine")
    offered = sum(state.offers for state in rows)
    return Listing(
        f"{plural(offered, 'offer')} from {plural(_answered(rows), 'provider')}", rows, columns, tuple(notes)
    )


def _answered(states: Iterable[ProviderState]) -> int:
    return sum(state.status in ("ok", "unchanged") for state in states)


def snapshots(found: Iterable[SnapshotInfo]) -> Listing:
    """What is in the store, the latest first."""
    rows = tuple(reversed(tuple(found)))
    columns = (
        Shown("Snapshot", lambda s: s.id, whole=True),
        Shown("Taken at", lambda s: s.taken_at[:19].replace("T", " "), whole=True),
        Shown("Providers", lambda s: " ".join(p.provider for p in s.states if p.status == "ok")),
        Shown("Offers", lambda s: f"{s.offers:,}", right=True),
        Shown("Failed", lambda s: " ".join(p.provider for p in s.states if p.status == "failed")),
    )
    notes = () if rows else ("nothing fetched yet: planner prices refresh",)
    return Listing(plural(len(rows), "snapshot"), rows, columns, notes, None, ("id", "taken_at", "states"))


def held(found: Iterable[HeldRow]) -> Listing:
    """Rows that are not planned on, and why."""
    rows = tuple(found)
    columns = (
        Shown("Id", lambda r: r.id, whole=True),
        Shown("Provider", lambda r: r.provider, whole=True),
        Shown("Row", lambda r: r.label),
        Shown("$/GPU-h", lambda r: or_blank(r.usd_per_gpu_hour), right=True),
        Shown("Reason", lambda r: r.reason),
        Shown("Detail", lambda r: r.detail),
        Shown("Your word", lambda r: f"{r.verdict}: {r.because}" if r.verdict else ""),
    )
    notes = ('to take one: planner prices quarantine --accept ID --because "..."',) if rows else ()
    names = ("id", "provider", "reason", "label", "detail", "usd_per_gpu_hour", "verdict", "because")
    return Listing(f"{plural(len(rows), 'row')} held back", rows, columns, notes, MOST_ON_A_PAGE, names)


def published(found: Iterable[Published]) -> Listing:
    """Which terms each seller publishes: how many offers, or `absent`."""
    rows = tuple(found)
    columns = tuple(
        Shown(title, lambda row, name=name: getattr(row, name), right=name != "seller", whole=name == "seller")  # type: ignore[misc]
        for title, name in (
            ("Seller", "seller"), ("On demand", "on_demand"), ("Spot", "spot"),
            ("Interruption rate", "interruption_rate"), ("Zone spread", "zone_spread"),
            ("1 year", "committed_1y"), ("3 years", "committed_3y"), ("Payment", "payment_options"),
            ("Capacity block", "capacity_block"), ("Market", "marketplace"),
        )
    )  # fmt: skip
    return Listing(f"Terms of {plural(len(rows), 'seller')}", rows, columns)


def tokens(found: Iterable[TokenPrice]) -> Listing:
    """Prices of hosted models, USD per million tokens."""
    rows = tuple(found)
    columns = (
        Shown("Seller", lambda p: p.seller, whole=True),
        Shown("Model", lambda p: p.model),
        Shown("Input", lambda p: dollars(p.input_usd_per_million), right=True),
        Shown("Cached", lambda p: dollars(p.cached_input_usd_per_million), right=True),
        Shown("Output", lambda p: dollars(p.output_usd_per_million), right=True),
        Shown("Context", lambda p: number(p.context_tokens), right=True),
        Shown("Longer prompts", lambda p: p.tiers),
    )
    notes = (f"USD per million tokens; tables of {rows[0].source.rsplit(' http')[0]}",) if rows else ()
    names = (
        "seller",
        "model",
        "input_usd_per_million",
        "cached_input_usd_per_million",
        "output_usd_per_million",
    )
    return Listing(
        plural(len(rows), "model"), rows, columns, notes or ("no model matches",), MOST_ON_A_PAGE, names
    )


def own(curve: OwnCurve) -> Listing:
    """A useful hour of owned hardware over utilisation, taken apart, against renting it."""
    columns = (
        Shown("Use", lambda p: percent(p.utilisation), right=True),
        Shown("$/useful hour", lambda p: dollars(p.usd_per_useful_hour), right=True),
        Shown("Low", lambda p: dollars(p.low), right=True),
        Shown("High", lambda p: dollars(p.high), right=True),
        Shown("Capital", lambda p: dollars(p.capital), right=True),
        Shown("Upkeep", lambda p: dollars(p.maintenance + p.spares), right=True),
        Shown("Hosting", lambda p: dollars(p.hosting), right=True),
        Shown("Power at load", lambda p: dollars(p.electricity_load), right=True),
        Shown("Power idle", lambda p: dollars(p.electricity_idle), right=True),
        Shown("Rent", lambda p: dollars(p.rent_usd_per_hour), right=True),
        Shown("Cheaper", lambda p: p.cheaper),
        *((Shown("g CO2", lambda p: number(p.grams_co2), right=True),) if curve.points[0].grams_co2 else ()),
    )
    notes = [_break_even(curve), *curve.notes]
    notes += [f"{a.name} {a.value:g} ({a.low:g} to {a.high:g}): {a.source}" for a in curve.assumptions]
    title = f"{curve.gpu} bought at {dollars(curve.purchase_usd)}, {curve.load_w:.0f} W at load"
    return Listing(title, curve.points, columns, tuple(notes))


def _break_even(curve: OwnCurve) -> str:
    if curve.points[0].rent_usd_per_hour is None:
        return "no rent to compare with: give --rent"
    rent = dollars(curve.points[0].rent_usd_per_hour)
    if curve.break_even is None:
        return f"renting at {rent} is cheaper at any use"
    ends = [percent(x) if x is not None else "never" for x in (curve.break_even_low, curve.break_even_high)]
    return (
        f"owning is cheaper than renting at {rent} above {percent(curve.break_even)} use "
        f"({ends[0]} to {ends[1]} over the assumptions)"
    )
