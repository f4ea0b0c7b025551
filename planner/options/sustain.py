"""The load one replica sustains within its limits, for many configurations at once.

Feasibility first: a limit that an idle replica breaks is broken by any number of them. Then, per batch
size, slots and service time give the headroom that keeps waiting inside the TTFT limit (`planner.capacity`:
the slots of the whole fleet pool, a single replica's do not stand alone), and the batch size that carries
the most wins. Arrays are [configurations, batch sizes].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from planner.capacity import slots_needed
from planner.estimate.evaluate import Evaluation
from planner.estimate.spread import Spread

Array = NDArray[np.float64]
BATCH_UTILISATION = 0.98  # work without a latency limit: slots refill at once; the rest is start and drain
LEAST_WAIT_SHARE = 0.05  # of the waiting budget, always left to waiting for a slot
OK, MEMORY, TPOT, TTFT, NO_HEADROOM = range(5)


@dataclass(frozen=True, slots=True)
class Slo:
    """Limits as the client sees them, at `percentile`; None does not limit. `interactive` work waits for slots."""

    ttft_s: float | None
    tpot_s: float | None
    percentile: float
    interactive: bool = True


@dataclass(frozen=True, slots=True)
class Sustained:
    """Per configuration: what one replica carries, at which batch limit, or why it cannot.

    `verdict` is OK or the first limit that binds; `best_ms` is then the best the configuration reaches of it.
    `ttft_s` is at the SLO's percentile and that load; `tpot_s` at the batch limit, which bounds every request's.
    """

    verdict: NDArray[np.int8]
    best_ms: Array
    requests_per_s: Array
    index: NDArray[np.int64]  # of the batch size in the evaluation
    batch_limit: NDArray[np.int64]  # requests in flight per replica
    utilisation: Array  # of the batch limit, on average, at that load
    ttft_s: Array
    tpot_s: Array
    service_s: Array  # seconds a request holds its slot, at the batch limit
    wait_budget_s: Array  # what a request may wait for a slot

    def pooling(
        self, rows: NDArray[np.int64], *, peak_per_s: float, rates_per_s: Sequence[float], slo: Slo
    ) -> Array:
        """[rates, rows]: how much less of its capacity each row may use at each rate than at the peak: fewer
        requests share fewer slots, and small pools wait more."""
        factor = np.ones((len(rates_per_s), len(rows)))
        quiet = np.asarray(rates_per_s) < peak_per_s
        if slo.interactive and quiet.any():
            service, budget = self.service_s[rows], self.wait_budget_s[rows]
            rates = np.append(np.asarray(rates_per_s)[quiet], peak_per_s)
            busy = _busy(rates[:, None] * service, service, budget, slo.percentile)
            factor[quiet] = np.minimum(busy[:-1] / busy[-1], 1.0)
        return factor


def _busy(offered: Array, service_s: Array, budget_s: Array, percentile: float) -> Array:
    """Offered load over the fewest slots that keep the wait inside the budget."""
    slots = slots_needed(
        offered, service_s=service_s, wait_budget_s=np.maximum(budget_s, 1e-6), percentile=percentile
    )
    return offered / slots


@dataclass(frozen=True, slots=True)
class Curves:
    """[configurations, batch sizes]: what depends neither on the limits nor on the demand."""

    slots: Array  # requests in flight per replica
    service: Array  # seconds a request holds its slot
    first: Array  # TTFT without waiting, on the planning side of its error
    tpot: Array  # on the planning side of its error
    prefill: Array  # what one more prompt adds to a running batch
    ranks: Array  # [configurations, 1]
    able: NDArray[np.bool_]


def sustained(
    evaluations: Sequence[Evaluation],
    spreads: Sequence[Spread],
    slo: Slo,
    *,
    demand_per_s: float,
    quantile: float,
    longest_input: float,
    curves: Curves | None = None,
) -> Sustained:
    """Load of one replica of each evaluation, planned on the `quantile` side of its errors.

    `demand_per_s`: peak rate of the whole workload, whose slots pool. `longest_input`: prompt length at the
    SLO's percentile, which takes its own time to read. All evaluations share their batch sizes. `curves`: theirs,
    where they are known from before.
    """
    verdict = np.zeros(len(evaluations), np.int8)
    best = np.full(len(evaluations), np.nan)
    c = curves or curves_of(evaluations, spreads, quantile=quantile, longest_input=longest_input)
    fits = np.array([e.memory.fits and e.running_limit >= 1.0 for e in evaluations], bool)
    verdict[~fits] = MEMORY
    able = c.able & fits[:, None]
    for code, values, limit in ((TPOT, c.tpot, slo.tpot_s), (TTFT, c.first, slo.ttft_s)):
        if limit is not None:
            broken = (verdict == OK) & (values[:, 0] > limit)
            verdict[broken], best[broken] = code, 1e3 * values[broken, 0]
            able &= values <= limit
    rate, budget = _rates(c, slo, able, demand_per_s)
    index = rate.argmax(axis=1)
    rows = np.arange(len(evaluations))
    top = rate[rows, index]
    crowded = (verdict == OK) & (top <= 0.0)
    verdict[crowded], best[crowded] = NO_HEADROOM, 1e3 * c.first[crowded, 0]
    slots, service = c.slots[rows, index], c.service[rows, index]
    share = 1.0 - slo.percentile / 100.0
    wait = _prefill_wait(top / c.ranks[:, 0] * c.prefill[rows, index], c.prefill[rows, index], share)
    return Sustained(
        verdict, best, np.where(verdict == OK, top, 0.0), index, slots.astype(np.int64), top * service / slots,
        c.first[rows, index] + wait, c.tpot[rows, index], service, budget[rows, index],
    )  # fmt: skip


def curves_of(
    evaluations: Sequence[Evaluation], spreads: Sequence[Spread], *, quantile: float, longest_input: float
) -> Curves:
    """Slots, service times and latencies on the `quantile` side of their errors; as in `sustained`."""
    z = NormalDist().inv_cdf(quantile)
    served = [e.served for e in evaluations]
    sizes = served[0].batch.shape
    margin_tpot, margin_ttft = (
        np.exp(z * np.stack([np.broadcast_to(one, sizes) for one in deviations]))
        for deviations in ([s.tpot for s in spreads], [s.ttft for s in spreads])
    )
    tpot = np.stack([s.tpot_s for s in served]) * margin_tpot
    server, stream = np.stack([s.server_ttft_s for s in served]), np.stack([s.stream_s for s in served])
    prefill = np.stack([np.maximum(e.step.steps.mixed - e.step.steps.decode, 0.0) for e in evaluations])
    longer = max(0.0, longest_input / evaluations[0].lengths.input_tokens - 1.0)
    ranks = np.array([float(e.layout.dp) for e in evaluations])[:, None]
    running = np.array([max(1.0, min(e.running_limit, e.setup.max_running or np.inf)) for e in evaluations])
    batch = np.stack([s.batch for s in served])
    output = max(evaluations[0].lengths.output_tokens - 1.0, 0.0)
    return Curves(
        slots=ranks * batch, service=server + output * tpot, first=(server + longer * prefill + stream) * margin_ttft,
        tpot=tpot, prefill=prefill, ranks=ranks, able=batch <= running[:, None],
    )  # fmt: skip


def _rates(c: Curves, slo: Slo, able: NDArray[np.bool_], demand_per_s: float) -> tuple[Array, Array]:
    """Requests per second per replica at each batch size (0 where it may not run), and the budget of seconds
    that waiting for a slot may take."""
    most, left = c.slots / c.service, np.zeros_like(c.service)
    if not slo.interactive:
        return np.where(able, BATCH_UTILISATION * most, 0.0), left
    rate = np.zeros_like(most)
    if not able.any():
        return rate, left
    service, prefill, ranks = c.service[able], c.prefill[able], np.broadcast_to(c.ranks, most.shape)[able]
    # Without a TTFT limit a request may wait as long as it is served.
    budget = slo.ttft_s - c.first[able] if slo.ttft_s is not None else service
    share = 1.0 - slo.percentile / 100.0
    by_prefill = _prefill_limit(budget, prefill, share)
    busy = np.minimum(by_prefill, 0.9 * most[able] / ranks)
    rest = np.maximum(budget - _prefill_wait(busy * prefill, prefill, share), LEAST_WAIT_SHARE * budget)
    left[able] = rest
    # A slot more than the load is the least there is: what cannot be the best of its row even so is left at 0.
    offered, row = demand_per_s * service, np.nonzero(able)[0]
    by_prefill = np.where(budget > 0.0, by_prefill * ranks, 0.0)
    most_there = np.minimum(offered / (np.floor(offered) + 1.0) * most[able], by_prefill)

    def exact(these: NDArray[np.int64]) -> Array:
        busy = _busy(offered[these], service[these], rest[these], slo.percentile)
        return np.minimum(busy * most[able][these], by_prefill[these])

    rate[able] = most_there
    promising = np.zeros(able.shape, bool)
    promising[np.arange(len(rate)), rate.argmax(axis=1)] = True
    first = np.flatnonzero(promising[able])
    best = np.zeros(len(rate))
    best[row[first]] = exact(first)
    open_ = np.flatnonzero((most_there >= best[row] * (1.0 - 1e-9)) & (most_there > 0.0))
    found = np.zeros(len(row))
    found[open_] = exact(open_)
    rate[able] = found
    return rate, left


def _prefill_wait(utilisation: Array, prefill_s: Array, share: float) -> Array:
    """Wait for other prompts that `share` of arrivals exceed: one server, constant service (M/D/1 tail,
    rho exp(-2 (1 - rho) t / s): Tijms, A First Course in Stochastic Models, 2003, ch. 9)."""
    rho = np.clip(utilisation, 1e-12, 0.999)
    return np.where(rho > share, prefill_s / (2.0 * (1.0 - rho)) * np.log(rho / share), 0.0)


def _prefill_limit(budget_s: Array, prefill_s: Array, share: float) -> Array:
    """Highest arrival rate per rank whose prefill wait stays inside the budget, by bisection over utilisation."""
    low, high = np.zeros_like(budget_s), np.full_like(budget_s, 0.95)
    for _ in range(12):  # to 0.0003 of utilisation
        mid = 0.5 * (low + high)
        inside = _prefill_wait(mid, prefill_s, share) <= budget_s
        low, high = np.where(inside, mid, low), np.where(inside, high, mid)
    return low / np.maximum(prefill_s, 1e-9)
