"""What can go wrong while a price list is fetched; every message is one line that starts with the provider."""

from __future__ import annotations

from planner.pricing.errors import PriceError


class FetchError(PriceError):
    """A provider gave no usable answer: status, content type, size, encoding, or the connection itself."""


class ShapeError(FetchError):
    """A field is missing, renamed or of another kind; the message starts with `provider.field`."""


class DeadlineError(FetchError):
    """The time for this refresh is used up; nothing is retried after it."""


class RetryableError(FetchError):
    """Worth another attempt; `after_s` is what the server asked for, None where it said nothing."""

    def __init__(self, message: str, *, after_s: float | None = None) -> None:
        super().__init__(message)
        self.after_s = after_s


class RefusedError(FetchError):
    """An HTTP status that another attempt would not change (401, 403, 404 ...)."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class NotModifiedError(FetchError):
    """304: one document is as it was. Not a failure; the session turns it into `UnchangedError`."""


class UnchangedError(FetchError):
    """Every document of the provider is as it was at the last refresh."""
