"""AWS Signature Version 4 for one GET request, as its documentation derives it; only the standard library."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Credentials:
    """A key pair; the token is there for temporary ones."""

    key_id: str
    secret: str
    token: str = ""


def canonical_query(params: Mapping[str, str]) -> str:
    """Sorted and percent-encoded as the signature wants it.

    >>> canonical_query({"b": "x y", "a": "1"})
    'a=1&b=x%20y'
    """
    return "&".join(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in sorted(params.items()))


def signed_headers(
    credentials: Credentials, *, host: str, region: str, service: str, query: str, at: datetime
) -> dict[str, str]:
    """Headers of a signed `GET /?query`; `at` must agree with the server's clock within five minutes."""
    stamp = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    headers = {"host": host, "x-amz-date": stamp}
    if credentials.token:
        headers["x-amz-security-token"] = credentials.token
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    request = "\n".join(("GET", "/", query, lines, names, hashlib.sha256(b"").hexdigest()))
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    digest = hashlib.sha256(request.encode()).hexdigest()
    to_sign = "\n".join(("AWS4-HMAC-SHA256", stamp, scope, digest))
    key = f"AWS4{credentials.secret}".encode()
    for part in (stamp[:8], region, service, "aws4_request", to_sign):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credentials.key_id}/{scope}, SignedHeaders={names}, Signature={key.hex()}"
    )
    return headers
