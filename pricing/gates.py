"""Sanity gates: what makes an offer unfit to plan on; each is a rule that returns a reason or nothing.

Bad rows are counted and listed with their reason, never silently kept or dropped.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from planner.pricing.offer import Key, Offer
from planner.profiles.gpus import load_gpus

USD_PER_GPU_HOUR = (0.05, 50.0)
"""Below: mining leftovers and fetch errors; above: whole-node prices booked on one GPU."""
_COUNT_IN_NAME = re.compile(r"^(\d+)x[ -]|__(\d+)x|::(\d+)$|_(\d+)x$|^gpu_(\d+)x_")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One reason for which offers are missing, how many, and some of them."""

    reason: str
    count: int
    examples: tuple[str, ...]


def price_out_of_band(offer: Offer) -> str:
    """A price per GPU outside 0.05-50 $/h."""
    low, high = USD_PER_GPU_HOUR
    return "" if low <= offer.usd_per_gpu_hour <= high else f"{offer.usd_per_gpu_hour:g} $ per GPU-hour"


def memory_contradicts_gpu(offer: Offer) -> str:
    """Listed memory that no GPU of this name has; a fraction of a GPU has that fraction of its memory."""
    if offer.gpu_memory_gib is None:
        return ""
    share = min(offer.gpu_count, 1.0)
    if _some_has(offer.ambiguous_gpus or (offer.gpu,), offer.gpu_memory_gib / share):
        return ""
    return f"{offer.gpu_memory_gib:g} GiB listed for {share:g} x {offer.gpu}"


@lru_cache(maxsize=4096)
def _some_has(gpus: tuple[str, ...], memory_gib: float) -> bool:
    return any(load_gpus()[key].has_memory(memory_gib) for key in gpus)


def count_contradicts_name(offer: Offer) -> str:
    """An instance name that states another number of GPUs."""
    found = _COUNT_IN_NAME.search(offer.instance)
    stated = next((text for text in found.groups() if text), "") if found else ""
    return (
        f"name says {stated}, listed {offer.gpu_count:g}"
        if stated and float(stated) != offer.gpu_count
        else ""
    )


GATES: Mapping[str, Callable[[Offer], str]] = {
    "price_out_of_band": price_out_of_band,
    "memory_contradicts_gpu": memory_contradicts_gpu,
    "count_contradicts_name": count_contradicts_name,
}


def failed_gate(offer: Offer) -> tuple[str, str] | None:
    """The first gate this offer fails and the detail, or None."""
    for name, gate in GATES.items():
        if detail := gate(offer):
            return name, detail
    return None


def spot_above_on_demand(offers: Iterable[Offer]) -> dict[Key, str]:
    """Spot offers dearer than the on-demand price of the same instance: nearly always a wrong price kind."""
    offers = tuple(offers)
    on_demand = {offer.key[:4]: offer.usd_per_hour for offer in offers if offer.term == "on_demand"}
    return {
        offer.key: f"spot {offer.usd_per_hour:g} above on-demand {on_demand[offer.key[:4]]:g}"
        for offer in offers
        if offer.term == "spot" and offer.usd_per_hour > on_demand.get(offer.key[:4], math.inf)
    }


def summarise(rows: Iterable[tuple[str, str]], *, examples: int = 3) -> tuple[LeftOut, ...]:
    """Count (reason, what) pairs by reason, most frequent first.

    >>> summarise([("missing_price", "a"), ("missing_price", "b")])
    (LeftOut(reason='missing_price', count=2, examples=('a', 'b')),)
    """
    by_reason: dict[str, list[str]] = {}
    for reason, what in rows:
        by_reason.setdefault(reason, []).append(what)
    ordered = sorted(by_reason.items(), key=lambda item: (-len(item[1]), item[0]))
    return tuple(LeftOut(reason, len(found), tuple(found[:examples])) for reason, found in ordered)
