"""Which offers may be considered, and why the others may not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from planner.pricing.energy import carbon_intensity
from planner.pricing.offer import Offer
from planner.profiles.gpus import Gpu, load_gpus, resolve_gpu
from planner.scenario import Constraints

Rule = tuple[str, Callable[[Offer, Gpu], bool]]


@dataclass(frozen=True, slots=True)
class Considered:
    """Offers that pass every rule, and for each reason the offers it turned away."""

    offers: tuple[Offer, ...]
    rejected: Mapping[str, tuple[str, ...]]


def consider(offers: Iterable[Offer], limits: Constraints) -> Considered:
    """Split offers by the scenario's constraints; each offer is turned away by the first rule it breaks."""
    rules, gpus = _rules(limits), load_gpus()
    kept: list[Offer] = []
    rejected: dict[str, list[str]] = {}
    for offer in offers:
        reason = next((why for why, ok in rules if not ok(offer, gpus[offer.gpu])), None)
        if reason is None:
            kept.append(offer)
        else:
            rejected.setdefault(reason, []).append(offer.label)
    return Considered(tuple(kept), {why: tuple(labels) for why, labels in rejected.items()})


def _rules(c: Constraints) -> tuple[Rule, ...]:
    wanted = None if c.gpus is None else {key for name in c.gpus for key in resolve_gpu(name).keys}
    zones = None if c.zones is None else set(c.zones)
    rules: list[tuple[bool, str, Callable[[Offer, Gpu], bool]]] = [
        (c.terms is not None, "term is not in constraints.terms", lambda o, g: o.term in (c.terms or ())),
        (not c.marketplace, "single machine of a marketplace (constraints.marketplace)",
         lambda o, g: "marketplace" not in o.flags),
        (True, "nobody could check this seller's listing", lambda o, g: "least_checkable" not in o.flags),
        (True, "the seller had no stock when asked", lambda o, g: "no_stock_when_fetched" not in o.flags),
        (True, "capacity block, sold for set days", lambda o, g: o.term != "capacity_block"),
        (True, "sells fractions of a GPU", lambda o, g: o.gpu_count >= 1),
        (wanted is not None, "GPU is not in constraints.gpus", lambda o, g: o.gpu in (wanted or ())),
        (c.vendors is not None, "vendor is not in constraints.vendors", lambda o, g: g.vendor in (c.vendors or ())),
        (c.sellers is not None, "seller is not in constraints.sellers", lambda o, g: o.seller in (c.sellers or ())),
        (zones is not None, "zone is unknown, so residency cannot be shown", lambda o, g: o.zone is not None),
        (zones is not None, "zone is not in constraints.zones", lambda o, g: o.zone in (zones or ())),
        (c.countries is not None, "country is unknown", lambda o, g: o.country is not None),
        (c.countries is not None, "country is not in constraints.countries",
         lambda o, g: o.country in (c.countries or ())),
        (c.regions is not None, "region matches no pattern of constraints.regions", lambda o, g: any(
            fnmatchcase((o.region or "").casefold(), p.casefold()) for p in c.regions or ())),
        (not c.consumer_in_datacenter, "GeForce in a data centre (driver licence); constraints.consumer_in_datacenter "
         "allows it", lambda o, g: not (g.segment == "consumer" and g.vendor == "nvidia" and o.term != "owned")),
        (c.max_carbon_kg_per_month is not None, "grid of its country is unknown, so its carbon cannot be counted",
         lambda o, g: carbon_intensity(o.country, seller=o.seller, region=o.region or "") is not None),
        (c.max_carbon_kg_per_month is not None or c.max_power_kw is not None, "GPU without a known power limit",
         lambda o, g: g.tdp_w is not None),
        (True, "GPU lacks a sourced bandwidth or matrix rate", lambda o, g: g.plannable),
    ]  # fmt: skip
    return tuple((why, ok) for on, why, ok in rules if on)
