"""How an op's time is known, as small integers that fit beside arrays of times; lower is better known."""

from __future__ import annotations

from typing import Final

MEASURED: Final = 0
"""This very point was timed on this GPU."""
INTERPOLATED: Final = 1
"""Between measured points of this GPU, or beside them at the same utilisation."""
CALIBRATED: Final = 2
"""A model fitted to end-to-end measurements."""
TRANSFERRED: Final = 3
"""Borrowed from a related GPU, shape, dtype or kernel."""
ROOFLINE: Final = 4
"""Physics only."""

NAMES: Final = ("measured", "interpolated", "calibrated", "transferred", "roofline")


def name(code: int) -> str:
    """The word a code stands for in plans and estimates.

    >>> name(TRANSFERRED)
    'transferred'
    """
    return NAMES[code]
