"""The one error class of this floor; `planner.errors` maps it to exit code 5."""

from __future__ import annotations


class ProfileError(ValueError):
    """A profile table, GPU row or trace is wrong; the message names file, field, value and remedy."""
