"""Is a variant right? Every check shape, dtype, layout and kind of values of its op, against fp64.

The timing harness has its own, longer protocol; this one is for machines without a GPU, where shapes are small.
`python -P -m planner.kernels.correctness VARIANT ...` prints one JSON line per variant: the way to look at a
variant in a child process, or in Triton's interpreter (`TRITON_INTERPRET=1`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice, product
from pathlib import Path

from planner.kernels.arrays import as_numpy, errors
from planner.kernels.definition import Arrays, Shape
from planner.kernels.errors import KernelError
from planner.kernels.loading import Runner, Unavailable, load, manifest
from planner.kernels.manifests import Manifest
from planner.kernels.reference import op as op_named

INTERPRETER_DTYPES = ("fp32", "fp16")
"""What Triton's interpreter computes rightly; its bf16 truncates (triton-lang/triton #11584)."""
UNUSUAL = ("large", "constant_rows", "one_hot")


@dataclass(frozen=True, slots=True)
class Case:
    """One thing a variant is asked."""

    shape: Shape
    dtype: str
    layout: str = "contiguous"
    values: str = "normal"
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Fault:
    """One answer that was wrong."""

    case: Case
    output: str
    why: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a variant: cases tried and the faults found, or why it could not be tried."""

    variant: str
    cases: int
    faults: tuple[Fault, ...]
    reason: str = ""

    @property
    def ok(self) -> bool:
        """Whether it was tried and nothing was wrong."""
        return self.cases > 0 and not self.faults


def cases(variant: Manifest, dtypes: Iterable[str] = (), seed: int = 0) -> Iterator[Case]:
    """Every check shape in every dtype, layouts taking turns; every third with unusual values as well.

    `dtypes` may name more than the variant declares for hardware: the interpreter knows no bf16.
    """
    op = op_named(variant.op)
    wanted = [d for d in tuple(dtypes) or variant.dtypes if d in op.dtypes]
    for place, (dtype, shape) in enumerate(product(wanted, op.check_shapes)):
        layout = variant.layouts[place % len(variant.layouts)]
        yield Case(shape, dtype, layout, "normal", seed + place)
        if place % 3 == 0:
            yield Case(shape, dtype, layout, UNUSUAL[place // 3 % len(UNUSUAL)], seed + place)


def check(run: Runner, case: Case, *, device: str = "cpu") -> Iterator[Fault]:
    """Run one case and report every output that is wrong, and inputs that were written to."""
    variant, op = run.manifest, op_named(run.manifest.op)
    asked = {"device": device, "library": variant.arrays, "layout": case.layout}
    inputs = op.make_inputs(case.shape, case.dtype, case.seed, values=case.values, **asked)
    before = {name: as_numpy(array) for name, array in inputs.items()}
    want = op.reference(inputs, case.shape)
    out = op.make_outputs(case.shape, case.dtype, **asked)
    run(inputs, out)
    for tensor in op.outputs(case.shape):
        yield from _compare(op.name, case, tensor.name, tensor.dtype_for(case.dtype), out, want)
    for name, array in inputs.items():
        if not (before[name] == as_numpy(array)).all():
            yield Fault(case, name, "input was written to")


def _compare(op: str, case: Case, name: str, dtype: str, out: Arrays, want: Arrays) -> Iterator[Fault]:
    allowed = op_named(op).tolerances(case.dtype, case.shape, case.values)[name]
    found = errors(out[name], want[name], rtol=allowed.rtol, atol=allowed.atol, dtype=dtype)
    if not found.norm <= allowed.norm:
        yield Fault(case, name, f"norm-wise error {found.norm:.2g}, allowed {allowed.norm:.2g}")


def verify(
    variant: Manifest,
    dtypes: Iterable[str] = (),
    *,
    device: str = "cpu",
    seed: int = 0,
    most: int | None = None,
    until_wrong: bool = False,
) -> Verdict:
    """Try a variant on its cases, the first `most` of them or until one is wrong; raising is a fault too."""
    try:
        run = load(variant)
    except Unavailable as error:
        return Verdict(variant.name, 0, (), str(error))
    faults: list[Fault] = []
    tried = 0
    for case in islice(cases(variant, dtypes, seed), most):
        tried += 1
        try:
            faults += check(run, case, device=device)
        except Exception as error:  # whatever a foreign kernel raises is its fault, not ours
            faults.append(Fault(case, "", f"{type(error).__name__}: {error}"[:300]))
        if faults and until_wrong:
            break
    return Verdict(variant.name, tried, tuple(faults))


def main(arguments: list[str]) -> int:
    """Verify the variants named, `--folder DIR` adds manifests, `--dtypes fp32,fp16` limits the dtypes."""
    import argparse
    import json

    parser = argparse.ArgumentParser(prog="planner.kernels.correctness")
    parser.add_argument("variants", nargs="+")
    parser.add_argument("--folder", action="append", type=Path, default=[])
    parser.add_argument("--dtypes", default="")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--most", type=int, help="the first so many cases")
    parser.add_argument("--until-wrong", action="store_true", help="stop at a variant's first fault")
    asked = parser.parse_args(arguments)
    dtypes = [d for d in asked.dtypes.split(",") if d]
    wrong = False
    for name in asked.variants:
        try:
            verdict = verify(
                manifest(name, asked.folder), dtypes, device=asked.device, most=asked.most,
                until_wrong=asked.until_wrong,
            )  # fmt: skip

        except KernelError as error:
            verdict = Verdict(name, 0, (), str(error))
        wrong |= not verdict.ok
        sys.stdout.write(json.dumps(asdict(verdict)) + "\n")
        sys.stdout.flush()
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
