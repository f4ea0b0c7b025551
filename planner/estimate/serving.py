"""From step times to what a client sees, in closed form.

A replica keeps `b` requests in flight per attention rank. In a desynchronised closed loop each request
sees `b` prefills during its `O` output tokens, so

    TPOT = decode(b) + phi * (b / O) * P,      P = mixed(b) - decode(b)

with P the marginal cost of one prefill inside a running batch and phi = 1 when lengths vary (equal
lengths keep requests in step: the engine's lockstep share). No event simulation is needed for means.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.estimate.recipes import Setup

Array = NDArray[np.float64]
QUEUE_ONSET = 1.2  # C/R below which the KV-capacity queue is not applied: near 1 it is a switch, and
# a false alarm costs far more than a miss


@dataclass(frozen=True, slots=True)
class Steps:
    """Seconds of the steps of one replica, per batch size."""

    batch: Array
    decode: Array
    mixed: Array  # one prefill joins the running batch
    prefill: float  # one prefill alone


@dataclass(frozen=True, slots=True)
class Served:
    """Means per batch size; rates are per replica."""

    batch: Array
    running: Array
    tpot_s: Array
    server_ttft_s: Array  # without streaming delay
    stream_s: Array  # streaming delay
    queue_s: Array  # waiting because the KV cache holds fewer requests than are in flight
    burst_s: Array  # share of an opening burst inside the mean
    requests_per_s: Array

    @property
    def ttft_s(self) -> Array:
        """Time to first token as the client sees it."""
        return self.server_ttft_s + self.stream_s + self.queue_s + self.burst_s


def serve(
    steps: Steps, setup: Setup, *, output_tokens: float, ranks: int = 1, max_running: float = np.inf
) -> Served:
    """Serve `steps.batch` requests in flight per rank; `ranks` attention ranks share the replica."""
    recipe, limit = setup.recipe, min(max_running, setup.max_running or np.inf)
    binds = steps.batch > QUEUE_ONSET * limit
    running = np.where(binds, np.minimum(steps.batch, max(limit, 1e-9)), steps.batch)
    # Tile effects make some larger batches faster in the tables; a scheduler gains nothing from them.
    decode = np.interp(running, steps.batch, np.maximum.accumulate(steps.decode))
    mixed = np.interp(running, steps.batch, np.maximum.accumulate(steps.mixed))
    extra = np.maximum(mixed - decode, 0.0)
    phi = 1.0 if setup.random_lengths else recipe.lockstep_share
    tpot = np.maximum.accumulate(decode / setup.accepted_tokens + phi * (running / output_tokens) * extra)
    waves = (setup.opening_burst if setup.random_lengths else recipe.lockstep_wave) * running * extra
    queue = np.where(binds, (steps.batch / np.maximum(running, 1e-9) - 1.0) * output_tokens * tpot, 0.0)
    server = recipe.first_token_s + (1.0 if setup.random_lengths else recipe.lockstep_steps) * mixed
    stream = setup.stream_delay_steps * tpot * setup.accepted_tokens
    residence = server + queue + np.maximum(output_tokens - 1.0, 0.0) * tpot
    return Served(steps.batch, running, tpot, server, stream, queue, waves, ranks * steps.batch / residence)
