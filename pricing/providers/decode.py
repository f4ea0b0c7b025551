"""Bytes of a response, unpacked here and not by the client: it would take half a gzip stream for a whole one."""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Iterable, Iterator

from planner.pricing.providers.errors import FetchError, RetryableError

CHUNK = 1 << 20
LONGEST_LINE = 1 << 20
GZIP_ONLY = 31


def unpacked(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The body without its content encoding, at most a MiB at a time (a bomb unpacks no further than read)."""
    if encoding in ("", "identity"):
        yield from chunks
    elif encoding in ("gzip", "x-gzip"):
        yield from _gunzip(chunks)
    else:
        raise FetchError(f"content encoding {encoding!r} was not asked for")


def _gunzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    stream = zlib.decompressobj(GZIP_ONLY)
    started = False
    for chunk in chunks:
        data = chunk
        while data:
            if stream.eof:
                stream = zlib.decompressobj(GZIP_ONLY)
            started = True
            try:
                yield stream.decompress(data, CHUNK)
            except zlib.error as error:
                raise RetryableError("gzip stream is corrupt") from error
            data = stream.unused_data if stream.eof else stream.unconsumed_tail
    if started and not stream.eof:
        raise RetryableError("gzip stream ends early")


def lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Text lines without their ends; raises `FetchError` for bytes that are not UTF-8 and endless lines.

    >>> list(lines([b"a\\nb", b"c\\r\\nd"]))
    ['a', 'bc', 'd']
    """
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    rest = ""
    try:
        for chunk in chunks:
            *whole, rest = (rest + decoder.decode(chunk)).split("\n")
            yield from (line.removesuffix("\r") for line in whole)
            if len(rest) > LONGEST_LINE:
                raise FetchError(f"a line is longer than {LONGEST_LINE} characters")
        rest += decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise FetchError("body is not UTF-8 text") from error
    if rest:
        yield rest.removesuffix("\r")
