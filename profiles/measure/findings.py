"""What can be caught, by name. A finding is a reason not to believe a kernel's time, or not yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

CAUGHT: Mapping[str, str] = MappingProxyType({
    "wrong_answer": "outputs differ from the fp64 answer",
    "no_op": "nothing was written",
    "no_op_after_first": "wrote its outputs at first, and nothing later",
    "partial_output": "only some of the output was computed",
    "replayed_output": "the answer to other inputs was handed out again",
    "cached_by_pointer": "the answer to what the same buffers held before",
    "cached_by_content": "answers are remembered by (part of) what the inputs hold",
    "late_output": "outputs changed after the call had returned",
    "other_stream": "work was left on a stream or thread nobody waited for",
    "hidden_worker": "threads or processes kept working after the call",
    "stale_reference": "a reference answer of an earlier trial was handed out",
    "patched_timer": "the clock it was timed with does not agree with the witness",
    "tampered_harness": "clocks, the harness or the op's definition were changed",
    "changed_switches": "global switches of the libraries were changed",
    "rebound_output": "output buffers were replaced or aliased instead of filled",
    "input_mutated": "inputs were written to",
    "precision_downgrade": "as wrong as a lower precision would be",
    "wrong_dtype_inside": "breaks on large values that its dtype can hold",
    "assumes_contiguous": "right on contiguous inputs only",
    "shape_special_case": "right at the announced shape, wrong beside it",
    "differs_when_timed": "right when checked, wrong when timed",
    "vendor_fallback": "calls the vendor's kernel while claiming to be another",
    "raised": "raised an error",
    "implausible": "faster than the hardware allows",
})  # fmt: skip
"""Findings that make a kernel INCORRECT (or IMPLAUSIBLE); its time is not kept."""
SUSPECT: Mapping[str, str] = MappingProxyType({
    "quarantine": "more than twice as fast as the best vendor variant: to be reviewed",
    "uses_streams": "the source creates streams",
    "uses_threads": "the source creates threads or processes",
    "touches_timers": "the source names the harness or a clock",
    "keeps_pointers": "the source looks at addresses of buffers",
    "subclasses_tensor": "the source defines a tensor subclass",
    "looks_around": "the source looks at the call stack or at foreign objects",
})  # fmt: skip
"""Findings that keep trust at 1 until a person has looked."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing caught."""

    name: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.detail or {**CAUGHT, **SUSPECT}[self.name]}"

    @property
    def caught(self) -> bool:
        """Whether it disqualifies, rather than asks for a look."""
        return self.name in CAUGHT
