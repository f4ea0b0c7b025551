"""How long requests are: token counts as a few buckets, from every form the scenario file allows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist

from planner.fields import FieldError, number, only

MAX_TOKENS = 1e7
MAX_BUCKETS = 256

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
    nominal: float | None = None
    """Set when lengths are drawn evenly between 80 % and 100 % of it, as serving benchmarks do."""

    @property
    def randomised(self) -> bool:
        """Whether lengths are drawn around a nominal one."""
        return self.nominal is not None

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
        (1000.0, [620, 1084, 1597, 2507])
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
        return cls(tuple((nominal * m, 0.25) for m in middles), p95=0.99 * nominal, nominal=float(nominal))

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
