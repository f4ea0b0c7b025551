"""Why the cost changed: re-solve with one kind of input changed at a time, in a stated order.

    C(base) -> kernels of head -> + prices of head -> + demand -> + model -> + limits = C(head)

Each part is the difference of two neighbours, so the parts add up to the whole change exactly. Another order
would give other parts where inputs interact; this one puts what a team does not decide first. A kind of which
nothing changed costs no solve. Where a step cannot be solved (the data of the base are not at hand, or nothing
satisfies the half-changed question), its kind is reported together with the next one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from planner.calibration.store import Calibration, load_calibration
from planner.decide import Decided, decide
from planner.errors import PlannerError
from planner.inputs import loads
from planner.plan import Plan
from planner.pricing.catalog import Catalog
from planner.pricing.money import HOURS_PER_MONTH
from planner.profiles.store import Profiles
from planner.verdict import Cause

ORDER = ("kernel", "price", "demand", "model", "limit")
RULE = (
    "each part is what the cost changed by when this kind of input was changed too, in the order "
    "kernel, price, demand, model, limit"
)
MODEL = ("kind", "model", "shape", "weight_precisions", "kv_precisions", "speculative", "stream_interval")
LIMIT = ("ttft_ms", "tpot_ms", "percentile")
KERNEL = ("kernels", "engines")  # of [constraints]
MOST_INPUTS = 8

Document = dict[str, Any]
Solve = Callable[[Document, Catalog], float | None]


@dataclass(frozen=True, slots=True)
class Data:
    """What the two plans can be solved with again; None where the data of a plan are not at hand."""

    base_prices: Catalog | None
    head_prices: Catalog | None
    solvable: bool
    """Whether the installed measurements, calibration and program are those of the head plan."""


def causes(base: Plan, head: Plan, data: Data, solve: Solve) -> tuple[Cause, ...]:
    """The change of the monthly cost by cause; nothing where a plan has no cost."""
    if base.usd_per_month is None or head.usd_per_month is None:
        return ()
    before, after = (json.loads(plan.question.text) for plan in (base, head))
    changed = {name: list(_changed(name, before, after, base, head)) for name in ORDER}
    steps = [name for name in ORDER if changed[name]]
    found: list[Cause] = []
    pending: list[str] = []
    last, document = base.usd_per_month, before
    for name in steps:
        document = _with(name, document, after)
        pending.append(name)
        prices = data.base_prices if name == "kernel" and _moved_prices(base, head) else data.head_prices
        final = name == steps[-1]
        cost = head.usd_per_month if final else None
        if not final and data.solvable and prices is not None:
            cost = solve(document, prices)
        if cost is not None:
            inputs = [text for part in pending for text in changed[part]]
            found.append(_cause(pending, cost - last, inputs))
            pending, last = [], cost
    if not steps and head.usd_per_month != base.usd_per_month:
        note = "the inputs are the same: the solver stopped at another plan within its gap"
        found.append(Cause("solver", head.usd_per_month - base.usd_per_month, (), note))
    return tuple(found)


def solver(profiles: Profiles, *, as_of: date, calibration: Calibration | None = None) -> Solve:
    """Monthly cost of a scenario's document with given prices; None where nothing satisfies it."""
    last: list[Decided] = []

    def cost(document: Document, catalog: Catalog) -> float | None:
        try:
            scenario = loads(json.dumps(document), format="json")
            decided = decide(
                scenario,
                catalog.aged(as_of),
                profiles,
                like=last[-1] if last else None,
                calibration=calibration,
            )
        except PlannerError:
            return None
        last[:] = [decided]
        feasible = decided.decision.status != "infeasible"
        return decided.decision.usd_per_hour * HOURS_PER_MONTH if feasible else None

    return cost


def data_for(
    base: Plan,
    head: Plan,
    installed: Catalog,
    profiles: Profiles,
    *,
    earlier: Catalog | None = None,
    calibration: Calibration | None = None,
) -> Data:
    """Which prices of `installed` and `earlier` each plan was made from, by digest."""
    used = calibration or load_calibration()
    by_digest = {c.digest: c for c in (installed, earlier) if c is not None}
    return Data(
        base_prices=by_digest.get(base.digests.prices or ""),
        head_prices=by_digest.get(head.digests.prices or ""),
        solvable=(head.digests.profiles, head.digests.calibration) == (profiles.digest, used.digest),
    )


def _cause(names: list[str], usd: float, inputs: list[str]) -> Cause:
    left = len(inputs) - MOST_INPUTS
    shown = (*inputs[:MOST_INPUTS], *((f"and {left} more",) if left > 0 else ()))
    note = "these could not be told apart" if len(names) > 1 else ""
    return Cause(" and ".join(names), usd, shown, note)


def _moved_prices(base: Plan, head: Plan) -> bool:
    return base.digests.prices != head.digests.prices


def _changed(name: str, before: Document, after: Document, base: Plan, head: Plan) -> Iterator[str]:
    """What of this kind is not the same in both, as `path: before -> after`."""
    common = before["workloads"].keys() & after["workloads"].keys()
    yield from _differences(*(_part(name, document, common) for document in (before, after)))
    if name == "price" and _moved_prices(base, head):
        yield f"offers: {_short(base.digests.prices)} -> {_short(head.digests.prices)}"
    if name == "kernel":
        for what in ("profiles", "calibration"):
            old, new = getattr(base.digests, what), getattr(head.digests, what)
            if old != new:
                yield f"{what}: {_short(old)} -> {_short(new)}"
        for what in sorted(base.versions.keys() | head.versions.keys()):
            if base.versions.get(what) != head.versions.get(what):
                yield f"{what}: {base.versions.get(what)} -> {head.versions.get(what)}"


def _part(name: str, document: Document, common: Collection[str]) -> Document:
    """The keys of a scenario that belong to one kind, as a flat table of dotted paths."""
    return {path: value for path, value in _flat(document, common) if _kind(path) == name}


def _kind(path: str) -> str | None:
    table, *rest = path.split(".")
    if table == "workloads":
        field = rest[1] if len(rest) > 1 else ""  # a workload that came or went is demand
        return "model" if field in MODEL else "limit" if field in LIMIT else "demand"
    if table == "constraints":
        return "kernel" if rest[0] in KERNEL else "limit"
    return "price" if table in ("prices", "owned") else None  # the policy judges, it does not shape


def _flat(document: Document, common: Collection[str]) -> Iterator[tuple[str, Any]]:
    for name, workload in document["workloads"].items():
        if name not in common:
            yield f"workloads.{name}", workload["model"]
        else:
            yield from ((f"workloads.{name}.{key}", value) for key, value in workload.items())
    yield from ((f"constraints.{key}", value) for key, value in document.get("constraints", {}).items())
    for table in ("owned", "prices"):
        if document.get(table):
            yield table, document[table]


def _differences(old: Document, new: Document) -> Iterator[str]:
    for path in sorted(old.keys() | new.keys()):
        if old.get(path) != new.get(path):
            yield f"{path}: {_said(old.get(path))} -> {_said(new.get(path))}"


def _said(value: Any) -> str:
    text = "not set" if value is None else json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _short(digest: str | None) -> str:
    return digest[:12] if digest else "not known"


def _with(name: str, document: Document, after: Document) -> Document:
    """The document with the keys of one kind taken from `after`; demand brings workloads that came, whole."""
    result: Document = json.loads(json.dumps(document))
    if name == "demand":
        result["workloads"] = {
            key: result["workloads"].get(key, whole) for key, whole in after["workloads"].items()
        }
    if name == "price":
        result |= {table: after.get(table, []) for table in ("owned", "prices")}
    for table, own in _tables(result, after):
        _take(name, table, own, result, after)
    return result


def _tables(result: Document, after: Document) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield from ((f"workloads.{key}", result["workloads"][key]) for key in result["workloads"])
    yield "constraints", result.setdefault("constraints", {})


def _take(name: str, at: str, table: Any, result: Document, after: Document) -> None:
    source: Any = after
    for part in at.split(".", maxsplit=1):
        source = source.get(part, {})
    if at.startswith("workloads.") and not source:
        return  # gone in head: the demand step takes it out
    for key in [*table, *source]:
        if _kind(f"{at}.{key}") == name:
            if key in source:
                table[key] = source[key]
            else:
                table.pop(key, None)
