"""The correctness protocol: fresh secrets, poisoned outputs, fp64 afterwards, and probes for every known trick.

1. reference in fp64 from copies of the inputs, computed after the kernel has run; 2. norm-wise error, shape,
dtype, strides, NaN; 3. at least three fresh seeds, odd shapes, layouts, large and degenerate values; 4. outputs
are the harness's and poisoned, inputs compared bit by bit; 5. low precision against torch eager; 6. outputs of
the timed loop too (`timing`); 7. nothing may arrive late; 10. two runs on the same inputs compared.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from planner.kernels.arrays import as_numpy
from planner.kernels.definition import Arrays, Shape
from planner.kernels.errors import KernelError
from planner.kernels.loading import Runner, Unavailable
from planner.profiles.measure import guard
from planner.profiles.measure.buffers import (
    Call,
    assign,
    changed,
    clones,
    draw,
    identity,
    nudge,
    poison,
)  # fmt: skip
from planner.profiles.measure.diagnosis import Case, Known, Worst, judge
from planner.profiles.measure.findings import Finding
from planner.profiles.measure.protocol import Backend, seed_of
from planner.profiles.trace import Correctness

SEEDS = 3
SMALL_SHAPES = 3
"""Check shapes per cell, chosen by the secret."""
NEIGHBOUR_FLOPS = {"cpu": 3e9}
"""Above this much work a neighbour of the announced shape is not tried: it costs as much as the shape."""
COMPILES_S = 1.0
"""A first call this long compiles: every further shape costs as much, so one odd shape has to do."""
ILL_CONDITIONED = 10.0
"""Large and degenerate values amplify rounding (exp of large logits): there errors may be this many tolerances."""
VISIBLE = 10.0
"""A change of the answer counts where it is this many tolerances large."""
REFUSALS = (NotImplementedError, Unavailable)
OOM_WORDS = ("out of memory", "can't allocate", "cannot allocate")


_now = time.perf_counter


@dataclass(frozen=True, slots=True)
class Examined:
    """What the protocol found, and the wall seconds of the variant's first call: compiling, mostly."""

    correctness: Correctness
    findings: tuple[Finding, ...]
    first_s: float | None


class Refused(Exception):
    """The variant says it cannot do this; the message is its reason."""


@dataclass(slots=True)
class Examiner:
    """Puts one variant through the protocol at one case."""

    run: Callable[[Mapping[str, Any], Mapping[str, Any]], None]
    case: Case
    backend: Backend
    secret: str
    library: str
    layouts: tuple[str, ...] = ("contiguous",)
    eager: float | None = None
    everywhere: bool = True
    """Whether layouts, kinds of values and odd shapes are tried too: once per variant, dtype and session."""
    held: list[Call] = field(default_factory=list)
    """Nothing is freed meanwhile, so every call at the announced shape has addresses of its own."""
    known: list[Known] = field(default_factory=list)
    worst: Worst = field(default_factory=Worst)
    right_before: bool = False
    warmed: bool = False
    """Whether the shape at hand has been run before: nothing is compiled any more."""
    first_s: float | None = None

    def examine(self) -> Examined:
        """What was found; stops at the first thing that disqualifies."""
        findings: tuple[Finding, ...] = ()
        deterministic = None
        steps = (self._seeds, self._stale, *((self._shapes, self._kinds) if self.everywhere else ()))
        for step in steps:
            if findings := step():
                break
        else:
            deterministic = self._twice()
        worst = self.worst
        limits = self.case.op.tolerances(self.case.dtype, self.case.shape)
        return Examined(
            Correctness(
                reference="planner fp64", seeds=len(worst.seeds), err_norm=worst.norm, max_abs=worst.max_abs,
                max_rel=worst.max_rel, matched_share=worst.matched_share,
                tolerance=max(t.norm for t in limits.values()), deterministic=deterministic,
                eager_err_norm=self.eager, findings=tuple(map(str, findings)),
            ),
            findings, self.first_s,
        )  # fmt: skip

    def seed(self, *parts: object) -> int:
        """A seed of this run for this case."""
        return seed_of(self.secret, self.case.key, *parts)

    def fresh(
        self, *parts: object, shape: Shape | None = None, values: str = "normal", layout: str = "contiguous"
    ) -> Call:
        """Inputs nobody has seen, and poisoned outputs."""
        call = draw(
            self.case.op, shape or self.case.shape, self.case.dtype, self.seed(*parts), library=self.library,
            device=self.backend.place, values=values, layout=layout,
        )  # fmt: skip
        if shape is None:
            self.held.append(call)
        return call

    def answer(self, call: Call) -> tuple[tuple[Finding, ...], Arrays]:
        """Run once on watched buffers; findings about conduct, and a copy of the inputs as they were."""
        kept, was = clones(call.inputs), (identity(call.inputs), identity(call.outputs))
        inputs, outputs = dict(call.inputs), dict(call.outputs)
        before, start = guard.snapshot(), _now()
        try:
            self.run(inputs, outputs)
        except REFUSALS as error:
            raise Refused(_line(error)) from error
        except Exception as error:  # whatever foreign code raises is its finding
            if isinstance(error, MemoryError) or any(w in str(error).casefold() for w in OOM_WORDS):
                raise MemoryError(_line(error)) from error
            return (Finding("raised", _line(error)),), kept
        self.backend.finish()
        self.first_s = _now() - start if self.first_s is None else self.first_s
        early = clones(call.outputs)
        self.backend.settle()
        after = guard.snapshot()
        conduct = [*guard.tampering(before, after), *(guard.workers(before, after) if self.warmed else ())]
        conduct += self._conduct(call, kept, was, (inputs, outputs))
        if late := changed(early, call.outputs):
            name = "late_output" if self.backend.name == "cpu" else "other_stream"
            conduct.insert(0, Finding(name, f"{late[0]} changed after the call had returned"))
        return tuple(conduct), kept

    def _conduct(
        self, call: Call, kept: Arrays, was: tuple[Any, Any], given: tuple[Arrays, Arrays]
    ) -> list[Finding]:
        found = []
        if (identity(call.inputs), identity(call.outputs)) != was:
            found.append(
                Finding("rebound_output", "a buffer has another address, shape, strides or dtype than before")
            )
        elif (identity(given[0]), identity(given[1])) != was:
            found.append(Finding("rebound_output", "an entry of inputs or outputs was replaced"))
        if moved := changed(kept, call.inputs):
            found.append(Finding("input_mutated", f"{moved[0]} was written to"))
        return found

    def trial(
        self, call: Call, seed: int, *, shape: Shape | None = None, slack: float = 1.0
    ) -> tuple[Finding, ...]:
        """Run, then compare with the fp64 answer computed only now."""
        case = replace(self.case, shape=shape or self.case.shape)
        conduct, kept = self.answer(call)
        if any(f.name in ("raised", "rebound_output") for f in conduct):
            return conduct
        reference = case.op.reference(kept, case.shape)
        wrong = judge(
            case, call.outputs, reference, known=self.known if shape is None else (), eager=self.eager,
            worst=self.worst if slack == 1 else None, slack=slack,
        )  # fmt: skip
        wrong = wrong and self._in_time(wrong)
        if shape is None and not wrong:
            self._remember(call, reference)
        self.worst.seeds.add(seed)
        self.right_before |= not wrong
        return (*((wrong,) if wrong else ()), *conduct) if wrong and wrong.name != "wrong_answer" else (
            *conduct, *((wrong,) if wrong else ()))  # fmt: skip

    def _in_time(self, wrong: Finding) -> Finding:
        """Nothing written after something was: another name."""
        later = wrong.name == "no_op" and self.right_before
        return Finding("no_op_after_first", wrong.detail) if later else wrong

    def _remember(self, call: Call, reference: Arrays) -> None:
        self.known = [
            *self.known[-4:],
            Known(
                "replayed_output", "the answer of an earlier call, to the bit", clones(call.outputs), own=True
            ),
            Known("stale_reference", "the fp64 answer of an earlier trial", reference),
        ]

    def _seeds(self) -> tuple[Finding, ...]:
        """The announced shape on fresh inputs, each in fresh memory."""
        first: tuple[Call, Arrays] | None = None
        for n in range(SEEDS):
            call, self.warmed = self.fresh("seed", n), n > 0
            if found := self.trial(call, self.seed("seed", n)):
                return found
            first = first or (call, clones(call.outputs))
        if first and changed(first[1], first[0].outputs):
            return (Finding("late_output", "outputs of the first call changed during later calls"),)
        return ()

    def _stale(self) -> tuple[Finding, ...]:
        """The same buffers with all of their content changed, then with one element changed."""
        call = self.fresh("stale", 0)
        if found := self.trial(call, self.seed("stale", 0)):
            return found
        old = self.known[-1].answers
        for name, array in self.fresh("stale", 1).inputs.items():
            assign(call.inputs[name], array)
        detail = "new content in the same buffers made no difference"
        found, old = self._follows(call, old, "cached_by_pointer", detail)
        if found:
            return found
        nudge(call.inputs, np.random.default_rng(self.seed("nudge")))
        return self._follows(call, old, "cached_by_content", "one changed element made no difference")[0]

    def _follows(
        self, call: Call, old: Mapping[str, Any], name: str, detail: str
    ) -> tuple[tuple[Finding, ...], Arrays]:
        """Whether the answer follows a change of the inputs, looked at where the reference moved; and the new one."""
        poison(call.outputs)
        conduct, kept = self.answer(call)
        new = self.case.op.reference(kept, self.case.shape)
        if not conduct and _nearer(self.case, call.outputs, old, new):
            return (Finding(name, detail),), new
        known = (Known(name, detail, old), *self.known)
        wrong = judge(self.case, call.outputs, new, known=known, eager=self.eager, worst=self.worst)
        return (*((self._in_time(wrong),) if wrong else ()), *conduct), new

    def _kinds(self) -> tuple[Finding, ...]:
        """Layouts the variant declares, and values that are not N(0, 1), at a small shape."""
        small = self._small()
        shape, self.warmed = next((s for s in small if min(s.values()) > 1), small[0]), False
        for layout in self.layouts:
            if layout == "contiguous":
                continue
            found = self.trial(self.fresh(layout, shape=shape, layout=layout), self.seed(layout), shape=shape)
            if found and found[0].name != "raised":  # a loud refusal misleads nobody
                return _instead(found, "assumes_contiguous", f"wrong on {layout} inputs: ")
        for values in ("large", "constant_rows", "one_hot"):
            call = self.fresh(values, shape=shape, values=values)
            if found := self.trial(call, self.seed(values), shape=shape, slack=ILL_CONDITIONED):
                name = "wrong_dtype_inside" if values == "large" else "wrong_answer"
                return _instead(found, name, f"wrong on {values} inputs: ")
        return ()

    def _shapes(self) -> tuple[Finding, ...]:
        """Odd shapes, and one neighbour of the announced shape."""
        self.warmed = False
        for n, shape in enumerate((*self._small(), *self._neighbour())):
            try:
                found = self.trial(self.fresh("shape", n, shape=shape), self.seed("shape", n), shape=shape)
            except (Refused, KernelError):
                continue
            if found and not all(f.name == "raised" for f in found):
                return _instead(found, "shape_special_case", f"at {self.case.op.key(shape)}: ")
        return ()

    def _small(self) -> list[Shape]:
        shapes = list(self.case.op.check_shapes)
        lot = np.random.default_rng(self.seed("shapes")).permutation(len(shapes))
        order = sorted(lot, key=lambda i: min(shapes[i].values()) == 1)  # a row alone shows little
        compiles = self.first_s is not None and self.first_s > COMPILES_S
        return [shapes[i] for i in order[: 1 if compiles else SMALL_SHAPES]]

    def _neighbour(self) -> list[Shape]:
        op, shape = self.case.op, self.case.shape
        if op.flops(shape) > NEIGHBOUR_FLOPS.get(self.backend.name, 1e12):
            return []
        axes = [a for a in op.axes if shape[a] > 2]
        np.random.default_rng(self.seed("neighbour")).shuffle(axes)
        near: list[Shape] = [{**shape, axis: shape[axis] - 1} for axis in axes]
        return [s for s in near if not op.rules(s)][:1]

    def _twice(self) -> bool:
        """Whether two runs on the same inputs agree to the bit."""
        call = self.fresh("twice")
        self.run(dict(call.inputs), dict(call.outputs))
        self.backend.settle()
        first = clones(call.outputs)
        poison(call.outputs)
        self.run(dict(call.inputs), dict(call.outputs))
        self.backend.settle()
        return not changed(first, call.outputs)


def _nearer(case: Case, outputs: Mapping[str, Any], old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether outputs are nearer to the old answer than to the new one, where the two differ by more than rounding."""
    votes = []
    for name, limit in case.op.tolerances(case.dtype, case.shape).items():
        was, now, got = (as_numpy(arrays[name]).astype(np.float64) for arrays in (old, new, outputs))
        size = float(np.sqrt(np.mean(np.square(now)))) if now.size else 0.0
        moved = np.abs(was - now) > VISIBLE * limit.norm * np.maximum(np.abs(now), size)
        if moved.any() and np.isfinite(got[moved]).all():
            away = np.abs(got[moved] - now[moved]).sum(), np.abs(got[moved] - was[moved]).sum()
            votes.append(bool(away[0] > away[1]))
    return bool(votes) and all(votes)


def _instead(found: tuple[Finding, ...], name: str, detail: str) -> tuple[Finding, ...]:
    """A wrong answer under a name that says when it is wrong; other findings keep theirs."""
    general = ("wrong_answer", "precision_downgrade", "partial_output", "no_op", "no_op_after_first")
    return tuple(Finding(name, detail + f.detail) if f.name in general else f for f in found)


def _line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


def examine(
    run: Runner,
    case: Case,
    backend: Backend,
    *,
    secret: str,
    eager: float | None = None,
    everywhere: bool = True,
) -> Examined:
    """The protocol on a loaded variant; raises `Refused` and `MemoryError` where it never gets to an answer."""
    m = run.manifest
    return Examiner(run, case, backend, secret, m.arrays, m.layouts, eager, everywhere).examine()
