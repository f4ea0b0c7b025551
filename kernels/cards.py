"""What a reader wants to know of a runnable variant, in one record without paths of this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from planner.kernels.compiled import load_compiled
from planner.kernels.loading import manifest, unavailable, variants
from planner.kernels.manifests import Manifest
from planner.kernels.reference import op as op_named


@dataclass(frozen=True, slots=True)
class Binary:
    """One kernel compiled for one target."""

    target: str
    dtype: str
    kernel: str
    registers: int
    spill_bytes: int
    shared_bytes: int
    config: str


@dataclass(frozen=True, slots=True)
class Card:
    """A variant that can be run and measured."""

    name: str
    op: str
    summary: str
    version: str
    role: str
    language: str
    dtypes: tuple[str, ...]
    backends: tuple[str, ...]
    targets: tuple[str, ...]
    layouts: tuple[str, ...]
    licence: str
    open: bool
    author: str
    origin: str
    needs: tuple[str, ...]
    missing: str | None
    """Why it cannot be tried here, as far as can be told without importing anything; None when nothing is missing."""
    deterministic: bool
    destination_passing: bool
    isolated: bool
    config: dict[str, Any]
    config_for: dict[str, Any]
    registry: str
    sources: tuple[str, ...]
    sha256: str
    compiled: tuple[Binary, ...]


def _card(variant: Manifest) -> Card:
    same = ("name", "op", "version", "role", "language", "dtypes", "backends", "targets", "layouts", "licence",
            "open", "author", "origin", "needs", "deterministic", "destination_passing", "isolated", "registry",
            "sources", "sha256")  # fmt: skip
    missing = [unavailable(variant, backend) for backend in variant.backends]
    return Card(
        **{name: getattr(variant, name) for name in same},
        summary="; ".join(x for x in (op_named(variant.op).summary, variant.summary) if x),
        missing=missing[0],
        config=dict(variant.config),
        config_for={key: dict(value) for key, value in variant.config_for.items()},
        compiled=tuple(
            Binary(r.target, r.dtype, r.kernel, r.registers, r.spill_bytes, r.shared_bytes, r.config)
            for r in load_compiled()
            if r.variant == variant.name and r.sha256 == variant.sha256[:16]
        ),
    )


def cards(op: str | None = None) -> tuple[Card, ...]:
    """The variants of an op, or all, in the order of their manifests.

    >>> [card.name for card in cards("copy")][:2]
    ['numpy_copy', 'torch_compile_copy']
    """
    return tuple(_card(variant) for variant in variants(op))


def card(name: str) -> Card:
    """The variant of this name; raises `KernelError` with the nearest names when there is none."""
    return _card(manifest(name))
