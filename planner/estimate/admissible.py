"""Which kernel variants a plan may run, and what stands in where none of them was measured.

`open`: source under an OSI licence. `portable`: the same source on two vendors' hardware. Where no
measured variant of an op qualifies, our own variant stands in at a published or measured ratio to the
fastest one, basis `transferred`: a plan is never infeasible for this reason alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from planner.kernels.registry import load_variants, stand_in
from planner.profiles.basis import TRANSFERRED
from planner.profiles.block import Block

if TYPE_CHECKING:
    from planner.estimate.optimes import Timing

LOOSER = {"portable": "open"}  # what is portable is open; what is open is no more than `any`, the fastest
# Time over the fastest variant for an op without a row in stand_ins.csv. An assumption, above the bf16 matrix product's
# 1.3; none of the ops an estimate asks for today lacks a row (the wide expert-parallel ones do).
DEFAULT_RATIO = 1.5


@dataclass(frozen=True, slots=True)
class Admissible:
    """A rule on kernels: `any`, `open` or `portable`."""

    rule: str = "any"

    def allows(self, variant: str) -> bool:
        """Whether the named variant may run."""
        return self.rule == "any" or bool(getattr(load_variants()[variant], self.rule))

    def choose(
        self, op: str, dtype: str, blocks: Sequence[Block], best: Callable[[Sequence[Block]], Timing]
    ) -> Timing:
        """The best timing over the admissible blocks, or a stand-in for the best of all.

        A stand-in is never faster than what it replaces, nor than what a looser rule allows (open NCCL bounds a
        portable stand-in of a closed all-reduce): a restriction cannot lower the cost.
        """
        allowed = [b for b in blocks if self.allows(b.variant)]
        if allowed:
            return best(allowed)
        from planner.estimate.optimes import Timing

        ours = stand_in(op, dtype=dtype, rule=self.rule)
        fastest = best(blocks)
        seconds = fastest.seconds * max(1.0, ours.ratio if ours else DEFAULT_RATIO)
        if self.rule in LOOSER:
            looser = Admissible(LOOSER[self.rule])
            seconds = np.maximum(seconds, looser.choose(op, dtype, blocks, best).seconds)
        name = ours.variant if ours else "planner_triton"
        return Timing(op, name, seconds, np.full_like(fastest.basis, TRANSFERRED))
