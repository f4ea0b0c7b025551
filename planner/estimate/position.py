"""Where each op of a placement stands on its GPU's roofline: work per second against work per byte.

FLOP and bytes are those of `planner.kernels.ops`, the time is that of the op tables, one GPU at the planned batch.
Exchanges between GPUs and element-wise work have no place on this picture and are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from planner.errors import InputError
from planner.estimate.admissible import Admissible
from planner.estimate.calls import AttentionCall, Gemm, TokenCall, op_list
from planner.estimate.evaluate import Evaluation, Lengths, evaluate
from planner.estimate.precision import op_formats
from planner.estimate.recipes import setup_for
from planner.estimate.roofline import Array, Roofline, peak_flops
from planner.estimate.transfer import attention_floor, times_on, token_floor
from planner.kernels.ops import Work
from planner.plan import Placement
from planner.profiles import basis as codes
from planner.profiles.gpus import Gpu, load_gpus
from planner.profiles.store import Profiles
from planner.workload import Workload


@dataclass(frozen=True, slots=True)
class OpPosition:
    """One op of a step, all its layers: what it must do, how long it takes, and the two limits of the GPU.

    `floor_s` is the longer of computing and moving; an op at `floor_s == seconds` stands on its roofline.
    """

    phase: str
    op: str
    variant: str
    flops: float
    bytes: float
    seconds: float
    floor_s: float
    peak_flops_per_s: float
    peak_bytes_per_s: float
    basis: str


class _Recorded(Roofline):
    """A roofline that remembers the work behind the floors it was asked for."""

    def __init__(self, gpu: Gpu) -> None:
        super().__init__(gpu)
        self.seen: list[tuple[Work, str]] = []

    def _of(self, work: Work, fmt: str) -> Array:
        self.seen.append((work, fmt))
        return super()._of(work, fmt)


def op_positions(placement: Placement, workload: Workload, profiles: Profiles) -> tuple[OpPosition, ...]:
    """Ops of one placement, prefill of one request and decode at its batch limit.

    Raises InputError for a placement that runs no kernels of its own (a hosted API).
    """
    p = placement
    if p.gpu is None or p.layout is None or p.engine is None or p.weight_precision is None:
        raise InputError(
            "placement: a hosted API runs no kernels of ours", hint="choose a placement with a GPU"
        )
    gpu, shape = load_gpus()[p.gpu], workload.shape
    times = times_on(gpu, profiles, engine=p.engine, admissible=Admissible("any"))
    if times is None:
        raise InputError(f"gpu: nothing measured speaks for {p.gpu}")
    formats = op_formats(shape, weights=p.weight_precision, kv=p.kv_precision or "bf16", gpu=gpu)
    batch = max((p.batch_limit or 1) / p.layout.dp, 1.0)
    found = evaluate(
        shape, gpu, times, layout=p.layout, formats=formats, setup=setup_for(p.engine), batch=np.array([batch]),
        lengths=Lengths(workload.input_tokens.mean, workload.output_tokens.mean,
                        workload.input_tokens.mean * workload.prefix_cache_share),
    )  # fmt: skip
    return tuple(_positions(found, batch))


def _positions(e: Evaluation, batch: float) -> Iterator[OpPosition]:
    running, new = np.array([batch]), np.array([e.lengths.input_tokens - e.lengths.prefix_tokens])
    cached = np.array([e.lengths.input_tokens + e.lengths.output_tokens / 2])
    one, roof = np.ones(1), _Recorded(e.gpu)
    ops = op_list(e.model, e.layout, e.formats)
    calls: list[TokenCall | AttentionCall] = [*ops.tokens, *ops.attention]
    for n, part in enumerate(e.step.parts):  # decode and prefill of each call, in the order of the calls
        call, prefill = calls[n // 2], part.phase == "prefill"
        roof.seen.clear()
        if n // 2 < len(ops.tokens):
            per_sequence = isinstance(call, Gemm) and call.per_sequence
            rows = (one if per_sequence else new) if prefill else running
            floor = token_floor(roof, call, rows)  # type: ignore[arg-type]
        else:
            at, length = (one, new) if prefill else (running, cached)
            floor = attention_floor(roof, call, at, length, prefill=prefill)  # type: ignore[arg-type]
        if not roof.seen:
            continue
        flops = sum(float(np.ravel(work.flops)[0]) for work, _ in roof.seen) * call.count
        moved = sum(float(np.ravel(work.bytes)[0]) for work, _ in roof.seen) * call.count
        yield OpPosition(
            part.phase, part.name, part.variant, flops, moved, float(part.seconds[0]), float(floor[0]) * call.count,
            peak_flops(e.gpu, roof.seen[0][1]), roof.bandwidth, codes.name(int(part.basis[0])),
        )  # fmt: skip
