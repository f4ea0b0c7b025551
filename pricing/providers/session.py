"""HTTP for one provider in one refresh: retries, deadline, limits, conditional requests."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx

from planner.pricing.providers.answers import (
    CONTENT_TYPES,
    RETRIED_STATUSES,
    parse_json,
    parse_text,
    parse_token,
    retry_after,
)
from planner.pricing.providers.decode import lines, unpacked
from planner.pricing.providers.errors import (
    DeadlineError,
    FetchError,
    NotModifiedError,
    RefusedError,
    RetryableError,
    ShapeError,
    UnchangedError,
)
from planner.pricing.providers.fetcher import Fetcher

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """One request; `kind` names the content types that are taken for an answer."""

    url: str
    kind: str
    method: str = "GET"
    params: Mapping[str, str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    conditional: bool = False
    limit: int = 0


class Session:
    """Requests of one provider. Every error it raises starts with the provider's name."""

    def __init__(
        self,
        fetcher: Fetcher,
        provider: str,
        *,
        deadline: float,
        etag: str | None = None,
        on_page: Callable[[int], None] = lambda pages: None,
    ) -> None:
        """`deadline` in the fetcher's own clock; `etag` is the `token` of the last refresh."""
        self.provider = provider
        self.pages = 0
        self._fetcher, self._limits = fetcher, fetcher.limits
        self._known, self._tags = parse_token(etag), dict[str, str]()
        self._deadline, self._on_page = deadline, on_page

    @property
    def token(self) -> str | None:
        """The entity tags seen, as the text to hand back next time."""
        return json.dumps(self._tags, sort_keys=True) if self._tags else None

    def json(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: object = None,
        conditional: bool = False,
    ) -> Any:
        """The parsed answer; with a `body` it is posted as JSON. A broken body is asked for again."""
        call = Call(
            url, "json", method="GET" if body is None else "POST", params=params,
            headers={**({"Content-Type": "application/json"} if body is not None else {}), **(headers or {})},
            content=None if body is None else json.dumps(body).encode(), conditional=conditional,
        )  # fmt: skip
        return self._unless_unchanged(call, parse_json)

    def text(
        self,
        url: str,
        kind: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        conditional: bool = False,
    ) -> str:
        """The answer as text."""
        call = Call(url, kind, params=params, headers=headers or {}, conditional=conditional)
        return self._unless_unchanged(call, parse_text)

    def lines(self, url: str, *, conditional: bool = False) -> Iterator[str]:
        """The lines of a long text as they arrive; a broken stream starts over, so lines may come twice."""
        call = Call(url, "csv", conditional=conditional, limit=self._limits.max_stream_bytes)
        for attempt in range(self._limits.attempts):
            try:
                yield from lines(self._chunks(call))
                return
            except NotModifiedError:
                raise UnchangedError(f"{self.provider}: unchanged") from None
            except RetryableError as error:
                self._wait(attempt, error)
            except DeadlineError:
                raise
            except FetchError as error:
                raise self._named(error) from error

    def documents(
        self, urls: Mapping[str, str], kind: str, parse: Callable[[bytes], T]
    ) -> Iterator[tuple[str, T | FetchError]]:
        """Several documents by label; one that cannot be had is returned as its error.

        Raises `UnchangedError` when each of them is as it was; if only some are, those are asked for again.
        """
        first = {
            label: self._document(Call(url, kind, conditional=True), parse) for label, url in urls.items()
        }
        if first and all(isinstance(found, NotModifiedError) for found in first.values()):
            raise UnchangedError(f"{self.provider}: unchanged")
        for label, found in first.items():
            again = isinstance(found, NotModifiedError)
            yield label, self._document(Call(urls[label], kind), parse) if again else found

    def _document(self, call: Call, parse: Callable[[bytes], T]) -> T | FetchError:
        try:
            return self._read(call, parse)
        except DeadlineError:
            raise
        except FetchError as error:
            return error

    def next_page(self) -> None:
        """Count a page; raises `FetchError` past the limit (a walk that never ends)."""
        self.pages += 1
        if self.pages > self._limits.max_pages:
            raise FetchError(f"{self.provider}: more than {self._limits.max_pages} pages")
        self._on_page(self.pages)

    def same_host(self, url: str, *, field: str, host: str) -> str:
        """A link that the server gave, unless it leads elsewhere (a key must not travel to another host)."""
        try:
            found = httpx.URL(url).host
        except (httpx.InvalidURL, UnicodeError) as error:
            raise ShapeError(f"{self.provider}.{field}: is not a link") from error
        if found != host:
            raise ShapeError(f"{self.provider}.{field}: leads to {found or 'nowhere'}, not {host}")
        return url

    def server_date(self, url: str) -> str:
        """The `Date` header of any answer: a clock that agrees with the server that will check it."""
        try:
            with self._fetcher.client.stream("HEAD", self._place(url), timeout=self._timeout()) as answer:
                return str(answer.headers.get("date", ""))
        except httpx.HTTPError as error:
            raise FetchError(f"{self.provider}: {type(error).__name__} while asking for the time") from error

    def _unless_unchanged(self, call: Call, parse: Callable[[bytes], T]) -> T:
        try:
            return self._read(call, parse)
        except NotModifiedError:
            raise UnchangedError(f"{self.provider}: unchanged") from None

    def _read(self, call: Call, parse: Callable[[bytes], T]) -> T:
        for attempt in range(self._limits.attempts):
            try:
                return parse(b"".join(self._chunks(call)))
            except RetryableError as error:
                self._wait(attempt, error)
            except FetchError as error:
                raise self._named(error) from error
        raise FetchError(f"{self.provider}: no attempt is allowed (limits.attempts)")

    def _wait(self, attempt: int, error: RetryableError) -> None:
        """Sleep as long as the server asked, else the backoff; raises when there is nothing left to try."""
        if attempt + 1 >= self._limits.attempts:
            raise FetchError(f"{self.provider}: {error} ({self._limits.attempts} attempts)") from error
        wait_s = self._limits.backoff_s * 2**attempt if error.after_s is None else error.after_s
        if wait_s > self._limits.longest_wait_s:
            raise FetchError(f"{self.provider}: {error}, to be tried again in {wait_s:g} s") from error
        if wait_s >= self._remaining():
            raise DeadlineError(f"{self.provider}: {error}; the next attempt would be past the deadline")
        self._fetcher.sleep(wait_s)

    def _chunks(self, call: Call) -> Iterator[bytes]:
        """One attempt. Transport faults and passing statuses come out as `RetryableError`."""
        headers = dict(call.headers)
        if call.conditional and call.url in self._known:
            headers["If-None-Match"] = self._known[call.url]
        try:
            with self._fetcher.client.stream(
                call.method, self._place(call.url), params=call.params, headers=headers,
                content=call.content, timeout=self._timeout(),
            ) as response:  # fmt: skip
                self._check(response, call)
                yield from self._measured(response, call.limit or self._limits.max_bytes)
                if "etag" in response.headers:
                    self._tags[call.url] = response.headers["etag"]
        except httpx.TransportError as error:
            raise RetryableError(f"connection failed: {type(error).__name__}") from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, UnicodeError) as error:
            raise FetchError(f"request failed: {type(error).__name__}") from error

    def _measured(self, response: httpx.Response, limit: int) -> Iterator[bytes]:
        """The unpacked body; every chunk is checked against size and deadline, or a drip would never end."""
        total = 0
        encoding = response.headers.get("content-encoding", "").lower()
        for chunk in unpacked(self._in_time(response.iter_raw()), encoding):
            total += len(chunk)
            if total > limit:
                raise FetchError(f"answer is larger than {limit} bytes")
            yield chunk

    def _in_time(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._remaining()
            yield chunk

    def _check(self, response: httpx.Response, call: Call) -> None:
        status = response.status_code
        if status == 304 and call.conditional:
            if call.url in self._known:
                self._tags[call.url] = self._known[call.url]
            raise NotModifiedError("not modified")
        if status in RETRIED_STATUSES:
            raise RetryableError(f"HTTP {status}", after_s=retry_after(response.headers))
        if status != 200:
            raise RefusedError(f"HTTP {status} from {response.url.host}", status=status)
        stated = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if stated and not any(part in stated for part in CONTENT_TYPES[call.kind]):
            raise FetchError(f"content type {stated!r} where {call.kind} was expected")

    def _named(self, error: FetchError) -> FetchError:
        """The same error with the provider in front, once."""
        if not str(error).startswith((f"{self.provider}:", f"{self.provider}.")):
            error.args = (f"{self.provider}: {error}",)
        return error

    def _place(self, url: str) -> httpx.URL:
        """The URL, at the injected endpoint where there is one."""
        override = self._fetcher.endpoints.get(self.provider)
        if not override:
            return httpx.URL(url)
        there = httpx.URL(override)
        return httpx.URL(url).copy_with(scheme=there.scheme, host=there.host, port=there.port)

    def _remaining(self) -> float:
        left = self._deadline - self._fetcher.clock()
        if left <= 0:
            raise DeadlineError(f"{self.provider}: not finished by the deadline")
        return left

    def _timeout(self) -> httpx.Timeout:
        left = self._remaining()
        return httpx.Timeout(min(self._limits.read_s, left), connect=min(self._limits.connect_s, left))
