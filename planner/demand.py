"""How much work arrives and how long the requests are.

`Demand` is a load-duration curve: rates with the hours per month they last, busiest first, adding up to
one month. `Lengths` is a distribution of token counts, as few buckets. Both are built from every form the
scenario file allows; a `FieldError` names the part that is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist

from planner.fields import FieldError, number, one_of, only
from planner.pricing.money import HOURS_PER_MONTH

MAX_REQUESTS_PER_S = 1e6
MAX_TOKENS = 1e7
MAX_PERIODS = 744  # one month by the hour
MAX_BUCKETS = 256

# Load-duration curves of the presets: (share of the month, rate as a share of the peak). The shapes are this
# project's own stylised assumptions; measured traffic (`file = ...`) is always better.
PRESETS: Mapping[str, tuple[tuple[float, float], ...]] = {
    # Same rate day and night.
    "constant": ((1.0, 1.0),),
    # 5 days a week: 2 h at peak, 6 h at 75 %, 2 h at 40 %; nights and weekends at 5 %.
    "office_hours": ((10 / 168, 1.0), (30 / 168, 0.75), (10 / 168, 0.4), (118 / 168, 0.05)),
    # Every day alike, in steps of four hours from the evening peak down to the small hours.
    "diurnal": ((1 / 6, 1.0), (1 / 6, 0.9), (1 / 6, 0.75), (1 / 6, 0.55), (1 / 6, 0.35), (1 / 6, 0.25)),
    # Short bursts five times the usual rate: 2 % of the time at peak, 8 % at half of it.
    "bursty": ((0.02, 1.0), (0.08, 0.5), (0.3, 0.2), (0.6, 0.1)),
    # First month of a product: 3 days at peak, 7 days at 60 %, the rest at 30 %.
    "launch": ((72 / HOURS_PER_MONTH, 1.0), (168 / HOURS_PER_MONTH, 0.6), (1 - 240 / HOURS_PER_MONTH, 0.3)),
}


@dataclass(frozen=True, slots=True)
class Period:
    """Hours per month during which requests arrive at one rate."""

    hours_per_month: float
    requests_per_s: float


@dataclass(frozen=True, slots=True)
class Demand:
    """Load-duration curve of one workload: busiest period first, hours adding up to one month."""

    periods: tuple[Period, ...]

    @property
    def peak_requests_per_s(self) -> float:
        """Rate of the busiest period."""
        return self.periods[0].requests_per_s

    @property
    def mean_requests_per_s(self) -> float:
        """Rate averaged over the month."""
        return sum(p.hours_per_month * p.requests_per_s for p in self.periods) / HOURS_PER_MONTH

    @property
    def requests_per_month(self) -> float:
        """Requests in one month."""
        return self.mean_requests_per_s * HOURS_PER_MONTH * 3600

    def scaled(self, factor: float) -> Demand:
        """Same shape at `factor` times the rate."""
        return Demand(tuple(Period(p.hours_per_month, p.requests_per_s * factor) for p in self.periods))

    @classmethod
    def constant(cls, requests_per_s: float) -> Demand:
        """One rate all month.

        >>> Demand.constant(12).peak_requests_per_s
        12.0
        """
        return cls((Period(float(HOURS_PER_MONTH), float(requests_per_s)),))

    @classmethod
    def preset(cls, name: str, *, peak_requests_per_s: float) -> Demand:
        """Curve of `PRESETS` at a peak.

        >>> round(Demand.preset("office_hours", peak_requests_per_s=100).mean_requests_per_s, 1)
        25.2
        """
        curve = PRESETS[name]
        return cls(
            tuple(Period(share * HOURS_PER_MONTH, level * peak_requests_per_s) for share, level in curve)
        )

    @classmethod
    def volume(cls, requests: float, *, deadline_hours: float) -> Demand:
        """A batch of `requests` a month, done evenly within `deadline_hours`, idle otherwise.

        >>> Demand.volume(3_600_000, deadline_hours=100).peak_requests_per_s
        10.0
        """
        return cls.of([Period(float(deadline_hours), requests / (deadline_hours * 3600))])

    @classmethod
    def of(cls, periods: Iterable[Period]) -> Demand:
        """Sort, merge equal rates and fill the month with idle hours; raises FieldError."""
        hours: dict[float, float] = {}
        for period in periods:
            hours[period.requests_per_s] = hours.get(period.requests_per_s, 0.0) + period.hours_per_month
        total = sum(hours.values())
        if total > HOURS_PER_MONTH * (1 + 1e-6):
            raise FieldError(
                f"the hours add up to {total:g}, a month has {HOURS_PER_MONTH}", field="hours_per_month"
            )
        if not any(hours):
            raise FieldError("no period has any requests", field="requests_per_s")
        if (idle := HOURS_PER_MONTH - total) > 1e-3:
            hours[0.0] = hours.get(0.0, 0.0) + idle
        return cls(tuple(Period(h, rate) for rate, h in sorted(hours.items(), reverse=True)))


def parse_demand(given: object) -> Demand:
    """`Demand` of what a scenario may hold under `demand`: a preset with its peak, or periods.

    >>> parse_demand([{"hours_per_month": 100, "requests_per_s": 5}]).periods[1]
    Period(hours_per_month=630.0, requests_per_s=0.0)
    """
    if isinstance(given, Demand):
        return given
    if isinstance(given, list | tuple):
        given = {"periods": given}
    if not isinstance(given, Mapping):
        raise FieldError("expected {preset, peak_requests_per_s}, {file} or periods")
    if "periods" in given:
        only(given, ("periods",))
        return Demand.of(_periods(given["periods"]))
    only(given, ("preset", "peak_requests_per_s"))
    try:
        name = one_of(str(given.get("preset")), PRESETS, "preset")
    except FieldError as error:
        raise FieldError(str(error), field="preset", hint=error.hint) from None
    peak = number(given.get("peak_requests_per_s"), "peak_requests_per_s", most=MAX_REQUESTS_PER_S)
    return Demand.preset(name, peak_requests_per_s=peak)


def _periods(given: object) -> list[Period]:
    if not isinstance(given, list | tuple) or not given:
        raise FieldError("expected a list of {hours_per_month, requests_per_s}", field="periods")
    if len(given) > MAX_PERIODS:
        raise FieldError(f"{len(given)} periods, at most {MAX_PERIODS}", field="periods")
    periods = []
    for i, item in enumerate(given):
        where = f"periods[{i}]"
        if not isinstance(item, Mapping):
            raise FieldError("expected {hours_per_month, requests_per_s}", field=where)
        only(item, ("hours_per_month", "requests_per_s"), where=f"{where}.")
        hours = number(item.get("hours_per_month"), f"{where}.hours_per_month", most=HOURS_PER_MONTH)
        rate = number(
            item.get("requests_per_s"), f"{where}.requests_per_s", most=MAX_REQUESTS_PER_S, zero=True
        )
        periods.append(Period(hours, rate))
    return periods


# -- token lengths ----------------------------------------------------------------------

# Bucket edges of a fitted or observed distribution, as quantiles. The last bucket starts at the stated
# 95th percentile; four buckets keep input x output at 16 classes.
_EDGES = (0.0, 0.5, 0.8, 0.95, 1.0)
_P95 = NormalDist().inv_cdf(0.95)
MAX_P95_OVER_MEAN = math.exp(_P95**2 / 2)
"""3.87: no log-normal distribution has its 95th percentile further above its mean."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """Distribution of tokens per request: (tokens, share) buckets, shortest first, shares adding up to 1."""

    histogram: tuple[tuple[float, float], ...]
    p95: float | None = None
    """As stated or observed; None when only buckets were given."""
    randomised: bool = False
    """Drawn evenly between 80 % and 100 % of a nominal length, as serving benchmarks do."""

    @property
    def mean(self) -> float:
        """Mean tokens."""
        return sum(tokens * share for tokens, share in self.histogram)

    @property
    def longest(self) -> float:
        """Tokens of the longest bucket."""
        return self.histogram[-1][0]

    @classmethod
    def fixed(cls, tokens: float) -> Lengths:
        """Every request alike."""
        return cls(((float(tokens), 1.0),), p95=float(tokens))

    @classmethod
    def lognormal(cls, mean: float, *, p95: float) -> Lengths:
        """Log-normal with this mean and 95th percentile, cut into buckets; raises FieldError.

        With r = p95 / mean and z = 1.645, the log-normal's spread s solves ln r = z s - s^2 / 2, hence
        s = z - sqrt(z^2 - 2 ln r); the smaller root is the one that vanishes with r = 1. A bucket from
        quantile a to b stands at its conditional mean, mean x (F(z_b - s) - F(z_a - s)) / (b - a), so the
        mean is kept exactly.

        >>> lengths = Lengths.lognormal(1000, p95=2000)
        >>> round(lengths.mean, 6), [round(tokens) for tokens, _ in lengths.histogram]
        (1000.0, [568, 1085, 1606, 2639])
        """
        ratio = p95 / mean
        if ratio < 1:
            raise FieldError(f"{p95:g} is below the mean of {mean:g}", field="p95")
        if ratio >= MAX_P95_OVER_MEAN:
            raise FieldError(
                f"{p95:g} is {ratio:.2f} times the mean; above {MAX_P95_OVER_MEAN:.2f} give a histogram",
                field="p95",
            )
        spread = _P95 - math.sqrt(_P95**2 - 2 * math.log(ratio))
        if spread < 1e-6:
            return cls(((float(mean), 1.0),), p95=float(p95))
        normal = NormalDist()
        mass = [0.0, *(normal.cdf(normal.inv_cdf(q) - spread) for q in _EDGES[1:-1]), 1.0]
        buckets = [
            (mean * (mass[i + 1] - mass[i]) / (b - a), b - a) for i, (a, b) in enumerate(pairwise(_EDGES))
        ]
        return cls(tuple(buckets), p95=float(p95))

    @classmethod
    def drawn_evenly(cls, nominal: float) -> Lengths:
        """As benchmark clients draw: evenly in [0.8, 1] x nominal, so the mean is 0.9 x nominal.

        >>> round(Lengths.drawn_evenly(1000).mean)
        900
        """
        middles = (0.825, 0.875, 0.925, 0.975)
        return cls(tuple((nominal * m, 0.25) for m in middles), p95=0.99 * nominal, randomised=True)

    @classmethod
    def observed(cls, tokens: Sequence[float]) -> Lengths:
        """Buckets of logged requests: four equal-sized groups by rank standing at their means (mean kept)."""
        ranked = sorted(tokens)
        edges = sorted({round(q * len(ranked)) for q in _EDGES})
        groups = [ranked[a:b] for a, b in pairwise(edges)]
        buckets = [(sum(g) / len(g), len(g) / len(ranked)) for g in groups]
        return cls(_merged(buckets), p95=ranked[min(len(ranked) - 1, math.ceil(0.95 * len(ranked)) - 1)])


def _merged(buckets: Iterable[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Equal lengths joined, sorted, shares adding up to 1."""
    shares: dict[float, float] = {}
    for tokens, share in buckets:
        shares[tokens] = shares.get(tokens, 0.0) + share
    total = math.fsum(shares.values())
    if (
        abs(total - 1) < 1e-9
    ):  # already shares: left as they are, so that writing and reading back changes nothing
        total = 1.0
    return tuple((tokens, share / total) for tokens, share in sorted(shares.items()))


def parse_lengths(given: object) -> Lengths:
    """`Lengths` of a number, {mean, p95}, {histogram} or {nominal, randomised}; raises FieldError.

    >>> parse_lengths({"histogram": [[100, 3], [900, 1]]}).mean
    300.0
    """
    if isinstance(given, Lengths):
        return given
    if not isinstance(given, Mapping):
        return Lengths.fixed(_tokens(given, ""))
    if "histogram" in given:
        only(given, ("histogram", "p95"))
        p95 = _tokens(given["p95"], "p95") if given.get("p95") is not None else None
        return Lengths(_histogram(given["histogram"]), p95=p95)
    if "nominal" in given:
        only(given, ("nominal", "randomised"))
        nominal = _tokens(given["nominal"], "nominal")
        return Lengths.drawn_evenly(nominal) if given.get("randomised", True) else Lengths.fixed(nominal)
    only(given, ("mean", "p95"))
    mean = _tokens(given.get("mean"), "mean")
    return (
        Lengths.lognormal(mean, p95=_tokens(given["p95"], "p95")) if "p95" in given else Lengths.fixed(mean)
    )


def _tokens(value: object, field: str) -> float:
    tokens = number(value, field, most=MAX_TOKENS)
    if tokens < 1:
        raise FieldError(f"{tokens:g} is less than one token", field=field)
    return tokens


def _histogram(given: object) -> tuple[tuple[float, float], ...]:
    if not isinstance(given, list | tuple) or not given:
        raise FieldError("expected [[tokens, share], ...]", field="histogram")
    if len(given) > MAX_BUCKETS:
        raise FieldError(f"{len(given)} buckets, at most {MAX_BUCKETS}", field="histogram")
    buckets = []
    for i, pair in enumerate(given):
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise FieldError("expected [tokens, share]", field=f"histogram[{i}]")
        buckets.append(
            (_tokens(pair[0], f"histogram[{i}][0]"), number(pair[1], f"histogram[{i}][1]", most=1e12))
        )
    return _merged(buckets)
