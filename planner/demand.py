"""How much work arrives: a load-duration curve, from every form the scenario file allows.

Rates with the hours per month they last, busiest first, adding up to one month. A `FieldError` names the
part of a form that is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from planner.fields import FieldError, number, one_of, only
from planner.lengths import Lengths, parse_lengths
from planner.pricing.money import HOURS_PER_MONTH

__all__ = ["PRESETS", "Demand", "Lengths", "Period", "parse_demand", "parse_lengths"]

MAX_REQUESTS_PER_S = 1e6
MAX_PERIODS = 744  # one month by the hour

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
