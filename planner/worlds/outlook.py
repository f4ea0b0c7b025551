"""What may change besides the speeds: prices and demand. Assumptions, each with its range and source.

Nothing of this is shipped as history, so every spread is a stated assumption that a caller may replace. How often
spot is taken away, and how long until it is replaced, are those of the plan (`options.interruptions`).
"""

from __future__ import annotations

from dataclasses import dataclass

from planner.plan import Assumption

YEAR_MEAN = 3.0**-0.5
"""Standard deviation of the mean of a random walk over its span, against that of its end."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """Spreads over the next year, as standard deviations of logarithms.

    `gpu_price_sd` moves all rents of one GPU model together, `seller_price_sd` those of one seller besides;
    `spot_price_sd` comes on top for spot. Committed and owned capacity keeps its price. `demand_sd` is how far
    realised demand may be from the stated one, half of its variance common to all workloads.
    """

    gpu_price_sd: float = 0.30
    seller_price_sd: float = 0.10
    spot_price_sd: float = 0.40
    demand_sd: float = 0.10

    def assumptions(self) -> tuple[Assumption, ...]:
        """The spreads with their ranges and where they come from."""
        return tuple(Assumption(name, f"{getattr(self, field):g} ({low:g} to {high:g})", source, as_of)
                     for field, name, low, high, source, as_of in _SOURCES)  # fmt: skip


CERTAIN = Outlook(gpu_price_sd=0.0, seller_price_sd=0.0, spot_price_sd=0.0, demand_sd=0.0)
"""Only speeds and spot capacity differ: what the chance to keep the SLOs is about."""

_RENTS = "one-year H100 contracts rose from 1.70 to 2.35 USD/h in five months (rental index, SemiAnalysis)"
_SOURCES = (
    ("gpu_price_sd", "rent of a GPU model, log sd a year", 0.1, 0.5, _RENTS, "2026-03-31"),
    ("seller_price_sd", "rent of one seller besides, log sd a year", 0.0, 0.3, "assumption", None),
    ("spot_price_sd", "spot price besides, log sd a year", 0.2, 1.0, "assumption; thin spot markets double and "
     "halve within weeks", None),
    ("demand_sd", "demand against the stated one, log sd", 0.0, 0.25, "assumption", None),
)  # fmt: skip


def share_away(interruptions_per_hour: float, outage_s: float) -> float:
    """Share of the time a spot failure domain is gone.

    >>> round(share_away(0.1, 900.0), 4)
    0.0244
    """
    gone = interruptions_per_hour * outage_s / 3600.0
    return gone / (1.0 + gone)
