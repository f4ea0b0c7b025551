"""Placements of a decision: which units run when, what they carry, what they cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil

import numpy as np

from planner.decide import Decided
from planner.estimate.describe import describe
from planner.estimate.power import board_power
from planner.kernels.registry import load_variants
from planner.optimize.problem import ALL_PERIODS, ANY_PERIOD
from planner.options.columns import Column, paid_hours
from planner.options.hosted import HostedOption
from planner.options.periods import Slice
from planner.options.table import Option
from planner.plan import Placement
from planner.pricing.money import HOURS_PER_MONTH
from planner.workload import Workload


@dataclass(frozen=True, slots=True)
class Layer:
    """Units of one option that run during the same slices of the month, or for some hours of any (no `periods`).

    `hours` are those paid for, the time to start included. Of hardware that changes roles each role pays its part
    of the month, idle hours included.
    """

    option: Option
    units: int
    periods: tuple[int, ...]
    hours: float


def layers(decided: Decided) -> list[Layer]:
    """Cut each option's units per slice into layers, longest hours first: a base and what is added to it."""
    counts: dict[int, dict[int, int]] = {}
    options: dict[int, Option] = {}
    hours: dict[tuple[int, int], float] = {}
    found = []
    holding: dict[int, int] = {}
    mine = decided.decision.units[: len(decided.columns)]
    for number, (column, units) in enumerate(zip(decided.columns, mine.tolist(), strict=True)):
        if units and column.window_h is not None:
            running = ceil(units / column.window_h - 1e-9)
            found.append(
                Layer(column.option, running, (), units / running * paid_hours(column, decided.slices))
            )
        elif units:
            key = id(column.option)
            options[key] = column.option
            holding[key] = int(decided.problem.holding_of_option[number])
            for t, paid in _hours_by_slice(column, decided.slices):
                counts.setdefault(key, {})[t] = counts.get(key, {}).get(t, 0) + int(units)
                hours[key, t] = paid
    roles: dict[int, list[Layer]] = {}
    for key, by_period in counts.items():
        steps = sorted(set(by_period.values()))
        for below, level in zip([0, *steps], steps, strict=False):
            periods = tuple(sorted(t for t, u in by_period.items() if u >= level))
            layer = Layer(options[key], level - below, periods, sum(hours[key, t] for t in periods))
            (found if holding[key] < 0 else roles.setdefault(holding[key], [])).append(layer)
    held = decided.problem.held(decided.decision.units)
    return [*found, *(x for h, some in roles.items() for x in _sharing_idle_hours(some, float(held[h])))]


def _hours_by_slice(column: Column, months: Sequence[Slice]) -> Iterator[tuple[int, float]]:
    """(slice, hours) of one unit of a column: paid for, or in its role."""
    if column.period == ALL_PERIODS:
        yield from ((t, s.hours) for t, s in enumerate(months))
    elif column.held:
        yield column.period, months[column.period].open_hours(column.option.workload)
    else:
        yield column.period, paid_hours(column, months)


def _sharing_idle_hours(roles: Sequence[Layer], held: float) -> Iterator[Layer]:
    """The roles of one holding with its idle hours added, by how far each is from the whole month."""
    used = sum(x.units * x.hours for x in roles)
    room = sum(x.units * (HOURS_PER_MONTH - x.hours) for x in roles)
    part = (held * HOURS_PER_MONTH - used) / room if room > 1e-9 else 0.0
    yield from (replace(x, hours=x.hours + part * (HOURS_PER_MONTH - x.hours)) for x in roles)


@dataclass(frozen=True, slots=True)
class HostedLoad:
    """What one hosted API carries: requests per second in its busiest slice, and USD per month."""

    option: HostedOption
    workload: Workload
    requests_per_s: float
    requests_per_month: float
    usd_per_month: float

    @property
    def usd_for_input(self) -> float:
        """The part of `usd_per_month` that is for input tokens."""
        return self.requests_per_month * self.option.api.usd_per_request(self.workload)[0]


def hosted_loads(decided: Decided) -> list[HostedLoad]:
    """The APIs in use, dearest first."""
    p, d = decided.problem, decided.decision
    found = []
    for o, option in enumerate(decided.hosted, start=len(decided.columns)):
        carried = d.shares[:, o] * p.demand_per_s
        if carried.any():
            usd = float((p.load_usd_per_hour[:, o] * d.shares[:, o]).sum()) * HOURS_PER_MONTH
            workload = decided.ways[option.workload].workload
            found.append(
                HostedLoad(option, workload, float(carried.max()), usd / option.usd_per_request, usd)
            )
    return sorted(found, key=lambda x: (-x.usd_per_month, x.option.api.label))


def hosted_placements(decided: Decided) -> Iterator[Placement]:
    """A hosted API has an offer and a load only."""
    for load in hosted_loads(decided):
        yield Placement(
            workload=load.workload.name, offer=load.option.api.offer(load.usd_per_month / HOURS_PER_MONTH), gpu=None,
            units=0, replicas_per_unit=None, layout=None, engine=None, engine_flags=(), variants={},
            weight_precision=load.option.api.weights, kv_precision=None, batch_limit=None,
            load_requests_per_s=load.requests_per_s, headroom=None, estimate=None, usd_per_month=load.usd_per_month,
            term="api",
        )  # fmt: skip


def hours_of(layer: Layer, decided: Decided) -> float:
    """Hours per month a layer is paid for."""
    return layer.hours


def usd_per_month(layer: Layer, decided: Decided) -> float:
    """Dollars per month of a layer."""
    return layer.units * layer.option.offer.usd_per_hour * layer.hours


def placements(decided: Decided) -> Iterator[tuple[Placement, Layer]]:
    """One placement per layer, dearest first; loads are those of the busiest slice the layer runs in."""
    loads = _loads(decided)
    for layer in sorted(layers(decided), key=lambda x: (-usd_per_month(x, decided), x.option.offer.label)):
        yield _placement(decided, layer, loads), layer


def _loads(decided: Decided) -> dict[tuple[int, int], tuple[float, float]]:
    """(option, slice) -> requests per second carried, and what its units could carry, in that slice.

    Work rented by the unit-hour counts under slice -1, while its units run.
    """
    p, d = decided.problem, decided.decision
    carried = d.shares * p.demand_per_s[:, None]
    found: dict[tuple[int, int], tuple[float, float]] = {}
    for o in np.flatnonzero(d.units):
        column = decided.columns[int(o)]
        for k in np.flatnonzero(p.class_group == p.option_group[o]):
            t, most = int(p.period_of_class[k]), float(d.units[o] * p.capacity_per_s[k, o])
            if t == ANY_PERIOD:  # a mean over the deadline; shown is the rate while the units run
                t, units = _running(column, int(d.units[o]))
                full = units * column.option.capacity_per_s
                found[id(column.option), t] = (full * float(carried[k, o]) / most if most else 0.0, full)
            elif column.period in (ALL_PERIODS, t):
                key = (id(column.option), t)
                before = found.get(key, (0.0, 0.0))
                found[key] = (before[0] + float(carried[k, o]), before[1] + most)
    return found


def _running(column: Column, units: int) -> tuple[int, int]:
    """Slice and units at work of a column that work with a deadline uses."""
    if column.window_h is not None:
        return -1, ceil(units / column.window_h - 1e-9)
    return column.period, units


def _placement(
    decided: Decided, layer: Layer, loads: dict[tuple[int, int], tuple[float, float]]
) -> Placement:
    option, way = layer.option, decided.ways[layer.option.workload]
    at = [loads[id(option), t] for t in (*layer.periods, -1) if (id(option), t) in loads]
    load, most = max(at, key=lambda pair: pair[0] / pair[1] if pair[1] else 0.0, default=(0.0, 0.0))
    units_there = most / option.capacity_per_s if option.capacity_per_s else 1.0
    share = min(1.0, layer.units / max(units_there, 1e-9))
    e, c, row = option.configuration.evaluation, option.configuration, option.row
    per_replica = load * share / (layer.units * option.replicas_per_unit)
    sustained, margin = way.load, _margin(decided, c.spread.at(option.batch_index)[1])
    estimate = describe(
        e, int(sustained.index[row]), c.spread, weights=c.weights, kv=c.kv,
        statistic=f"p{way.slo.percentile:g}", ttft_s=float(sustained.ttft_s[row] / margin),
        requests_per_s=per_replica,
        power=board_power(e, int(sustained.index[row]), decided.configurations.profiles),
    )  # fmt: skip
    return Placement(
        workload=way.workload.name, offer=option.offer, gpu=option.offer.gpu, units=layer.units,
        replicas_per_unit=option.replicas_per_unit, layout=c.layout, engine=c.engine,
        engine_flags=engine_flags(option), variants=variants_of(option), weight_precision=c.weights,
        kv_precision=c.kv, batch_limit=int(sustained.batch_limit[row]), load_requests_per_s=load * share,
        headroom=None if most <= 0 else min(max(1.0 - load / most, 0.0), 1.0), estimate=estimate,
        usd_per_month=usd_per_month(layer, decided), term=option.offer.term,
        hours_per_month=hours_of(layer, decided),
    )  # fmt: skip


def _margin(decided: Decided, spread: float) -> float:
    from statistics import NormalDist

    return float(np.exp(NormalDist().inv_cdf(decided.scenario.constraints.quantile) * spread))


def variants_of(option: Option) -> dict[str, str]:
    """Kernel variant per op of the chosen stack."""
    parts = option.configuration.evaluation.step.parts
    return {p.op if p.op != "gemm" else "gemm": p.variant for p in parts if p.op != "elementwise"}


def engine_flags(option: Option) -> tuple[str, ...]:
    """Flags that start the engine this way: layout, formats, kernel selection."""
    engine, known = option.configuration.engine, load_variants()
    chosen: dict[str, str] = {}
    for op, variant in variants_of(option).items():
        flag = known[variant].flags.get(engine) if variant in known else None
        if flag:
            chosen[op] = flag
    prefill, decode = chosen.get("attention_prefill"), chosen.get("attention_decode")
    if prefill and decode and prefill != decode:  # SGLang has a flag for each
        chosen["attention_prefill"] = prefill.replace("--attention-backend", "--prefill-attention-backend")
        chosen["attention_decode"] = decode.replace("--attention-backend", "--decode-attention-backend")
    return (*_LAYOUT_FLAGS[engine](option), *dict.fromkeys(chosen.values()))


def _vllm(option: Option) -> tuple[str, ...]:
    e, c = option.configuration.evaluation.layout, option.configuration
    flags = [f"--tensor-parallel-size {e.tp}"]
    flags += [f"--data-parallel-size {e.dp}"] if e.dp > 1 else []
    flags += ["--enable-expert-parallel"] if e.ep > 1 else []
    flags += [f"--kv-cache-dtype {'fp8' if c.kv == 'fp8' else 'auto'}"]
    return tuple(flags)


def _sglang(option: Option) -> tuple[str, ...]:
    e, c = option.configuration.evaluation.layout, option.configuration
    flags = [f"--tp-size {e.tp * e.dp}"]
    flags += ["--enable-dp-attention", f"--dp-size {e.dp}"] if e.dp > 1 else []
    flags += [f"--ep-size {e.ep}"] if e.ep > 1 else []
    flags += ["--kv-cache-dtype fp8_e4m3"] if c.kv == "fp8" else []
    return tuple(flags)


def _trtllm(option: Option) -> tuple[str, ...]:
    e = option.configuration.evaluation.layout
    flags = [f"--tp_size {e.tp * e.dp}"]
    return (*flags, f"--ep_size {e.ep}") if e.ep > 1 else tuple(flags)


_LAYOUT_FLAGS = {"vllm": _vllm, "sglang": _sglang, "trtllm": _trtllm}
