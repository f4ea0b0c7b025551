"""How full a replica may be: queueing formulas that turn slots and a waiting-time limit into headroom.

A *slot* is one request in service: batch slots x replicas, not replicas. With offered load R = arrival rate x
service time (in slots) and c slots, Poisson arrivals and exponential service (M/M/c):

- Erlang B  B(c, R) = (R^c / c!) / sum_{j<=c} R^j / j!  = pmf(c; R) / cdf(c; R) of a Poisson variable;
- Erlang C  C(c, R) = B / (1 - (R/c)(1 - B)): the probability that a request waits;
- P(wait > t) = C(c, R) exp(-(c - R) t / S): waiting is exponential once it happens.

Burstiness: P(wait) is kept and the mean wait multiplied by (ca2 + cs2)/2 (Allen-Cunneen 1978; Kingman 1961
for c = 1), ca2 and cs2 being the squared coefficients of variation of arrivals and service; 1 in M/M/c.
Sources: Erlang 1917; Cooper, Introduction to Queueing Theory, 1981, ch. 3; Halfin and Whitt, Operations
Research 29, 1981 (square-root staffing); Whitt, Production and Operations Management 2, 1993 (GI/G/m).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from planner.errors import InputError

Floats = NDArray[np.float64]
MOST_SLOTS = 1e9
_BISECTIONS = 60


def blocking_probability(slots: ArrayLike, offered: ArrayLike) -> Floats:
    """Erlang B for any real slots > 0, in logarithms, so that a million slots neither overflow nor loop.

    >>> round(float(blocking_probability(2, 1.0)), 6)
    0.2
    """
    from scipy.special import gammaincc, gammaln

    c, r = np.broadcast_arrays(np.asarray(slots, float), np.asarray(offered, float))
    positive = np.where(r > 0, r, 1.0)
    # gammaincc(c + 1, R) is the Poisson cdf; far in its lower tail it underflows, where B -> 1 - c/R + ...
    log_pmf = c * np.log(positive) - positive - gammaln(c + 1)
    cdf = gammaincc(c + 1, positive)
    with np.errstate(divide="ignore", over="ignore"):
        exact = np.exp(log_pmf - np.log(cdf))
    blocked = np.where(cdf > 1e-290, exact, 1.0 - c / positive)
    return np.where(r > 0, np.clip(blocked, 0.0, 1.0), 0.0)


def wait_probability(slots: ArrayLike, offered: ArrayLike) -> Floats:
    """Erlang C: probability that an arriving request has to wait for a slot; 1 when offered >= slots.

    >>> np.round(wait_probability([1, 2, 8], [0.5, 1.0, 4.5]), 4)
    array([0.5   , 0.3333, 0.1039])
    """
    c, r = np.broadcast_arrays(np.asarray(slots, float), np.asarray(offered, float))
    blocked = blocking_probability(c, r)
    with np.errstate(divide="ignore", invalid="ignore"):
        waits = blocked / (1.0 - (r / c) * (1.0 - blocked))
    return np.where(r >= c, 1.0, np.where(r > 0, waits, 0.0))


def wait_tail(
    slots: ArrayLike,
    offered: ArrayLike,
    *,
    service_s: ArrayLike,
    wait_s: ArrayLike,
    ca2: float = 1.0,
    cs2: float = 1.0,
) -> Floats:
    """P(a request waits longer than `wait_s`), service taking `service_s` on average.

    >>> round(float(wait_tail(1, 0.5, service_s=1.0, wait_s=2.0)), 6)
    0.18394
    """
    c, r = np.broadcast_arrays(np.asarray(slots, float), np.asarray(offered, float))
    rate = np.maximum(c - r, 0.0) / np.asarray(service_s, float) / _burstiness(ca2, cs2)
    return np.asarray(wait_probability(c, r) * np.exp(-rate * np.asarray(wait_s, float)))


def mean_wait_s(
    slots: ArrayLike, offered: ArrayLike, *, service_s: ArrayLike, ca2: float = 1.0, cs2: float = 1.0
) -> Floats:
    """Mean wait over all requests (Allen-Cunneen; exact for M/M/c); infinite when offered >= slots."""
    c, r = np.broadcast_arrays(np.asarray(slots, float), np.asarray(offered, float))
    with np.errstate(divide="ignore"):
        queueing = np.asarray(service_s, float) / np.maximum(c - r, 0.0)
    return np.asarray(wait_probability(c, r) * queueing * _burstiness(ca2, cs2))


def kingman_wait_s(
    utilisation: ArrayLike, *, service_s: ArrayLike, ca2: float = 1.0, cs2: float = 1.0
) -> Floats:
    """Mean wait at one server, G/G/1: rho/(1-rho) x (ca2+cs2)/2 x S; infinite at rho >= 1.

    >>> float(kingman_wait_s(0.5, service_s=2.0))
    2.0
    """
    rho = np.asarray(utilisation, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        waits = rho / (1.0 - rho) * _burstiness(ca2, cs2) * np.asarray(service_s, float)
    return np.where(rho >= 1, np.inf, waits)


def slots_needed(
    offered: ArrayLike,
    *,
    service_s: ArrayLike = 1.0,
    wait_budget_s: ArrayLike = 0.0,
    percentile: float = 90.0,
    ca2: float = 1.0,
    cs2: float = 1.0,
) -> Floats:
    """Fewest whole slots so that `percentile` % of requests wait at most `wait_budget_s`.

    >>> slots_needed([0.0, 0.1, 4.5, 53.0], percentile=90)
    array([ 0.,  1.,  9., 64.])
    """
    _check(percentile, offered=offered, service_s=service_s, wait_budget_s=wait_budget_s)
    arrays = (np.asarray(a, float) for a in (offered, service_s, wait_budget_s))
    r, service, budget = np.broadcast_arrays(*arrays)
    allowed = 1.0 - percentile / 100.0 + 1e-12  # one slot at exactly 10 % load is within 10 %
    found = np.zeros(r.shape)
    busy = np.flatnonzero(r.ravel() > 0)
    r, service, budget = (a.ravel()[busy] for a in (r, service, budget))
    low = np.floor(r)  # as many slots as load never suffice; the top is square-root staffing with beta = 20
    high = np.ceil(r + 20.0 * np.sqrt(r) + 20.0)
    probe = np.floor(r + _staffing(r, budget / service / _burstiness(ca2, cs2), allowed) * np.sqrt(r))
    open_, step = np.arange(len(r)), 1.0
    while (
        open_.size
    ):  # from a good guess outwards, further every time, and by halves once both ends are close
        lo, hi = low[open_], high[open_]
        c = np.clip(probe[open_], lo + 1.0, np.maximum(hi - 1.0, 1.0))
        tail = wait_tail(c, r[open_], service_s=service[open_], wait_s=budget[open_], ca2=ca2, cs2=cs2)
        late = tail > allowed
        lo, hi = np.where(late, c, lo), np.where(late, hi, np.minimum(c, hi))
        low[open_], high[open_] = lo, hi
        near = np.where(late, c + step, c - step)
        probe[open_] = np.where((near <= lo) | (near >= hi), np.floor((lo + hi) / 2), near)
        open_, step = open_[hi - lo > 1], 2.0 * step
    found.ravel()[busy] = high
    return found


def _staffing(offered: Floats, patience: Floats, allowed: float) -> Floats:
    """About the beta of square-root staffing that keeps all but `allowed` of waits inside the budget, which is
    `patience` mean waits of one slot: P(wait) = 1 / (1 + beta Phi(beta) / phi(beta)), Halfin and Whitt."""
    from scipy.special import erfcx

    beta, pull = np.zeros_like(offered), np.sqrt(offered) * patience
    for _ in range(5):  # Newton on a concave function, from its right side after the first step
        ratio = np.sqrt(np.pi / 2.0) * erfcx(-beta / np.sqrt(2.0))  # Phi / phi
        waits = 1.0 + beta * ratio
        beta += (-np.log(waits) - beta * pull - np.log(allowed)) / ((ratio + beta * waits) / waits + pull)
    return beta


def max_utilisation(
    slots: ArrayLike,
    *,
    service_s: ArrayLike = 1.0,
    wait_budget_s: ArrayLike = 0.0,
    percentile: float = 90.0,
    ca2: float = 1.0,
    cs2: float = 1.0,
) -> Floats:
    """Highest offered/slots at which `percentile` % of requests wait at most `wait_budget_s`.

    With no wait budget this is how full c slots may be so that at most 10 % of requests wait at all:

    >>> np.round(100 * max_utilisation([1, 2, 4, 8, 16, 32, 64, 128]))
    array([10., 25., 41., 56., 67., 76., 83., 88.])
    """
    _check(percentile, slots=slots, service_s=service_s, wait_budget_s=wait_budget_s)
    arrays = (np.asarray(a, float) for a in (slots, service_s, wait_budget_s))
    c, service, budget = np.broadcast_arrays(*arrays)
    allowed = 1.0 - percentile / 100.0
    low, high = np.zeros(c.shape), np.ones(c.shape)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        late = wait_tail(c, middle * c, service_s=service, wait_s=budget, ca2=ca2, cs2=cs2) > allowed
        low, high = np.where(late, low, middle), np.where(late, middle, high)
    return np.where(c > 0, low, 0.0)


def square_root_staffing(offered: ArrayLike, *, beta: float) -> Floats:
    """R + beta sqrt(R): the rule of thumb that `slots_needed` approaches for many slots (beta 1 to 2)."""
    r = np.asarray(offered, float)
    return np.asarray(r + beta * np.sqrt(r))


@dataclass(frozen=True, slots=True)
class SloGap:
    """A limit that one request alone, on an idle replica, already breaks: more replicas cannot fix it."""

    limit: str
    best_s: float
    limit_s: float

    def __str__(self) -> str:
        return f"{self.limit}: {self.best_s * 1e3:.0f} ms at best, the limit is {self.limit_s * 1e3:.0f} ms"


def unfixable_slos(
    *, best_ttft_s: float, best_tpot_s: float, ttft_limit_s: float | None, tpot_limit_s: float | None
) -> tuple[SloGap, ...]:
    """Limits that no number of replicas meets, given the latency of a single request on an idle replica.

    >>> gaps = unfixable_slos(best_ttft_s=1.2, best_tpot_s=0.02, ttft_limit_s=1.0, tpot_limit_s=0.05)
    >>> [str(gap) for gap in gaps]
    ['ttft: 1200 ms at best, the limit is 1000 ms']
    """
    pairs = (("ttft", best_ttft_s, ttft_limit_s), ("tpot", best_tpot_s, tpot_limit_s))
    return tuple(
        SloGap(name, best, limit) for name, best, limit in pairs if limit is not None and best > limit
    )


def _burstiness(ca2: float, cs2: float) -> float:
    if not (np.isfinite(ca2 + cs2) and min(ca2, cs2) >= 0 and ca2 + cs2 > 0):
        raise InputError(
            f"ca2, cs2: {ca2}, {cs2} are not squared coefficients of variation", hint="1 = Poisson"
        )
    return (ca2 + cs2) / 2


def _check(percentile: float, **values: ArrayLike) -> None:
    if not 0 < percentile < 100:
        raise InputError(f"percentile: {percentile} is not between 0 and 100")
    for name, value in values.items():
        numbers = np.asarray(value, float)
        if not (np.isfinite(numbers) & (numbers >= 0)).all() or (numbers > MOST_SLOTS).any():
            raise InputError(f"{name}: must be between 0 and {MOST_SLOTS:g}")
