"""One configuration, every batch size: speed, memory and how sure we are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.estimate.calls import op_list
from planner.estimate.memory import Memory, in_blocks, kv_bytes, max_running, memory_of
from planner.estimate.optimes import OpTimes
from planner.estimate.precision import OpFormats
from planner.estimate.recipes import Setup
from planner.estimate.serving import Served, serve
from planner.estimate.step import StepModel, step_model
from planner.models import Model
from planner.profiles.gpus import Gpu
from planner.records import Layout

Array = NDArray[np.float64]
UNSURE_SHARE = (
    0.06  # of the capacity: with less left to the KV cache the reserve is too uncertain for a queue
)


@dataclass(frozen=True, slots=True)
class Lengths:
    """Mean tokens of one request; `prefix_tokens` of the input are found in cache."""

    input_tokens: float
    output_tokens: float
    prefix_tokens: float = 0.0


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What one replica does at each batch size of `served.batch`."""

    model: Model
    gpu: Gpu
    layout: Layout
    formats: OpFormats
    setup: Setup
    lengths: Lengths
    memory: Memory
    kv_bytes_per_request: float
    running_limit: float
    step: StepModel
    served: Served


def evaluate(
    model: Model,
    gpu: Gpu,
    times: OpTimes,
    *,
    layout: Layout,
    formats: OpFormats,
    setup: Setup,
    lengths: Lengths,
    batch: Array,
) -> Evaluation:
    """Evaluate one configuration at each `batch` (requests in flight per attention rank, rising).

    Nothing is refused here: a configuration that does not fit has `memory.free <= 0`.
    """
    memory = memory_of(model, layout, formats=formats, gpu=gpu, recipe=setup.recipe)
    i, o = lengths.input_tokens, lengths.output_tokens
    limit = max_running(
        model, layout, memory, kv=formats.kv, input_tokens=i, output_tokens=o, recipe=setup.recipe
    )
    step = step_model(
        op_list(model, layout, formats),
        times,
        setup,
        batch=batch,
        new_tokens=i - lengths.prefix_tokens,
        cached_tokens=i + o / 2,
        prefix_tokens=lengths.prefix_tokens,
    )
    sure = queueing_limit(memory, limit)
    served = serve(step.steps, setup, output_tokens=o, ranks=layout.dp, max_running=sure)
    held = kv_bytes(model, layout, kv=formats.kv, tokens=in_blocks(i + o / 2, setup.recipe))
    return Evaluation(model, gpu, layout, formats, setup, lengths, memory, held, limit, step, served)


def queueing_limit(memory: Memory, running: float) -> float:
    """Running requests per attention rank beyond which requests queue; infinite where the reserve of the
    engine is of the size of what it leaves, so that nobody knows."""
    return running if memory.free > UNSURE_SHARE * memory.capacity else float("inf")
