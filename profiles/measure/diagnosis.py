"""Is an output right, and if not, what does its wrongness look like?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from planner.kernels.arrays import Errors, as_numpy, errors, is_torch
from planner.kernels.definition import Op, Shape
from planner.profiles.measure.buffers import same_bits, unwritten_share
from planner.profiles.measure.findings import Finding

EAGER_FACTOR = 2.0
"""A low-precision kernel may be this many times as wrong as torch eager at the same dtype."""
PRECISIONS = ("fp32", "tf32", "fp16", "bf16", "fp8")
"""From fine to coarse."""
BAND = 4.0
"""How far beyond a coarser precision's tolerance still looks like that precision."""


@dataclass(frozen=True, slots=True)
class Case:
    """What is asked of a kernel."""

    op: Op
    shape: Shape
    dtype: str

    @property
    def key(self) -> str:
        """Op, dtype and shape as text."""
        return f"{self.op.name} {self.dtype} {self.op.key(self.shape)}"


@dataclass(frozen=True, slots=True)
class Known:
    """An answer that would be right elsewhere: found again, it tells how the kernel cheats."""

    finding: str
    detail: str
    answers: Mapping[str, Any]
    own: bool = False
    """Whether it is the kernel's own earlier output, to the bit."""


@dataclass(slots=True)
class Worst:
    """The largest errors seen so far."""

    norm: float = 0.0
    max_abs: float = 0.0
    max_rel: float = 0.0
    matched_share: float = 1.0
    seeds: set[int] = field(default_factory=set)

    def take(self, e: Errors) -> None:
        """Count one comparison."""
        self.norm, self.max_abs = max(self.norm, e.norm), max(self.max_abs, e.max_abs)
        self.max_rel = max(self.max_rel, e.max_rel)
        self.matched_share = min(self.matched_share, e.matched_share)


def allowed(case: Case, name: str, eager: float | None) -> float:
    """Norm-wise error an output may have: the op's tolerance, or twice torch eager's error at this dtype."""
    return max(case.op.tolerances(case.dtype, case.shape)[name].norm, EAGER_FACTOR * (eager or 0.0))


def distance(output: Any, reference: Any) -> float:
    """||out - ref|| / ||ref|| where the arrays are; NaN where anything is not finite: look closer then."""
    if output.shape != reference.shape:
        return float("nan")
    if is_torch(output):
        wide = reference.double()
        return float((output.double() - wide).norm() / wide.norm())
    away = np.asarray(output, np.float64) - reference
    size = float(np.linalg.norm(reference))
    return float(np.linalg.norm(away)) / size if size else float("nan")


def judge(
    case: Case, outputs: Mapping[str, Any], reference: Mapping[str, Any], *, known: Iterable[Known] = (),
    eager: float | None = None, worst: Worst | None = None, slack: float = 1.0,
) -> Finding | None:  # fmt: skip
    """None when every output is right, else the finding that fits best; `slack` widens the tolerance."""
    known = tuple(known)
    for tensor in case.op.outputs(case.shape):
        name, dtype = tensor.name, tensor.dtype_for(case.dtype)
        limit, most = case.op.tolerances(case.dtype, case.shape)[name], slack * allowed(case, name, eager)
        if (worst is None or worst.seeds) and (quick := distance(outputs[name], reference[name])) <= most:
            if worst is not None:
                worst.norm = max(worst.norm, quick)
            continue
        found = errors(outputs[name], reference[name], rtol=limit.rtol, atol=limit.atol, dtype=dtype)
        if found.norm <= most:
            if worst is not None:
                worst.take(found)
            continue
        return _named(case, name, outputs[name], reference[name], found, known)
    return None


def _named(
    case: Case, name: str, output: Any, reference: Any, found: Errors, known: tuple[Known, ...]
) -> Finding:
    empty = unwritten_share(output)
    if empty >= 1:
        return Finding("no_op", f"{name} still holds the poison")
    if empty > 0:
        return Finding("partial_output", f"{empty:.0%} of {name} was never written")
    for answer in known:
        if name in answer.answers and _is(case, name, output, answer):
            return Finding(answer.finding, answer.detail)
    rows = _rows_right(output, reference, found.norm)
    if 0 < rows < 1:
        return Finding("partial_output", f"{rows:.0%} of the rows of {name} are right, the others are not")
    coarser = _looks_like(case, name, found.norm)
    if coarser:
        return Finding("precision_downgrade", f"error {found.norm:.2g} of {name} is that of {coarser}")
    return Finding(
        "wrong_answer", f"error {found.norm:.2g} of {name} where {allowed(case, name, None):.2g} is allowed"
    )


def _is(case: Case, name: str, output: Any, answer: Known) -> bool:
    held = answer.answers[name]
    if answer.own:
        return same_bits(output, held)
    return errors(output, held, dtype=case.dtype).norm <= allowed(case, name, None)


def _rows_right(output: Any, reference: Any, norm: float) -> float:
    """Share of first-axis rows that are right to a hundredth of the whole error."""
    got, want = as_numpy(output).astype(np.float64), as_numpy(reference).astype(np.float64)
    if got.ndim < 2 or got.shape != want.shape:
        return 0.0
    got, want = got.reshape(len(got), -1), want.reshape(len(want), -1)
    with np.errstate(invalid="ignore"):
        away = np.linalg.norm(got - want, axis=1)
    return float(np.mean(away <= 0.01 * min(norm, 1.0) * np.maximum(np.linalg.norm(want, axis=1), 1e-30)))


def _looks_like(case: Case, name: str, norm: float) -> str | None:
    """The finest coarser precision whose tolerance this error would meet."""
    own = PRECISIONS.index(case.dtype) if case.dtype in PRECISIONS else len(PRECISIONS)
    typical = {"tf32": 1e-3, "fp16": 1e-3, "bf16": 8e-3, "fp8": 6e-2}
    for precision in PRECISIONS[own + 1 :]:
        if norm <= BAND * max(case.op.norm.get(precision, 0.0), typical[precision]):
            return precision
    return None
