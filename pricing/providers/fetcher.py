"""The connection pool of a refresh and its limits; everything a test wants to replace is an argument."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType

import httpx


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how much; seconds and bytes (after unpacking)."""

    connect_s: float = 10.0
    read_s: float = 30.0
    deadline_s: float = 900.0
    attempts: int = 4
    backoff_s: float = 1.0
    """Doubles with every attempt."""
    longest_wait_s: float = 120.0
    """A server that asks for more is given up on."""
    max_bytes: int = 256 << 20
    max_stream_bytes: int = 16 << 30
    """The AWS list of all regions has several GB; it is never held as a whole."""
    max_pages: int = 1000


class Fetcher:
    """The connection pool and the rules; `endpoints` replaces scheme and host per provider (tests, mirrors)."""

    def __init__(
        self,
        *,
        transport: httpx.BaseTransport | None = None,
        endpoints: Mapping[str, str] | None = None,
        limits: Limits | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits or Limits()
        self.endpoints = dict(endpoints or {})
        self.sleep, self.clock = sleep, clock
        self.client = httpx.Client(
            transport=transport,
            headers={"User-Agent": "openclaw-planner (price refresh)", "Accept-Encoding": "gzip"},
            timeout=httpx.Timeout(self.limits.read_s, connect=self.limits.connect_s),
        )

    def __enter__(self) -> Fetcher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()
