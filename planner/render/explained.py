"""An estimate taken apart, as a page: settings, bytes, step, TPOT and TTFT, each part with what it is made of."""

from __future__ import annotations

from collections.abc import Iterable

from planner.records import Bytes, Explanation, StepTerm, TimeTerm
from planner.render.document import Column, Document, Grid, Paragraph, section
from planner.render.speed import estimate_page
from planner.render.words import number

MIB, GIB = 2.0**20, 2.0**30


def explanation_page(x: Explanation) -> Document:
    """The estimate's page and, below it, where its numbers come from."""
    fits = "not known" if x.requests_that_fit is None else number(x.requests_that_fit)
    held = sum(b.bytes for b in x.cache_per_request)
    return (
        *estimate_page(x.estimate),
        *section("Settings", _settings(x)),
        *section("Weights of one GPU", _bytes(x.weights, GIB, "GiB")),
        *section(
            f"KV cache of one request, {number(x.cache_tokens)} tokens, on one GPU",
            _bytes(x.cache_per_request, MIB, "MiB"),
        ),
        Paragraph(
            f"{number(x.requests_in_cache)} requests in the cache take {number(x.requests_in_cache * held / GIB)} GiB; "
            f"{fits} would fit."
        ),
        *section("Time per output token, ms", _times(x.tpot)),
        *section("Time to first token, ms", _times(x.ttft)),
        *section("One step, ms, before measured runs correct it", _step(x.step)),
    )


def _settings(x: Explanation) -> Grid:
    columns = (Column("Setting"), Column("Value"), Column("From"))
    rows = ((s.name, s.value, "stated" if s.stated else "assumed: the engine's default") for s in x.settings)
    return Grid(columns, tuple(rows))


def _bytes(parts: Iterable[Bytes], unit: float, name: str) -> Grid:
    rows = [(p.name, number(p.bytes / unit), p.made_of) for p in parts]
    total = sum(p.bytes for p in parts)
    return Grid((Column("What"), Column(name, right=True), Column("Made of")),
                (*rows, ("total", number(total / unit), f"{total:,.0f} bytes")))  # fmt: skip


def _times(terms: Iterable[TimeTerm]) -> Grid:
    rows = [(t.name, number(t.physics_ms), number(t.ms), t.made_of) for t in terms]
    total = ("total", number(sum(t.physics_ms for t in terms)), number(sum(t.ms for t in terms)), "")
    columns = (
        Column("Term"),
        Column("Physics", right=True),
        Column("Calibrated", right=True),
        Column("Made of"),
    )
    return Grid(columns, (*rows, total))


def _step(terms: Iterable[StepTerm]) -> Grid:
    columns = (
        Column("Phase"), Column("Call"), Column("Variant"), Column("Times", right=True), Column("ms", right=True),
        Column("Basis"),
    )  # fmt: skip
    rows: list[tuple[str, ...]] = []
    for phase in ("decode", "prefill"):
        mine = sorted((t for t in terms if t.phase == phase), key=lambda t: -t.ms)
        rows += [(t.phase, t.name, t.variant, f"{t.calls:,}", number(t.ms), t.basis) for t in mine]
        rows.append((phase, "total", "", "", number(sum(t.ms for t in mine)), ""))
    return Grid(columns, tuple(rows))
