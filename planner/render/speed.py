"""An estimate as a page: the configuration, what is predicted, where the memory and the time go."""

from __future__ import annotations

from planner.records import Estimate, MemoryGib
from planner.render.document import Bullets, Column, Document, Facts, Grid, Paragraph, section
from planner.render.words import interval, number, percent

PREDICTED = (
    ("Time to first token, ms", "ttft_ms"),
    ("  of which the server, ms", "server_ttft_ms"),
    ("Time per output token, ms", "tpot_ms"),
    ("Output tokens/s", "output_tokens_per_s"),
    ("Requests/s", "requests_per_s"),
    ("Power, W", "power_w"),
)
"""Rows of the table: what a reader calls it, and the field."""


def estimate_page(e: Estimate) -> Document:
    """The page of one estimate; rates are per replica."""
    engine = f"{e.engine} {e.engine_version or ''}".strip()
    runs = f"{engine}, {e.weight_precision} weights, {e.kv_precision} KV"
    title = f"{e.model} on {e.gpus_per_replica} x {e.gpu} ({e.layout}), {runs}"
    return (
        Paragraph(title, strong=True),
        *section("Predicted per replica", _predicted(e)),
        *section("Memory of one GPU, GiB", _memory(e.memory_gib)),
        *section("Where the time goes", _ops(e)),
        Paragraph(f"{percent(e.measured_share)} of the step time rests on measured or interpolated ops."),
        *section("Notes", Bullets(e.notes)),
    )


def _predicted(e: Estimate) -> Grid:
    columns = (
        Column(f"Quantity ({e.statistic})"),
        Column("Value, 80% interval", right=True),
        Column("Basis"),
    )
    rows = []
    for label, name in PREDICTED:
        quantity = getattr(e, name)
        rows.append((label, interval(quantity), quantity.basis if quantity else ""))
    return Grid(columns, tuple(rows))


def _memory(m: MemoryGib) -> Facts:
    parts = ", ".join(
        f"{name} {number(getattr(m, name))}"
        for name in ("weights", "kv", "activations", "communication", "other")
    )
    return Facts((("Used", f"{number(m.total)} of {number(m.capacity)}"), ("Split", parts)))


def _ops(e: Estimate) -> Grid:
    columns = (Column("Phase"), Column("Op"), Column("Variant"), Column("Time", right=True), Column("Basis"))
    ranked = sorted(e.ops, key=lambda o: (o.phase, -o.time_share, o.op))
    return Grid(columns, tuple((o.phase, o.op, o.variant, percent(o.time_share), o.basis) for o in ranked))
