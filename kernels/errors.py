"""The one error class of this floor; `planner.errors` maps it to exit code 5."""

from __future__ import annotations


class KernelError(ValueError):
    """Something is wrong in a kernel manifest or op shape; the message names the file, the field, the value and the remedy."""
