"""How many cores this process may use: what a library's thread pool should have, or idle threads spin beside us."""

from __future__ import annotations

import os


def cores() -> int:
    """Cores in the process's affinity mask where the system has one, else all.

    >>> 1 <= cores() <= (os.cpu_count() or 1)
    True
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
