"""Ten thousand mutated answers: no crash, no hang, no bad row among the offers.

The transport is in memory here: the sockets are the business of the fault tests, the parsers of these.
"""

from __future__ import annotations

import copy
import math
from collections import Counter
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from planner.pricing.catalog import parse_offer
from planner.pricing.money import load_rates
from planner.pricing.offer import COLUMNS, TERMS, to_row
from planner.pricing.providers.registry import PROVIDERS, Fetcher, Limits, refresh
from planner.profiles.gpus import load_gpus

EXAMPLES = {"skypilot": 150, "gpuhunt": 250}
"""Fewer where an answer has many documents."""
SHARE = 340
ANSWERS = 2
"""Per example: the changed documents, and the same with damaged bytes."""

JUNK: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2.5, 1e308, 10**400, -(10**30), float("nan"), float("inf"), float("-inf"), "", " ",
    "NaN", "1e999", "-0", "0x10", "١٢", "H100", "9" * 5000, "\ud800", "a\x00b\nc", "$&<>\"'", "2999-01-01", "USD",
    "XXX", [], [None], {}, {"a": {"b": []}}, [[[[[]]]]], "https://elsewhere.example.com/", "True",
    "8x H100 (80 GB SXM5)",
)  # fmt: skip
CHANGES = ("junk", "delete", "rename", "repeat", "wrap", "swap")
Change = tuple[str, int, int]


def junk(which: int) -> Any:
    """A fresh one each time: the lists among them are mutated themselves."""
    return copy.deepcopy(JUNK[which % len(JUNK)])


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of every node below the root."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = []
    for step, inner in steps:
        found += [(*path, step), *places(inner, (*path, step))]
    return found


def changed(document: Any, change: Change) -> Any:
    """The document with one node replaced, gone, renamed, repeated, wrapped or exchanged with another."""
    kind, where, what = change
    paths = places(document)
    if not paths:
        return junk(what)
    path = paths[where % len(paths)]
    parent = document
    for step in path[:-1]:
        parent = parent[step]
    last = path[-1]
    if kind == "junk":
        parent[last] = junk(what)
    elif kind == "delete":
        del parent[last]
    elif kind == "rename" and isinstance(parent, dict):
        parent[f"{last}_{what % 3}"] = parent.pop(last)
    elif kind == "repeat" and isinstance(parent, list):
        parent.insert(0, parent[last])
    elif kind == "wrap":
        parent[last] = [parent[last]] if what % 2 else {"value": parent[last]}
    else:
        parent[last], parent[next(iter(parent)) if isinstance(parent, dict) else 0] = (
            parent[next(iter(parent)) if isinstance(parent, dict) else 0], parent[last],
        )  # fmt: skip
    return document


def tabular(kind: str, document: Any) -> Any:
    """Tables and pages are written from rows: what is no row any more has no place in them."""
    if kind == "json":
        return document
    rows = document.get("items") if kind == "xml" and isinstance(document, dict) else document
    rows = rows if isinstance(rows, list) else []
    kept = [{str(n): v for n, v in row.items()} for row in rows if isinstance(row, dict)]
    if kind == "xml":
        named = [
            {n: str(v).encode("ascii", "xmlcharrefreplace").decode() for n, v in row.items()} for row in kept
        ]
        return {"items": named, "next": ""}
    if kind == "html":
        return [row | {"gpu": row.get("gpu", "")} for row in kept]
    return kept


def damaged(body: bytes, cut: int) -> bytes:
    """The bytes themselves cut short, or one of them flipped."""
    at = cut % max(len(body), 1)
    return body[:at] if cut % 2 or not body else body[:at] + bytes([body[at] ^ 0x5A]) + body[at + 1 :]


def assert_told(result: Any, provider: str) -> None:
    """A verdict in one line that begins with the provider, and no bug behind it."""
    assert result.status in {"ok", "failed"}
    assert "unexpected" not in result.message, result.message
    assert "deadline" not in result.message
    assert result.message.startswith((f"{provider}:", f"{provider}."))
    assert "\n" not in result.message
    assert (result.status == "ok") == bool(result.offers)


def assert_sound(offer: Any, today: date) -> None:
    for figure in (offer.usd_per_hour, offer.usd_per_gpu_hour, offer.gpu_count):
        assert isinstance(figure, float)
        assert math.isfinite(figure)
        assert figure > 0
    assert 0.05 <= offer.usd_per_gpu_hour <= 50
    assert offer.usd_per_hour == pytest.approx(offer.usd_per_gpu_hour * offer.gpu_count, rel=1e-3)
    assert offer.gpu in load_gpus()
    assert offer.currency in load_rates()
    assert offer.term in TERMS
    assert offer.as_of is None or date.fromisoformat(offer.as_of) <= today + timedelta(days=1)
    row = to_row(offer)
    assert all(cell.isprintable() for cell in row)
    assert parse_offer(dict(zip(COLUMNS, row, strict=True)), where="round trip") == offer


def test_no_mutation_of_an_answer_crashes_hangs_or_slips_a_bad_row_through(case: Any, kit: Any) -> None:
    bodies: dict[str, tuple[str, bytes]] = {}
    outcomes: Counter[str] = Counter()
    asked = 0

    def serve(request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        if request.method == "HEAD":
            return httpx.Response(200, headers={"Date": "Sat, 22 Aug 2026 10:00:00 GMT"})
        content_type, body = bodies.get(request.url.path, ("text/plain", b""))
        status = 200 if request.url.path in bodies else 404
        return httpx.Response(status, stream=httpx.ByteStream(body), headers={"Content-Type": content_type})

    change = st.tuples(st.sampled_from(CHANGES), st.integers(0, 4000), st.integers(0, 4000))
    fetcher = Fetcher(
        transport=httpx.MockTransport(serve), limits=Limits(max_pages=30), sleep=lambda seconds: None
    )

    @settings(
        max_examples=EXAMPLES.get(case.provider, SHARE), deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(changes=st.lists(change, min_size=1, max_size=3), cut=st.integers(0, 100_000))
    def survives(changes: list[Change], cut: int) -> None:
        nonlocal asked
        documents = case.fresh()
        main = min(documents, key=lambda path: documents[path] is not case.rows(documents))
        for kind, where, what in changes:
            path = main if where % 2 else list(documents)[what % len(documents)]
            try:
                documents[path] = changed(documents[path], (kind, where // 2, what))
            except (TypeError, KeyError, AttributeError, IndexError):
                documents[path] = junk(what)
        for damage in (None, cut):
            bodies.clear()
            for path, document in documents.items():
                kind = case.kinds[path]
                content_type, body = kit.samples.render(kind, tabular(kind, document))
                bodies[path] = (content_type, body if damage is None else damaged(body, damage))
            asked = 0
            (result,) = refresh([PROVIDERS[case.provider]], fetcher=fetcher, env=case.env, today=kit.today)
            assert asked < 250
            assert_told(result, case.provider)
            outcomes.update((result.status, *(["held"] if result.quarantined else [])))
            for offer in result.offers:
                assert_sound(offer, kit.today)

    with fetcher:
        survives()
    # the test would be empty if nothing came through, or nothing was stopped
    assert min(outcomes[name] for name in ("ok", "failed", "held")) > 0.03 * outcomes.total(), outcomes


def test_the_mutations_are_ten_thousand_together() -> None:
    assert ANSWERS * sum(EXAMPLES.get(name, SHARE) for name in PROVIDERS) >= 10_000
