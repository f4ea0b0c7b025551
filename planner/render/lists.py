"""The listings of the command line: which columns a reader wants of each kind of row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from planner.render.listing import Listing, Shown
from planner.render.words import plural

if TYPE_CHECKING:
    from planner.kernels.cards import Card
    from planner.kernels.registry import Variant
    from planner.profiles.block import Block

MOST_ON_A_PAGE = 50


def variants(found: Iterable[Variant]) -> Listing:
    """Kernel variants."""
    rows = tuple(found)
    columns = (
        Shown("Variant", lambda v: v.name, whole=True),
        Shown("Ops", lambda v: ", ".join(v.ops)),
        Shown("Engines", lambda v: ", ".join(v.engines)),
        Shown("Licence", lambda v: v.licence),
        Shown("Open", lambda v: _yes(v.open)),
        Shown("Portable", lambda v: _yes(v.portable)),
        Shown("Runs on", lambda v: ", ".join(v.vendors)),
    )
    return Listing(
        plural(len(rows), "kernel variant"), rows, columns, () if rows else ("no variant matches",)
    )


def runnable(found: Iterable[Card]) -> Listing:
    """Kernel variants that can be run."""
    rows = tuple(found)
    return Listing(
        plural(len(rows), "runnable kernel variant"), rows, _CARD, () if rows else ("no variant matches",)
    )


def runnable_one(card: Card) -> Listing:
    """One of them, with everything its manifest says and what it compiled to."""
    facts = (
        ("computes", card.summary),
        ("by", f"{card.author}, {card.licence}{'' if card.open else ' (not open)'}"),
        ("origin", card.origin),
        ("language", card.language),
        (
            "runs on",
            f"{', '.join(card.backends)}; {', '.join(card.dtypes)}; {', '.join(card.layouts)} tensors",
        ),
        ("needs", ", ".join(card.needs)),
        ("here", card.missing or "nothing is missing"),
        ("tunables", _tunables(card.config)),
        *((f"tunables, {where}", _tunables(changed)) for where, changed in card.config_for.items()),
        ("in the reviewed registry", card.registry),
        ("sources", ", ".join(card.sources)),
        ("sha256", card.sha256),
    )
    compiled = (
        f"{b.target} {b.dtype} {b.kernel}: {b.registers} registers, {b.spill_bytes} bytes spilled, "
        f"{b.shared_bytes / 1024:.0f} KiB shared"
        for b in card.compiled
    )
    notes = (*(f"{name}: {value}" for name, value in facts if value), *compiled)
    return Listing(f"{card.name} {card.version}", (card,), _CARD, notes)


def _tunables(config: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in config.items())


_CARD = (
    Shown("Variant", lambda c: c.name, whole=True),
    Shown("Op", lambda c: c.op, whole=True),
    Shown("Role", lambda c: c.role),
    Shown("Dtypes", lambda c: ", ".join(c.dtypes)),
    Shown("Runs on", lambda c: ", ".join(c.backends)),
    Shown("Licence", lambda c: c.licence),
    Shown("Compiled for", lambda c: str(len(c.targets)) if c.targets else "", right=True),
)


def blocks(found: Iterable[Block]) -> Listing:
    """Measured op tables."""
    rows = tuple(found)
    columns = (
        Shown("System", lambda b: b.system, whole=True),
        Shown("Op", lambda b: b.op, whole=True),
        Shown("Engine", lambda b: f"{b.engine} {b.engine_version}".strip()),
        Shown("Variant", lambda b: b.variant),
        Shown("Dtype", lambda b: " / ".join(x for x in (b.dtype, b.kv_dtype) if x)),
        Shown("Detail", lambda b: ", ".join(value for _, value in b.detail)),
        Shown("Rows", lambda b: f"{b.rows_source:,}", right=True),
        Shown("Remarks", lambda b: ", ".join(b.quality)),
        Shown("As of", lambda b: b.as_of or "undated"),
    )
    title = f"{plural(len(rows), 'op table')}, {plural(len({b.system for b in rows}), 'system')}"
    return Listing(title, rows, columns, () if rows else ("no table matches",), MOST_ON_A_PAGE)


def checks(found: Iterable[Any], *, healthy: bool) -> Listing:
    """What `doctor` saw: name, state, detail and what to do."""
    columns = (
        Shown("Check", lambda c: c.name, whole=True),
        Shown("State", lambda c: c.state, whole=True),
        Shown("Found", lambda c: c.found),
        Shown("To do", lambda c: c.remedy),
    )
    title = "Ready to plan" if healthy else "Something the planner needs is missing"
    return Listing(title, tuple(found), columns)


def _yes(value: bool) -> str:
    return "yes" if value else "no"
