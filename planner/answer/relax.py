"""Why nothing fits, and what relaxing each limit would give: every suggestion is solved, not guessed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from planner.decide import Decided, decide
from planner.errors import Infeasible, PlannerError
from planner.inputs import changed
from planner.options.sustain import NO_HEADROOM, TPOT, TTFT
from planner.options.table import VERDICTS
from planner.pricing.catalog import Catalog
from planner.pricing.money import HOURS_PER_MONTH
from planner.profiles.store import Profiles

# Limits that can be dropped as a whole, in the order in which they are tried.
DROPPABLE = ("zones", "countries", "regions", "sellers", "terms", "gpus", "vendors", "engines", "max_spot_share",
             "max_seller_share", "max_vendor_share", "quotas", "max_power_kw", "max_carbon_kg_per_month",
             "min_measured_share", "budget_usd_per_month", "spare_replicas", "kernels")  # fmt: skip
_FIELD = {TPOT: "tpot_ms", TTFT: "ttft_ms", NO_HEADROOM: "ttft_ms"}
ROOMS = (
    1.05,
    1.5,
    3.0,
)  # times the best value: a limit at exactly the best leaves no load, and waiting needs room
Values = Mapping[str, object]


def infeasible(decided: Decided, catalog: Catalog, profiles: Profiles) -> Infeasible:
    """The error that says which limits bind and what relaxing each alone would cost."""
    binding = tuple(dict.fromkeys(_binding(decided)))
    changes = tuple(_relaxations(decided, catalog, profiles))
    found = tuple(text for text, _ in changes)
    names = ", ".join(w.workload.name for w in decided.ways if not (w.load.requests_per_s > 0).any())
    what = f"no option can serve {names}" if names else "no plan satisfies all limits together"
    text = "; ".join((*binding, *(found or ("no single relaxation helps",))))
    return Infeasible(f"{what}: {text}", binding=binding, relaxations=found,
                      changes=[values for _, values in changes])  # fmt: skip


def _binding(decided: Decided) -> Iterator[str]:
    for way in decided.ways:
        if (way.load.requests_per_s > 0).any():
            continue
        for code, best in way.near_misses():
            field = _FIELD[code]
            limit = getattr(way.workload, field)
            yield f"workloads.{way.workload.name}.{field} = {limit:g} {VERDICTS[code]} (best {best:.1f} ms)"
        if not way.configurations:
            yield f"workloads.{way.workload.name}: no configuration fits any GPU on offer"
    for relaxation in decided.decision.binding:
        if relaxation.limit == "budget_usd_per_hour":
            now, needed = (HOURS_PER_MONTH * x for x in (relaxation.current, relaxation.needed))
            yield f"constraints.budget_usd_per_month = {now:,.0f}, the cheapest plan costs {needed:,.0f}"
        elif not relaxation.limit.startswith("options["):  # said better above
            yield relaxation.text


def _relaxations(decided: Decided, catalog: Catalog, profiles: Profiles) -> Iterator[tuple[str, Values]]:
    """Each relaxation in words with its cost, and as the values that make it."""

    def ask(values: Values) -> Decided | None:
        try:
            return decide(changed(decided.scenario, values), catalog, profiles, like=decided)
        except PlannerError:
            return None

    yield from _slo_relaxations(decided, ask)
    for text, values in _limit_changes(decided):
        if (dollars := _dollars(ask(values))) is not None:
            yield f"{text} would cost {dollars}", values


def _slo_relaxations(
    decided: Decided, ask: Callable[[Values], Decided | None]
) -> Iterator[tuple[str, Values]]:
    """Each latency limit alone; where none helps, all that bind together, those that only then show included."""
    alone = False
    for path, best in _missed(decided).items():
        for room in ROOMS:
            value = round(room * best, 1)
            if (dollars := _dollars(ask({path: value}))) is not None:
                alone = True
                yield f"{_said({path: value})} would cost {dollars}", {path: value}
                break
    values: dict[str, object] = {}
    seen: Decided | None = decided
    for room in (*ROOMS, ROOMS[-1]):
        if alone or seen is None:
            return
        values |= {path: round(room * best, 1) for path, best in _missed(seen).items()}
        seen = ask(values)
        if values and (dollars := _dollars(seen)) is not None:
            yield f"{_said(values)} would cost {dollars}", values
            return


def _missed(decided: Decided) -> dict[str, float]:
    """Dotted path of every latency limit that some workload misses everywhere, and the best it could be."""
    found: dict[str, float] = {}
    for way in decided.ways:
        if not (way.load.requests_per_s > 0).any():
            for code, best in way.near_misses():
                path = f"workloads.{way.workload.name}.{_FIELD[code]}"
                found[path] = min(best, found.get(path, best))
    return found


def _said(values: Values) -> str:
    parts = {path: path.rpartition(".") for path in values}
    return " and ".join(f"{field} = {values[path]:g} for {where.removeprefix('workloads.')}"
                        for path, (where, _, field) in parts.items())  # fmt: skip


def _dollars(decided: Decided | None) -> str | None:
    if decided is None or decided.decision.status == "infeasible":
        return None
    return f"{decided.decision.usd_per_hour * HOURS_PER_MONTH:,.0f} USD per month"


def _limit_changes(decided: Decided) -> Iterator[tuple[str, dict[str, object]]]:
    limits = decided.scenario.constraints
    if any(r.limit == "losses" for r in decided.decision.binding):
        yield "constraints.spot_fallback = on_demand", {"constraints.spot_fallback": "on_demand"}
    for field in DROPPABLE:
        if field in limits.model_fields_set and getattr(limits, field) is not None:
            yield f"without constraints.{field}", {f"constraints.{field}": None}
