"""Which kernel variants a plan may run, and what stands in where none of them was measured.

`open`: source under an OSI licence. `portable`: the same source on two vendors' hardware. Where no
measured variant of an op qualifies, our own variant stands in at a published or measured ratio to the
fastest one, basis `transferred`: a plan is never infeasible for this reason alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from planner.kernels.registry import load_variants, stand_in
from planner.profiles.basis import TRANSFERRED
from planner.profiles.block import Block

if TYPE_CHECKING:
    from planner.estimate.optimes import Timing

BY_FORMAT = frozenset({"gemm", "moe"})
"""Ops that one model runs in several formats, each with kernels of its own."""
LOOSER = {"portable": "open"}  # what is portable is open; what is open is no more than `any`, the fastest
# Time over the fastest variant for an op without a row in stand_ins.csv. An assumption, above the bf16 matrix product's
# 1.3; none of the ops an estimate asks for today lacks a row (the wide expert-parallel ones do).
DEFAULT_RATIO = 1.5


@dataclass(frozen=True, slots=True)
class Admissible:
    """A rule on kernels: `any`, `open` or `portable`, and what a comparison changes about the choice.

    `without` may not run; where a variant of `forced` could run an op, nothing else may; `faster` variants take
    1/ratio of their time.
    """

    rule: str = "any"
    without: frozenset[str] = frozenset()
    forced: frozenset[str] = frozenset()
    faster: tuple[tuple[str, float], ...] = ()

    @property
    def named(self) -> frozenset[str]:
        """Variants that the comparison is about."""
        return self.without | self.forced | {name for name, _ in self.faster}

    def allows(self, variant: str, op: str = "") -> bool:
        """Whether the named variant may run (the op)."""
        if variant in self.without or not self._forced_on(op) <= {variant}:
            return False
        return self.rule == "any" or bool(getattr(load_variants()[variant], self.rule))

    def ratio(self, variant: str) -> float:
        """How many times faster than measured the variant is taken to be."""
        return next((ratio for name, ratio in self.faster if name == variant), 1.0)

    def _forced_on(self, op: str) -> frozenset[str]:
        return frozenset(name for name in self.forced if op in load_variants()[name].ops)

    def choose(
        self, op: str, dtype: str, blocks: Sequence[Block], best: Callable[[Sequence[Block]], Timing]
    ) -> Timing:
        """The best timing over the admissible blocks, or a stand-in for the best of all.

        A stand-in is never faster than what it replaces, nor than what a looser rule allows (open NCCL bounds a
        portable stand-in of a closed all-reduce): a restriction cannot lower the cost.
        """
        allowed = [b for b in blocks if self.allows(b.variant, op)]
        if allowed:
            return best(allowed)
        from planner.estimate.optimes import NoTableError, Timing

        if self._forced_on(op) and op in BY_FORMAT:
            return replace(self, forced=frozenset()).choose(op, dtype, blocks, best)
        if self._forced_on(op):
            raise NoTableError(f"{op}: {' '.join(sorted(self._forced_on(op)))} is not measured here")

        ours = stand_in(op, dtype=dtype, rule="open" if self.rule == "any" else self.rule)
        fastest = best(blocks)
        name = ours.variant if ours else "planner_triton"
        seconds = fastest.seconds * max(1.0, (ours.ratio if ours else DEFAULT_RATIO) / self.ratio(name))
        if self.rule in LOOSER:
            looser = replace(self, rule=LOOSER[self.rule])
            seconds = np.maximum(seconds, looser.choose(op, dtype, blocks, best).seconds)
        return Timing(op, name, seconds, np.full_like(fastest.basis, TRANSFERRED))
