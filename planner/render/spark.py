"""A row of numbers as one line of text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

STEPS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], *, width: int = 40) -> str:
    """Eight heights from the lowest value to the highest; more values than `width` are averaged in groups.

    >>> sparkline([1.0, 2.0, 4.0, 8.0]), sparkline([3.0, 3.0]), sparkline([])
    ('▁▂▄█', '▄▄', '')
    """
    if not values:
        return ""
    if len(values) > width:
        edges = [i * len(values) // width for i in range(width + 1)]
        values = [sum(values[a:b]) / (b - a) for a, b in pairwise(edges)]
    low, high = min(values), max(values)
    if high == low:
        return STEPS[3] * len(values)
    return "".join(STEPS[round((v - low) / (high - low) * (len(STEPS) - 1))] for v in values)
