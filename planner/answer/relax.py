"""Why nothing fits, and what relaxing each limit would give: every suggestion is solved, not guessed."""

from __future__ import annotations

from collections.abc import Iterator

from planner.decide import Decided, decide
from planner.errors import Infeasible, PlannerError
from planner.inputs import changed
from planner.options.sustain import TPOT, TTFT
from planner.options.table import VERDICTS, Ways
from planner.pricing.catalog import Catalog
from planner.pricing.money import HOURS_PER_MONTH
from planner.profiles.store import Profiles
from planner.scenario import Scenario

# Limits that can be dropped as a whole, in the order in which they are tried.
DROPPABLE = ("zones", "countries", "regions", "sellers", "terms", "gpus", "vendors", "engines", "max_spot_share",
             "budget_usd_per_month", "spare_replicas", "kernels")  # fmt: skip
_FIELD = {TPOT: "tpot_ms", TTFT: "ttft_ms"}
ROOM = 1.05  # a limit at exactly the best value leaves no load; 5 % above it does


def infeasible(decided: Decided, catalog: Catalog, profiles: Profiles) -> Infeasible:
    """The error that says which limits bind and what relaxing each alone would cost."""
    binding = tuple(dict.fromkeys(_binding(decided)))
    found = tuple(_relaxations(decided, catalog, profiles))
    names = ", ".join(w.workload.name for w in decided.ways if not (w.load.requests_per_s > 0).any())
    what = f"no option can serve {names}" if names else "no plan satisfies all limits together"
    text = "; ".join((*binding, *(found or ("no single relaxation helps",))))
    return Infeasible(f"{what}: {text}", binding=binding, relaxations=found)


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


def _relaxations(decided: Decided, catalog: Catalog, profiles: Profiles) -> Iterator[str]:
    scenario = decided.scenario
    for text, values in (*_slo_changes(decided.ways), *_limit_changes(scenario)):
        try:
            again = decide(changed(scenario, values), catalog, profiles, like=decided)
        except PlannerError:
            continue
        if again.decision.status != "infeasible":
            yield f"{text} would cost {again.decision.usd_per_hour * HOURS_PER_MONTH:,.0f} USD per month"


def _slo_changes(ways: tuple[Ways, ...]) -> Iterator[tuple[str, dict[str, object]]]:
    for way in ways:
        if (way.load.requests_per_s > 0).any():
            continue
        misses = {_FIELD[code]: round(ROOM * best, 1) for code, best in way.near_misses()}
        name = way.workload.name
        for field, value in misses.items():
            yield f"{field} = {value:g} for {name}", {f"workloads.{name}.{field}": value}
        if len(misses) > 1:
            text = " and ".join(f"{f} = {v:g}" for f, v in misses.items())
            yield f"{text} for {name}", {f"workloads.{name}.{f}": v for f, v in misses.items()}


def _limit_changes(scenario: Scenario) -> Iterator[tuple[str, dict[str, object]]]:
    limits = scenario.constraints
    for field in DROPPABLE:
        if field in limits.model_fields_set and getattr(limits, field) is not None:
            yield f"without constraints.{field}", {f"constraints.{field}": None}
