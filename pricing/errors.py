"""The error classes of this floor; `planner.errors` maps them to exit codes 5 and 8."""

from __future__ import annotations


class PriceError(ValueError):
    """A price table, offer or region is wrong; the message names file, field, value and remedy."""


class MissingPartError(RuntimeError):
    """An optional part, or the network or database it talks to, is missing; the message is the hint."""
