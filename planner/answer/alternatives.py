"""The runners-up and why each lost: for every GPU model (and term) the cheapest plan that uses only it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from planner.decide import Decided
from planner.optimize.single import best_per_key
from planner.plan import Alternative, AlternativePart
from planner.pricing.money import HOURS_PER_MONTH
from planner.pricing.offer import Offer
from planner.profiles.gpus import load_gpus

COUNT = 5


def alternatives(decided: Decided, *, usd_per_month: float, count: int = COUNT) -> tuple[Alternative, ...]:
    """The `count` cheapest single-GPU-model plans other than the one chosen, cheapest first.

    Each takes for every workload (and slice of the month) the one option of the model that costs least, with
    the spares asked for; share caps and pools hold as in the plan.
    """
    keys = [(c.option.offer.gpu, c.option.offer.term) for c in decided.columns]
    names = {key: i for i, key in enumerate(dict.fromkeys(keys))}
    keys += [("", "api")] * len(decided.hosted)
    names |= {("", "api"): len(names)} if decided.hosted else {}
    plans = best_per_key(decided.problem, np.array([names[k] for k in keys], np.int64))
    chosen = {keys[o] for o in np.flatnonzero(decided.decision.shares.any(axis=0))}
    by_number = {i: key for key, i in names.items()}
    found, seen = [], set()
    for plan in plans:
        gpu, term = by_number[plan.key]
        if chosen == {(gpu, term)} or gpu in seen:
            continue
        seen.add(gpu)
        found.append(_alternative(decided, plan.options, plan.units, plan.usd_per_hour, usd_per_month))
        if len(found) == count:
            break
    return tuple(found)


def _alternative(
    decided: Decided, options: tuple[int, ...], units: tuple[int, ...], usd_per_hour: float, best: float
) -> Alternative:
    usd = usd_per_hour * HOURS_PER_MONTH
    parts: dict[str, int] = {}
    for o, n in zip(options, units, strict=True):
        if o >= len(decided.columns):
            parts[f"hosted API {decided.hosted[o - len(decided.columns)].api.label.removesuffix(' api')}"] = 0
            continue
        option = decided.columns[o].option
        offer, c = option.offer, option.configuration
        gpu = load_gpus()[offer.gpu].name
        label = (f"{{n}} x {offer.gpu_count:g} {gpu} ({offer.seller}, {offer.term.replace('_', '-')}), "
                 f"{c.engine} {c.weights} {c.layout}")  # fmt: skip
        parts[label] = max(parts.get(label, 0), n)
    summary = "; ".join(label.format(n=n) for label, n in parts.items())
    delta = 100.0 * (usd / best - 1.0) if best > 0 else None
    return Alternative(
        summary, usd, delta, _reason(decided, options, units), tuple(_parts(decided, options, units))
    )


def _parts(decided: Decided, options: tuple[int, ...], units: tuple[int, ...]) -> Iterator[AlternativePart]:
    """What it would rent, for other tools; a hosted API rents nothing, and the busiest hours count."""
    most: dict[tuple[str, Offer], int] = {}
    for o, n in zip(options, units, strict=True):
        if o < len(decided.columns):
            option = decided.columns[o].option
            key = (decided.ways[option.workload].workload.name, option.offer)
            most[key] = max(most.get(key, 0), n)
    for (workload, offer), n in most.items():
        yield AlternativePart(workload, n, offer.gpu, offer.gpu_count, offer.seller, offer.instance, offer.region,
                              offer.term, offer.usd_per_hour)  # fmt: skip


def _reason(decided: Decided, options: tuple[int, ...], units: tuple[int, ...]) -> str:
    """What decided against it: throughput per dollar, or whole units and spares that stand idle."""
    if any(o >= len(decided.columns) for o in (*options, *_chosen(decided))):
        return "dearer at this volume"  # paid by the token on one side, by the hour on the other
    best, other = _dollars_per_rate(decided, _chosen(decided)), _dollars_per_rate(decided, options)
    p = decided.problem
    idle = 1.0 - _busy(decided, options, units)
    limits = decided.problem.limits
    for cap in p.share_caps:
        if cap.mask[list(options)].all():
            return f"only {100 * cap.max_share:.0f} % of the load may run there ({cap.name})"
    ratio = other / best
    if ratio > 1.005:
        text = f"{100 * (ratio - 1):.0f} % dearer per request it can carry"
    elif ratio < 0.995:
        text = f"{100 * (1 - ratio):.0f} % cheaper per request at full load"
    else:
        text = "as cheap per request at full load"
    if idle > 0.15:
        spare = " and the spare" if limits.spare_units is not None and limits.spare_units.any() else ""
        text += (
            f", but whole units{spare} leave {100 * idle:.0f} % idle"
            if ratio < 1.005
            else f"; {100 * idle:.0f} % idle"
        )
    return text


def _chosen(decided: Decided) -> tuple[int, ...]:
    return tuple(int(o) for o in np.flatnonzero(decided.decision.shares.any(axis=0)))


def _dollars_per_rate(decided: Decided, options: tuple[int, ...]) -> float:
    """USD per hour for one request per second at full load, over the workloads, each option's own."""
    rates: dict[int, list[float]] = {}
    for o in options:
        option = decided.columns[o].option
        rates.setdefault(option.workload, []).append(option.offer.usd_per_hour / option.capacity_per_s)
    weight = {i: w.workload.demand.mean_requests_per_s for i, w in enumerate(decided.ways)}
    return sum(weight[w] * float(np.mean(r)) for w, r in rates.items()) / sum(weight[w] for w in rates)


def _busy(decided: Decided, options: tuple[int, ...], units: tuple[int, ...]) -> float:
    """Share of what the units could carry that is carried, in the busiest slice."""
    carried = capacity = 0.0
    for o, n in zip(options, units, strict=True):
        option = decided.columns[o].option
        if option.workload == decided.columns[options[0]].option.workload:
            capacity = max(capacity, n * option.capacity_per_s)
            carried = decided.ways[option.workload].workload.demand.peak_requests_per_s
    return min(1.0, carried / capacity) if capacity else 1.0
