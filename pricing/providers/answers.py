"""What an answer may look like: content types, statuses, `Retry-After`, and bodies parsed whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from planner.pricing.providers.errors import RetryableError

CONTENT_TYPES: Mapping[str, tuple[str, ...]] = {
    "json": ("json", "text/plain", "octet-stream"),
    "csv": ("csv", "text/plain", "octet-stream", "excel"),
    "zip": ("zip", "octet-stream"),
    "html": ("html",),
    "xml": ("xml",),
    "text": ("text/plain", "octet-stream"),
}
"""Parts of a content type that a body of each kind may come with; a server that states none is believed."""
RETRIED_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds the server asks to wait: a number, or a date measured against the server's own clock.

    >>> retry_after({"retry-after": "7"}), retry_after({"retry-after": "soon"})
    (7.0, None)
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(
            (parsedate_to_datetime(text) - parsedate_to_datetime(headers["date"])).total_seconds(), 0.0
        )
    except (KeyError, ValueError, TypeError, IndexError):
        return None


def parse_json(body: bytes) -> Any:
    """JSON of a body; a broken one may be half a body, so it is worth another attempt."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RetryableError("body is not JSON") from error


def parse_text(body: bytes) -> str:
    """UTF-8 text of a body."""
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RetryableError("body is not UTF-8 text") from error


def parse_token(token: str | None) -> dict[str, str]:
    """Entity tags by URL out of the opaque text; anything else is as good as none."""
    try:
        known = json.loads(token) if token else {}
    except ValueError:
        return {}
    return (
        {str(url): str(tag) for url, tag in known.items() if isinstance(tag, str)}
        if isinstance(known, dict)
        else {}
    )
