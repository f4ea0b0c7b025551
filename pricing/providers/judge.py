"""From a listing to an offer, or to the quarantine with a reason; nothing passes here unchecked."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation

from planner.pricing.errors import PriceError
from planner.pricing.gates import failed_gate, spot_above_on_demand
from planner.pricing.money import load_rates, to_usd
from planner.pricing.offer import COMMITMENT_MONTHS, TERMS, Key, Offer
from planner.pricing.providers.machines import Machine, machine_of
from planner.pricing.providers.records import Listing, Quarantined
from planner.pricing.providers.shape import kind_of, shown
from planner.pricing.regions import country_of, zone_of
from planner.pricing.terms import effective_usd_per_hour
from planner.profiles.errors import ProfileError
from planner.profiles.gpus import load_gpus, resolve_gpu

TOLERATED = timedelta(days=1)
"""A seller ahead of the reader's time zone dates a price tomorrow; anything later is not a price yet."""
LONGEST_NAME = 200
MOST_GPUS = 1024


class _Refused(Exception):
    pass


@dataclass(frozen=True, slots=True)
class _Rented:
    keys: tuple[str, ...]
    count: float
    memory_gib: float | None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Priced:
    usd_per_hour: Decimal
    """Effective: an upfront part is spread over the hours of the commitment."""
    upfront_usd: Decimal | None = None
    flags: tuple[str, ...] = ()


def judge(listing: Listing, *, today: date, live: bool) -> Offer | Quarantined:
    """The offer a listing makes, or the reason it makes none. A live price without a date is of today."""
    try:
        offer = _offer(listing, today=today, live=live)
    except _Refused as reason:
        return Quarantined(_described(listing), str(reason))
    return recheck(offer, today=today)


def recheck(offer: Offer, *, today: date) -> Offer | Quarantined:
    """An offer that some source made itself, against the same gates."""
    reason = _unsound(offer, today) or ": ".join(failed_gate(offer) or ())
    return Quarantined(offer.label, reason, offer) if reason else offer


def _unsound(offer: Offer, today: date) -> str:
    figures = (offer.usd_per_hour, offer.usd_per_gpu_hour, offer.gpu_count)
    if not all(isinstance(f, float | int) and math.isfinite(f) and f > 0 for f in figures):
        return f"price_not_positive: {offer.usd_per_hour} $/h for {offer.gpu_count} GPUs"
    if offer.gpu not in load_gpus():
        return f"unknown_gpu: {offer.gpu!r}"
    if offer.currency not in load_rates():
        return f"unknown_currency: {offer.currency!r}"
    if offer.term not in TERMS:
        return f"unknown_term: {offer.term!r}"
    return "" if offer.as_of is None else _future(offer.as_of, today)


def _offer(listing: Listing, *, today: date, live: bool) -> Offer:
    stated = _dated(listing.stated_on, today)
    seller, instance = _name(listing.seller, "seller"), _name(listing.instance, "instance")
    # first the price, then the GPU: a row without a price is not worth a question about its name
    upfront, price = _parts(listing)
    machine = machine_of(seller, instance)
    rented = _identify(listing, machine)
    gpus = Decimal(repr(rented.count))
    priced = _priced(listing, upfront=upfront, hourly=price * gpus if listing.per_gpu else price)
    region = _name(listing.region, "region") if listing.region not in (None, "") else None
    country = country_of(seller, region)
    ambiguous = (f"ambiguous_gpu:{'|'.join(rented.keys)}",) if len(rented.keys) > 1 else ()
    return Offer(
        seller=seller, instance=instance, gpu=rented.keys[0], gpu_name_as_listed=_listed(listing, rented),
        gpu_count=rented.count, gpu_memory_gib=rented.memory_gib,
        vcpus=_figure(listing.vcpus) or (machine.vcpus if machine else None),
        host_memory_gib=_figure(listing.host_memory_gib) or (machine.host_memory_gib if machine else None),
        region=region, country=country, zone=zone_of(country), term=listing.term,
        usd_per_hour=_rounded(priced.usd_per_hour), usd_per_gpu_hour=_rounded(priced.usd_per_hour / gpus),
        currency=str(listing.currency).upper(),
        upfront_usd=None if priced.upfront_usd is None else _rounded(priced.upfront_usd),
        commitment_months=COMMITMENT_MONTHS.get(listing.term), interruption_per_hour=None,
        availability=listing.availability, source=listing.source,
        as_of=today.isoformat() if live else stated, age_days=None, licence=listing.licence,
        flags=(
            *ambiguous, *rented.flags, *listing.flags, *priced.flags,
            *(("country_unknown",) if country is None else ()),
        ),
    )  # fmt: skip


def _listed(listing: Listing, rented: _Rented) -> str:
    """The seller's spelling; price lists that name no GPU get ours."""
    listed = isinstance(listing.gpu, str) and listing.gpu.strip()
    return _name(listing.gpu, "gpu") if listed else load_gpus()[rented.keys[0]].name


def _parts(listing: Listing) -> tuple[Decimal | None, Decimal]:
    """The upfront part in USD, None where none is stated, and the recurring one as listed."""
    upfront = None
    if listing.upfront is not None:
        upfront = _usd(listing.upfront, listing.currency, "upfront", may_be_zero=True)
    paid = bool(upfront)
    return upfront, _usd(listing.price, listing.currency, "price", scale=listing.scale, may_be_zero=paid)


def _priced(listing: Listing, *, upfront: Decimal | None, hourly: Decimal) -> _Priced:
    """The effective price of an hour, and the payment option that its parts amount to."""
    months = COMMITMENT_MONTHS.get(listing.term)
    if months is None and upfront:
        reason = "upfront_without_commitment" if listing.term in TERMS else "unknown_term"
        raise _Refused(f"{reason}: {listing.term!r}")
    if months is None or upfront is None:
        return _Priced(hourly, upfront)
    payment = "no_upfront" if not upfront else "partial_upfront" if hourly else "all_upfront"
    if listing.payment not in ("", payment):
        parts = f"{upfront:g} $ upfront and {hourly:g} $/h"
        raise _Refused(f"payment_contradicts_parts: {parts} is not {listing.payment}")
    effective = effective_usd_per_hour(
        upfront_usd=float(upfront), recurring_usd_per_hour=float(hourly), months=months
    )
    return _Priced(Decimal(repr(effective)), upfront, (f"payment:{payment}",))


def _usd(
    value: object, currency: object, what: str, *, scale: Decimal = Decimal(1), may_be_zero: bool = False
) -> Decimal:
    """An amount in USD. A price of zero is a placeholder, never a gift, unless the upfront part pays for it."""
    if value is None or value == "":
        raise _Refused(f"missing_{what}: {kind_of(value)}")
    number = _decimal(value, what) * scale
    if number < 0 or (number == 0 and not may_be_zero):
        raise _Refused(f"{what}_not_positive: {value}")
    if not isinstance(currency, str) or not currency:
        raise _Refused(f"unknown_currency: {kind_of(currency)}")
    try:
        return to_usd(number, currency)
    except PriceError:
        raise _Refused(f"unknown_currency: {currency[:20]!r}") from None


def _decimal(value: object, what: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise _Refused(f"{what}_not_a_number: {kind_of(value)}")
    if isinstance(value, str) and len(value) > 40:
        raise _Refused(f"{what}_not_a_number: {len(value)} characters")
    try:
        number = Decimal(value.strip()) if isinstance(value, str) else Decimal(str(value))
    except (InvalidOperation, ValueError):
        raise _Refused(f"{what}_not_a_number: {shown(str(value))}") from None
    if not number.is_finite() or abs(number) > Decimal(10) ** 9:
        raise _Refused(f"{what}_not_finite: {str(value)[:20]}")
    return number


def _figure(value: object) -> float | None:
    """A figure nobody plans by: unknown when it is not a positive number."""
    try:
        number = float(_decimal(value, "figure"))
    except _Refused:
        return None
    return number if number > 0 else None


def _rounded(number: Decimal) -> float:
    return round(float(number), 6)


def _name(value: object, what: str) -> str:
    """Text on one line, or a refusal; names go into CSV files, terminals and commit messages."""
    if not isinstance(value, str):
        raise _Refused(f"{what}_not_text: {kind_of(value)}")
    text = " ".join("".join(char if char.isprintable() else " " for char in value).split())
    if not text or len(text) > LONGEST_NAME:
        raise _Refused(f"{what}_not_text: {len(text)} characters")
    return text


def _dated(value: object, today: date) -> str | None:
    """ISO day of a stated date or time; None stays None."""
    if value is None or value == "":
        return None
    try:
        day = date.fromisoformat(value[:10]) if isinstance(value, str) else None
    except ValueError:
        day = None
    if day is None:
        raise _Refused(f"bad_date: {shown(value)[:40]}")
    if reason := _future(day.isoformat(), today):
        raise _Refused(reason)
    return day.isoformat()


def _future(day: str, today: date) -> str:
    try:
        ahead = date.fromisoformat(day) > today + TOLERATED
    except ValueError:
        return f"bad_date: {day[:40]!r}"
    return f"future_dated: {day}" if ahead else ""


def _identify(listing: Listing, machine: Machine | None) -> _Rented:
    """GPU and number: the machine table before the listing, and the listing's spelling before a guess."""
    name = "" if machine else _name(listing.gpu, "gpu")
    members = machine.keys if machine else _resolved(name, None)
    stated = None if listing.gpu_count in (None, "") else float(_decimal(listing.gpu_count, "gpu_count"))
    count = machine.gpu_count if machine and machine.gpu_count else stated
    if count is None or not 0 < count <= MOST_GPUS:
        raise _Refused(f"bad_gpu_count: {shown(listing.gpu_count)[:40]}")
    differs = stated is not None and stated != count
    flags = (*(("count_from_name",) if differs else ()), *(("fractional_gpu",) if count % 1 else ()))
    memory = _memory(members, _figure(listing.gpu_memory_gib), count, of_all=listing.memory_of_all)
    of_one = None if memory is None else memory / min(count, 1)
    if machine is None:
        return _Rented(_resolved(name, of_one), count, memory, flags)
    fitting = [key for key in members if of_one is None or load_gpus()[key].has_memory(of_one)]
    return _Rented((*fitting, *members)[:1], count, memory or machine.gpu_memory_gib, flags)


def _resolved(name: str, memory_gib: float | None) -> tuple[str, ...]:
    try:
        return resolve_gpu(name, memory_gib=memory_gib).keys
    except ProfileError as error:
        raise _Refused(f"unknown_gpu: {error}") from None


def _memory(keys: Iterable[str], stated: float | None, count: float, *, of_all: bool) -> float | None:
    """Memory per GPU out of a figure that may be the sum: the reading that fits, per GPU first."""
    if stated is None or not of_all or count <= 1:
        return stated
    gpus = [load_gpus()[key] for key in keys]
    fits = [reading for reading in (stated, stated / count) if any(gpu.has_memory(reading) for gpu in gpus)]
    return fits[0] if fits else stated / count


def _described(listing: Listing) -> str:
    upfront = None if listing.upfront is None else f"upfront {listing.upfront}"
    parts = (listing.seller, listing.instance, listing.region, listing.term, listing.price, listing.currency)
    return shown(" ".join(str(part) for part in (*parts, upfront) if part is not None))


def settle(offers: Iterable[Offer]) -> tuple[tuple[Offer, ...], tuple[Quarantined, ...]]:
    """One offer per key: repeated rows count once, rows that contradict each other not at all.

    Two prices under one key mean that two kinds of price were read as one (Azure has six rows per size):
    picking the cheaper is how a fifth of the true price gets published.
    """
    by_key: dict[Key, list[Offer]] = {}
    for offer in offers:
        by_key.setdefault(offer.key, []).append(offer)
    kept, held = [], []
    for same in by_key.values():
        prices = sorted({offer.usd_per_hour for offer in same})
        if len(prices) == 1:
            kept.append(same[0])
        else:
            reason = f"conflicting_prices: {len(prices)} from {prices[0]:g} to {prices[-1]:g} $/h"
            held += [Quarantined(offer.label, reason, offer) for offer in same]
    dear = spot_above_on_demand(kept)
    held += [Quarantined(o.label, f"spot_above_on_demand: {dear[o.key]}", o) for o in kept if o.key in dear]
    return tuple(offer for offer in kept if offer.key not in dear), tuple(held)
