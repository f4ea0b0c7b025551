"""The sums a plan must keep to: shares of a seller or vendor, quotas, power, carbon, measured dollars."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from planner.estimate.describe import measured_share
from planner.optimize.problem import Resource, ShareCap
from planner.options.columns import Column, owned_entry, paid_hours
from planner.options.hosted import HostedOption
from planner.options.periods import Slice
from planner.pricing.energy import carbon_intensity, grams_co2_per_hour
from planner.pricing.money import HOURS_PER_MONTH
from planner.pricing.offer import Offer
from planner.profiles.gpus import load_gpus, resolve_gpu
from planner.scenario import Constraints, OwnedGpu, Quota, Site

Array = NDArray[np.float64]


def share_caps(
    columns: Sequence[Column], hosted: Sequence[HostedOption], limits: Constraints
) -> Iterator[ShareCap]:
    """At most so much of each workload's load with one seller, or on the GPUs of one vendor."""
    gpus = load_gpus()
    if limits.max_seller_share is not None:
        sellers = [*(c.option.offer.seller for c in columns), *(x.api.seller for x in hosted)]
        for name in dict.fromkeys(sellers):
            yield ShareCap(
                f"max_seller_share of {name}", np.array([s == name for s in sellers]), limits.max_seller_share
            )
    if limits.max_vendor_share is not None:
        vendors = [*(gpus[c.option.offer.gpu].vendor for c in columns), *("" for _ in hosted)]
        for name in dict.fromkeys(v for v in vendors if v):
            yield ShareCap(
                f"max_vendor_share of {name}", np.array([v == name for v in vendors]), limits.max_vendor_share
            )


def resources(
    columns: Sequence[Column], slices: Sequence[Slice], limits: Constraints, owned: Sequence[OwnedGpu]
) -> Iterator[Resource]:
    """Everything units use up together."""
    use = np.array([1.0 if c.window_h is None else 1.0 / c.window_h for c in columns])
    gpus = use * [c.option.offer.gpu_count for c in columns]
    entries = [owned_entry(c.option) for c in columns]
    for name, limit in dict.fromkeys(e for e in entries if e is not None):
        yield Resource(name, np.where([e == (name, limit) for e in entries], gpus, 0.0), limit)
    for quota in limits.quotas:
        yield Resource(
            quota.label, np.where([_counts(quota, c.option.offer) for c in columns], gpus, 0.0), quota.gpus
        )
    sites = [_site(c.option.offer, owned) for c in columns]
    if limits.max_power_kw is not None:
        own = np.array([c.option.offer.term == "owned" for c in columns])
        kw = np.array([_watts(c.option.offer) * s.pue / 1000 for c, s in zip(columns, sites, strict=True)])
        yield Resource("max_power_kw", np.where(own, use * kw, 0.0), limits.max_power_kw)
    if limits.max_carbon_kg_per_month is not None:
        hours = np.array([paid_hours(c, slices) for c in columns])
        grams = np.array(
            [_grams_per_hour(c.option.offer, s.pue) for c, s in zip(columns, sites, strict=True)]
        )
        kg = hours * grams / 1000
        yield Resource("max_carbon_kg_per_month", kg, limits.max_carbon_kg_per_month, over_horizon=True)
    if limits.min_measured_share is not None:
        yield Resource(
            "min_measured_share",
            _unmeasured(columns, slices, limits.min_measured_share),
            0.0,
            over_horizon=True,
        )


def _counts(quota: Quota, offer: Offer) -> bool:
    keys = None if quota.gpu is None else resolve_gpu(quota.gpu).keys
    return (
        quota.seller in (None, offer.seller)
        and (keys is None or offer.gpu in keys)
        and quota.region in (None, offer.region)
        and quota.term in (None, offer.term)
    )


def _site(offer: Offer, owned: Sequence[OwnedGpu]) -> Site:
    """Where an offer draws its power; rented machines at the site values assumed for owned ones."""
    flag = next((f for f in offer.flags if f.startswith("owned_entry:")), None)
    number = 0 if flag is None else int(flag.split(":")[1].split()[0])
    return owned[number - 1].site if 0 < number <= len(owned) else Site()


def _watts(offer: Offer) -> float:
    """Boards of one unit at their limit; `offers` turned away what has none."""
    return offer.gpu_count * (load_gpus()[offer.gpu].tdp_w or 0.0)


def _grams_per_hour(offer: Offer, pue: float) -> float:
    grid = carbon_intensity(offer.country, seller=offer.seller, region=offer.region or "")
    return 0.0 if grid is None else grams_co2_per_hour(_watts(offer), pue=pue, carbon=grid)


def _unmeasured(columns: Sequence[Column], slices: Sequence[Slice], least: float) -> Array:
    """USD per hour by which a unit's measured dollars fall short of the share asked for (below 0: exceed it)."""
    short = []
    for c in columns:
        usd = c.option.offer.usd_per_hour * paid_hours(c, slices) / HOURS_PER_MONTH
        share = measured_share(c.option.configuration.evaluation, c.option.batch_index)
        short.append(usd * (least - share))
    return np.array(short)
