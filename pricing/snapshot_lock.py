"""One writer at a time, by a lock the operating system holds.

The lock belongs to the open file, not to its existence: when a writer dies, by `kill -9` or a power cut, the
system lets go of it. A lock file that lies about is therefore never stale, and needs no age or process check
that two waiting writers could both pass.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from planner.pricing.errors import PriceError

POLL_S = 0.02

if sys.platform == "win32":
    import msvcrt

    def _try(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

    def _release(handle: int) -> None:
        os.lseek(handle, 0, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _try(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _release(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_UN)


@contextmanager
def locked(path: Path, *, wait_s: float = 60.0) -> Iterator[None]:
    """Hold `path` for the length of the block.

    Raises `PriceError` when another process holds it for `wait_s`, and where the file system has no locks.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        _acquire(handle, path, wait_s)
        try:
            yield
        finally:
            _release(handle)
    finally:
        os.close(handle)


def _acquire(handle: int, path: Path, wait_s: float) -> None:
    deadline = time.monotonic() + wait_s
    while True:
        try:
            return _try(handle)
        except (BlockingIOError, PermissionError) as error:
            if time.monotonic() >= deadline:
                raise PriceError(
                    f"{path}: another process has been writing for {wait_s:g} s (wait for it, or end it)"
                ) from error
            time.sleep(POLL_S)
        except OSError as error:
            raise PriceError(
                f"{path}: this file system has no locks: {error} (use a local folder)"
            ) from error
