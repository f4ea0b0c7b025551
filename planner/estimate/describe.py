"""One evaluated configuration at one batch size as the public `Estimate` record."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from planner.estimate.evaluate import Evaluation
from planner.estimate.recipes import SETTINGS
from planner.estimate.spread import Z80, Spread
from planner.estimate.step import Part
from planner.profiles import basis as codes
from planner.records import Basis, Estimate, MemoryGib, OpShare, Quantity

GIB = 2.0**30


def quantity(value: float, spread: float, basis: Basis) -> Quantity:
    """A log-normal prediction with its 80 % interval."""
    factor = float(np.exp(Z80 * spread))
    return Quantity(value, value / factor, value * factor, basis)


def describe(
    evaluation: Evaluation,
    i: int,
    spread: Spread,
    *,
    weights: str,
    kv: str,
    statistic: str = "mean",
    ttft_s: float | None = None,
    requests_per_s: float | None = None,
    power: Quantity | None = None,
    assumed: tuple[str, ...] = (),
) -> Estimate:
    """The estimate of `evaluation` at batch index `i`.

    `ttft_s` replaces the mean with a value at `statistic`; `requests_per_s` the closed-loop rate with a
    planned load per replica. Rates err like TPOT. `assumed` are settings nobody stated, beside the engine's.
    """
    e, served = evaluation, evaluation.served
    rate = float(served.requests_per_s[i]) if requests_per_s is None else requests_per_s
    tpot_spread, ttft_spread = spread.at(i)
    shown_ttft = float(served.ttft_s[i]) if ttft_s is None else ttft_s
    return Estimate(
        model=e.model.name, gpu=e.gpu.key, gpus_per_replica=e.layout.gpus, layout=e.layout, engine=e.setup.engine,
        engine_version=e.setup.engine_version or e.setup.recipe.version, weight_precision=weights, kv_precision=kv,
        statistic=statistic,
        server_ttft_ms=quantity(1e3 * float(served.server_ttft_s[i]), ttft_spread, spread.basis),
        ttft_ms=quantity(1e3 * shown_ttft, ttft_spread, spread.basis),
        tpot_ms=quantity(1e3 * float(served.tpot_s[i]), tpot_spread, spread.basis),
        output_tokens_per_s=quantity(rate * e.lengths.output_tokens, tpot_spread, spread.basis),
        requests_per_s=quantity(rate, tpot_spread, spread.basis),
        memory_gib=memory_at(e, i), power_w=power,
        measured_share=measured_share(e, i), ops=tuple(op_shares(e, i)), notes=notes_on(e, assumed),
    )  # fmt: skip


def measured_share(e: Evaluation, i: int) -> float:
    """Share of a request's step time that rests on measured or interpolated ops."""
    return e.step.measured_share(i, prefill_weight=float(e.served.batch[i]) / e.lengths.output_tokens)


def memory_at(e: Evaluation, i: int) -> MemoryGib:
    """Memory of the fullest GPU with `batch` requests in its cache."""
    m = e.memory
    kv = min(float(e.served.running[i]) * e.kv_bytes_per_request, max(m.free, 0.0))
    total = m.weights + kv + m.activations + m.communication + m.other
    return MemoryGib(
        weights=m.weights / GIB, kv=kv / GIB, activations=m.activations / GIB,
        communication=m.communication / GIB, other=m.other / GIB, total=total / GIB, capacity=m.capacity / GIB,
    )  # fmt: skip


def op_shares(e: Evaluation, i: int) -> Iterable[OpShare]:
    """Each op's share of its phase's time, largest first, with the variant that runs it."""
    for phase in ("prefill", "decode"):
        parts = [p for p in e.step.parts if p.phase == phase]
        at = i if phase == "decode" else 0
        total = sum(float(p.seconds[at]) for p in parts) + float(e.step.host_s[i])
        shares: dict[tuple[str, str], list[Part]] = {}
        for part in parts:
            shares.setdefault((_public_op(part), part.variant), []).append(part)
        rows = []
        for (op, variant), group in shares.items():
            seconds = sum(float(p.seconds[at]) for p in group)
            worst = max(int(p.basis[at]) for p in group)
            rows.append((seconds / total, op, variant, codes.name(worst)))
        rows.append((float(e.step.host_s[i]) / total, "host", "engine scheduler", "calibrated"))
        for share, op, variant, basis in sorted(rows, reverse=True):
            yield OpShare(phase, op, variant, share, basis)  # type: ignore[arg-type]


def _public_op(part: Part) -> str:
    return part.name if part.op == "gemm" else part.op


def notes_on(e: Evaluation, also: Iterable[str] = ()) -> tuple[str, ...]:
    """What was assumed, in words; `also` are assumptions beside the engine's settings."""
    words = [*also, *(SETTINGS[name](e.setup) for name in e.setup.assumed)]
    return (f"assumed: {', '.join(words)}",) if words else ()
