"""What the answer rests on: rejected options, assumptions, evidence, remarks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from planner.answer.kernels import openness
from planner.answer.placements import HostedLoad, Layer, hosted_loads, usd_per_month
from planner.decide import Decided
from planner.estimate.describe import measured_share
from planner.options.configurations import refusals
from planner.options.hosted import hosted_apis
from planner.options.interruptions import (
    INTERRUPTIONS_PER_HOUR,
    STARTS_PER_MONTH,
    Assumed,
    failure_domain,
    interruptions_per_hour,
)
from planner.options.table import VERDICTS
from planner.plan import Assumption, Evidence, Finding, Rejected
from planner.pricing.catalog import Catalog
from planner.pricing.money import HOURS_PER_MONTH
from planner.profiles.gpus import load_gpus
from planner.worlds.chance import DRAWS

EXAMPLES = 3
OLD_PRICE_DAYS = 90


def rejected(decided: Decided, catalog: Catalog) -> tuple[Rejected, ...]:
    """Offers and configurations that could not be chosen, by reason, most frequent first."""
    rows = [Rejected(f"offer: {why}", len(labels), labels[:EXAMPLES])
            for why, labels in decided.considered.rejected.items()]  # fmt: skip
    rows += [
        Rejected(f"price row left out: {x.reason}", x.count, tuple(x.examples[:EXAMPLES]))
        for x in catalog.left_out
    ]
    for way, reasons in zip(decided.ways, decided.refused_offers, strict=True):
        name = f"{way.workload.name}: " if len(decided.ways) > 1 else ""
        rows += [Rejected(f"offer: {name}{why}", len(o), tuple(o[:EXAMPLES])) for why, o in reasons.items()]
        codes = Counter(int(v) for v in way.load.verdict if int(v) in VERDICTS)
        for code, n in codes.items():
            examples = dict.fromkeys(
                f"{c.evaluation.gpu.key} {c.engine} {c.weights} {c.layout}"
                for c, v in zip(way.configurations, way.load.verdict, strict=True) if int(v) == code
            )  # fmt: skip
            rows.append(Rejected(f"configuration: {name}{VERDICTS[code]}", n, tuple(examples)[:EXAMPLES]))
    rows += [
        Rejected(f"configuration: {why}", n, gpus[:EXAMPLES])
        for why, n, gpus in refusals(decided.configurations.refused)
    ]
    return tuple(sorted(rows, key=lambda r: (-r.count, r.reason)))


def assumptions(decided: Decided, layers: Sequence[Layer]) -> Iterator[Assumption]:
    """Numbers and rules the answer rests on that nobody measured here."""
    c = decided.scenario.constraints
    yield Assumption("month", "730 hours", "convention")
    yield Assumption("planning quantile", c.quantile, "constraints.quantile")
    worlds = (
        f"{DRAWS.count} worlds of seed {DRAWS.seed}; replicas of one engine, model and GPU are wrong together"
    )
    yield Assumption("chance every SLO is met", worlds, "docs/uncertainty.md")
    yield Assumption("headroom", "waiting for a slot and for other prompts stays inside ttft_ms at the percentile",
                     "Erlang C over the workload's pooled slots; M/D/1 for prefills")  # fmt: skip
    if len(decided.slices) > 1:
        yield Assumption(
            "peaks", "all workloads are busiest in the same hours", "no clock in the demand curves"
        )
    yield from _about_starts(decided, layers)
    engines = {layer.option.configuration.evaluation.setup.recipe for layer in layers}
    for recipe in sorted(engines, key=lambda r: r.engine):
        per_layer, per_request = (1e6 * t for t in (recipe.host_s_per_layer, recipe.host_s_per_sequence))
        host = f"{per_layer:.0f} us per layer, {per_request:.0f} us per running request"
        yield Assumption(f"{recipe.engine} host time", host, "fitted, docs/performance-model.md")
        memory = f"{100 * recipe.memory_share:.0f} % of the device, {recipe.reserved_bytes / 1e9:.0f} GB of it reserved"
        yield Assumption(f"{recipe.engine} memory", memory, "docs/performance-model.md")
    if own := decided.configurations.calibration.own_points:
        said = f"{own} points of yours pull" if own > 1 else "1 point of yours pulls"
        yield Assumption("your measurements", f"{said} the predictions", "planner calibrate")
    settings = "CUDA graphs on, prefix cache only as stated, no limit on running requests but memory"
    yield Assumption("settings", settings, "engine defaults")
    if any(o.offer.term == "owned" for o in decided.options):
        yield Assumption("owned hardware", "annualised cost, electricity at 70 % utilisation unless stated",
                         "planner.pricing.ownership")  # fmt: skip


def _about_starts(decided: Decided, layers: Sequence[Layer]) -> Iterator[Assumption]:
    """Interruptions, cold starts and deadlines, each with its range where somebody could measure it."""
    spot = [x for x in layers if x.option.offer.term == "spot"]
    if any(x.option.offer.interruption_per_hour is None for x in spot):
        yield Assumption("spot interruptions per hour", _range(INTERRUPTIONS_PER_HOUR),
                         "assumed; interruption_per_hour in [[prices]] replaces it")  # fmt: skip
    if spot:
        rule = decided.scenario.constraints.spot_fallback
        carries = (
            "the rest carries the load"
            if rule == "standby"
            else "units rented on demand then, late by a start"
        )
        yield Assumption("spot failure domains", f"all spot of one seller in one region vanishes at once; {carries}",
                         f"constraints.spot_fallback = {rule}; batches wait")  # fmt: skip
    part = [x for x in layers if x.hours < HOURS_PER_MONTH - 0.5]
    starts = {decided.ways[x.option.workload].workload.name: x.option.cold_start for x in (*spot, *part)}
    for name, start in starts.items():
        yield Assumption(f"{name} cold start", f"{_range(start)} s",
                         "boot and loading of weights, assumed; cold_start_s of the workload replaces it")  # fmt: skip
    if part:
        yield Assumption("starts a month", _range(STARTS_PER_MONTH), "units that run a part of the month start "
                         "once a day, ahead of the hours they serve, and are paid from then")  # fmt: skip
    if any(w.workload.deadline_hours for w in decided.ways):
        yield Assumption("deadlines", "work arrives together and may wait for quiet hours; a deadline below a week "
                         "falls into the busiest", "no clock in the demand curves")  # fmt: skip


def _range(x: Assumed) -> str:
    """
    >>> _range(Assumed(0.05, 0.005, 0.5))
    '0.05 (0.005 to 0.5)'
    """
    return f"{x.value:.3g}" + (f" ({x.low:.3g} to {x.high:.3g})" if x.low < x.high else "")


def evidence(decided: Decided, layers: list[Layer]) -> tuple[Evidence, ...]:
    """Shares of the dollars by what their speed and their price rest on."""
    usd = {id(x): usd_per_month(x, decided) for x in layers}
    hosted = hosted_loads(decided)
    total = sum((*usd.values(), *(x.usd_per_month for x in hosted))) or 1.0
    speed: dict[str, dict[str, float]] = {}
    for layer in layers:
        c = layer.option.configuration
        speed.setdefault(c.spread.basis, {}).setdefault(layer.option.offer.gpu, 0.0)
        speed[c.spread.basis][layer.option.offer.gpu] += usd[id(layer)] / total
    rows = [
        Evidence("performance", basis, sum(by_gpu.values()), ", ".join(sorted(by_gpu)), _where(basis))  # type: ignore[arg-type]
        for basis, by_gpu in sorted(speed.items())
    ]
    rows += [
        Evidence("performance", "quoted", x.usd_per_month / total, x.option.api.label, _latency(x))
        for x in hosted
    ]
    rows += [Evidence("prices", "quoted", x.usd_per_month / total, x.option.api.seller, x.option.api.source,
                      x.option.api.as_of) for x in hosted]  # fmt: skip
    sources: dict[tuple[str, str | None], list[Layer]] = {}
    for layer in layers:
        sources.setdefault((layer.option.offer.source, layer.option.offer.as_of), []).append(layer)
    for (source, as_of), group in sorted(sources.items(), key=lambda s: (s[0][0], s[0][1] or "")):
        sellers = ", ".join(sorted({x.option.offer.seller for x in group}))
        rows.append(
            Evidence("prices", "quoted", sum(usd[id(x)] for x in group) / total, sellers, source, as_of)
        )
    return tuple(rows)


def _latency(load: HostedLoad) -> str:
    api = load.option.api
    known = [
        f"{name} {value:g} ms" for name, value in (("TTFT", api.ttft_ms), ("TPOT", api.tpot_ms)) if value
    ]
    return (
        f"{', '.join(known)}, as given in [[prices]]"
        if known
        else "its latency is not known and no limit asks for it"
    )


def _where(basis: str) -> str:
    return {
        "calibrated": "measured op tables, checked end to end on this GPU model",
        "interpolated": "measured op tables of this GPU model",
        "transferred": "op tables of a measured relative, scaled by bandwidth and matrix rate",
    }.get(basis, "data sheet")


def plan_measured_share(decided: Decided, layers: Iterable[Layer]) -> float | None:
    """Dollar-weighted share of step time on measured or interpolated ops."""
    weighted = total = 0.0
    for layer in layers:
        usd = usd_per_month(layer, decided)
        weighted += usd * measured_share(layer.option.configuration.evaluation, layer.option.batch_index)
        total += usd
    return weighted / total if total else None


def unlikely(chance: float | None, decided: Decided) -> Iterator[Finding]:
    """Where several things must hold at once, the plan keeps all limits less often than the quantile says."""
    quantile = decided.scenario.constraints.quantile
    if chance is not None and chance < quantile - 0.05:
        text = (f"all limits together hold in {100 * chance:.0f} % of worlds, though each prediction is planned on its "
                f"{100 * quantile:.0f} % side; a higher constraints.quantile or a spare machine raises it")  # fmt: skip
        yield Finding("warning", "slo_probability", text, chance)


def findings(decided: Decided, layers: list[Layer]) -> Iterator[Finding]:
    """What the reader should check before acting on the plan."""
    offers = {x.option.offer.label: x.option.offer for x in layers}.values()
    undated = [o.label for o in offers if o.as_of is None and o.term != "owned"]
    if undated:
        text = f"no date is known for the price of {_some(undated)}: ask before you rely on it"
        yield Finding("warning", "price_age", text)
    old = [f"{o.label} ({o.age_days} days)" for o in offers if (o.age_days or 0) > OLD_PRICE_DAYS]
    if old:
        yield Finding("warning", "price_age", f"price older than {OLD_PRICE_DAYS} days: {_some(old)}")
    for flag, text in _FLAGS.items():
        hit = [o.label for o in offers if flag in o.flags]
        if hit:
            yield Finding("note", flag, f"{text}: {_some(hit)}")
    vanishing = [x for x in layers if x.option.offer.term == "spot"]
    if vanishing:
        share = sum(x.units * x.option.capacity_per_s for x in vanishing) / sum(
            x.units * x.option.capacity_per_s for x in layers
        )
        yield Finding(
            "warning", "spot", f"{100 * share:.0f} % of the capacity is spot and can be taken away at short notice; "
            f"{_after_a_loss(decided, vanishing)}; constraints.max_spot_share or constraints.terms limits it", share,
        )  # fmt: skip
    unclear = [f"{o.label} may be {' or '.join(o.ambiguous_gpus)}" for o in offers if o.ambiguous_gpus]
    if unclear:
        text = f"the listing does not say which GPU exactly; planned as the slowest: {_some(unclear)}"
        yield Finding("warning", "ambiguous_gpu", text)
    consumer = {o.gpu for o in offers if load_gpus()[o.gpu].segment == "consumer" and o.term != "owned"}
    if consumer:
        text = f"{_some(sorted(consumer))}: NVIDIA's GeForce driver terms exclude data centres"
        yield Finding("warning", "licence", f"{text}; ask the seller and your lawyer")
    stand_ins = sorted({p.variant for x in layers for p in x.option.configuration.evaluation.step.parts
                        if p.variant.startswith("planner_")})  # fmt: skip
    if stand_ins:
        yield Finding("warning", "kernels", f"no measured kernel of some ops satisfies the rule; our own stand in at a "
                      f"published ratio: {_some(stand_ins)}")  # fmt: skip
    if layers:
        yield openness(decided, layers)
    yield from _about_apis(decided)


def _after_a_loss(decided: Decided, vanishing: Sequence[Layer]) -> str:
    """What the reader may count on when a failure domain goes."""
    urgent = [x for x in vanishing if decided.ways[x.option.workload].slo.interactive]
    if not urgent:
        return "batches lose the time to start again, which is priced"
    domains = {failure_domain(x.option.offer): x for x in urgent}
    if decided.scenario.constraints.spot_fallback == "standby":
        return f"the loss of any one of {len(domains)} failure domains leaves enough to carry the load"
    short = sum(
        interruptions_per_hour(x.option.offer) * x.option.cold_start.value / 3600 for x in domains.values()
    )
    return f"until replacements start, capacity is short for about {100 * short:.2g} % of the time"


def _about_apis(decided: Decided) -> Iterator[Finding]:
    """What is not known of an API in the plan, and prices of APIs that no workload could use."""
    used = [x.option.api for x in hosted_loads(decided)]
    if used:
        names = _some(sorted({api.label for api in used}))
        text = f"{names}: data leaves your hands; rate limits, precision, kernels are the seller's"
        yield Finding("warning", "api", text)
    if tiered := sorted({api.label for api in used if "longer_prompts_cost_more" in api.flags}):
        yield Finding("warning", "api", f"priced as short prompts; longer ones cost more: {_some(tiered)}")
    models = {way.workload.shape.name for way in decided.ways}
    terms = decided.scenario.constraints.terms
    if terms is not None and "api" not in terms and any(p.term == "api" for p in decided.scenario.prices):
        yield Finding(
            "note", "api", "[[prices]] of term api are not used: constraints.terms does not name api"
        )
    idle = (
        [api.label for api in hosted_apis(decided.scenario, at=None) if api.model not in models]
        if terms is None
        else []
    )
    if idle:
        yield Finding("note", "api", f"serves a model that no workload runs: {_some(idle)}")


_FLAGS = {
    "marketplace": "single machines of a marketplace: they vanish, and host quality varies",
    "broker": "sold through a broker, whose price includes a mark-up",
    "spot_equals_on_demand": "spot costs as much as on-demand",
    "presence_unverified": "the seller's list does not say that this region has the machine",
    "would_buy": "has to be bought first",
}


def _some(names: list[str], most: int = 3) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
