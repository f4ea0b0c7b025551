"""The one error class of this floor; `planner.errors` maps it to exit code 5."""

from __future__ import annotations


class KernelError(ValueError):
    """A kernel table or op shape is wrong; the message names file, field, value and remedy."""
