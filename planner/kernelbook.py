"""Public names about kernels: the reviewed ones that plans choose among, and those that can be run and measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planner.errors import check_known

if TYPE_CHECKING:
    from planner.kernels.cards import Card
    from planner.kernels.registry import Variant


def kernels(
    *, op: str | None = None, engine: str | None = None, open_only: bool = False, portable_only: bool = False
) -> tuple[Variant, ...]:
    """Kernel variants by op and name.

    Open: the source is published under an OSI licence. Portable: the same source runs on two vendors.
    """
    from planner.kernels.registry import load_variants

    variants = load_variants().values()
    check_known("op", [op] if op else None, {name for v in variants for name in v.ops})
    check_known("engine", [engine] if engine else None, {name for v in variants for name in v.engines})
    chosen = (
        v
        for v in variants
        if (op is None or op in v.ops)
        and (engine is None or engine in v.engines)
        and (v.open or not open_only)
        and (v.portable or not portable_only)
    )
    return tuple(sorted(chosen, key=lambda v: (v.op, v.name)))


def runnable_kernels(op: str | None = None) -> tuple[Card, ...]:
    """Variants that can be run and measured: ours, torch's, adapters, plugins; `op` as in `planner.kernels`.

    Raises `KernelError` for an op that is not defined.
    """
    from planner.kernels.cards import cards

    return cards(op)


def runnable_kernel(name: str) -> Card:
    """One of them: sources, hash, tunables, what it compiled to; `KernelError` suggests names near a wrong one."""
    from planner.kernels.cards import card

    return card(name)
