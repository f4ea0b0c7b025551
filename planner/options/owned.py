"""Owned hardware of the scenario as offers, in every instance size its GPUs allow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from planner.pricing.offer import Offer
from planner.pricing.ownership import Site, owned_offer
from planner.scenario import OwnedGpu

WIDTHS = (1, 2, 4, 8)


def owned_offers(entries: Iterable[OwnedGpu]) -> Iterator[Offer]:
    """Offers of term `owned`: instances of 1, 2, 4 and 8 GPUs up to the entry's count.

    The flag `owned_entry:NAME:COUNT` ties the sizes of one entry together, so that the optimization never
    uses more GPUs than are there.
    """
    for number, entry in enumerate(entries, start=1):
        site = Site(
            electricity_usd_per_kwh=entry.site.electricity_usd_per_kwh, pue=entry.site.pue,
            country=entry.site.country, zone=entry.site.zone,
        )  # fmt: skip
        for width in WIDTHS:
            if width <= entry.count:
                offer = owned_offer(
                    entry.gpu, width, purchase_usd=entry.purchase_usd, site=site, status=entry.status,
                    units=float(entry.count // width),
                )  # fmt: skip
                flags = (*offer.flags, f"owned_entry:{number} {offer.gpu}:{entry.count}")
                yield replace(offer, flags=(*flags, "would_buy") if entry.status == "would_buy" else flags)
