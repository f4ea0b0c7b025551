"""Which kernel variants a plan may run, and what stands in where none of them was measured.

`open`: source under an OSI licence. `portable`: the same source on two vendors' hardware. Where no
measured variant of an op qualifies, our own variant stands in at a published or measured ratio to the
fastest one, basis `transferred`: a plan is never infeasible for this reason alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import numpy as np

from planner.kernels.registry import StandIn, load_stand_ins, load_variants
from planner.profiles.basis import TRANSFERRED
from planner.profiles.block import Block

if TYPE_CHECKING:
    from planner.estimate.optimes import Timing

LOOSER = {"portable": "open"}  # what is portable is open; what is open is no more than `any`, the fastest
DEFAULT_RATIO = 1.5  # time over the fastest measured variant where the table of stand-ins has no row


@dataclass(frozen=True, slots=True)
class Admissible:
    """A rule on kernels: `any`, `open` or `portable`."""

    rule: str = "any"
    _stand_ins: dict[tuple[str, str], StandIn | None] = field(default_factory=dict, repr=False, compare=False)

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

        fastest, stand_in = best(blocks), self.stand_in(op, dtype)
        seconds = fastest.seconds * max(1.0, stand_in.ratio if stand_in else DEFAULT_RATIO)
        if self.rule in LOOSER:
            looser = Admissible(LOOSER[self.rule])
            seconds = np.maximum(seconds, looser.choose(op, dtype, blocks, best).seconds)
        name = stand_in.variant if stand_in else "planner_triton"
        return Timing(op, name, seconds, np.full_like(fastest.basis, TRANSFERRED))

    def stand_in(self, op: str, dtype: str) -> StandIn | None:
        """Our own variant of `op` for this rule, if the table has one for the dtype."""
        key = (op, dtype)
        if key not in self._stand_ins:
            rows = [s for s in load_stand_ins() if fnmatchcase(op, s.op) and s.rule in (self.rule, "*")]
            exact = [s for s in rows if fnmatchcase(dtype, s.dtype)]
            self._stand_ins[key] = next(iter(exact or rows), None)
        return self._stand_ins[key]
