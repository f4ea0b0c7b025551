"""Every variant that can run on this machine gives the fp64 answer, on odd shapes, layouts and values."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from planner.kernels import load_ops, unavailable, variants
from planner.kernels.correctness import cases, verify

COMPILED = "torch_compiled.py"
"""Compiling takes seconds per shape: one of these is tried, on two shapes."""
HALF_PRECISION_OF_OTHERS = ((("fp32",), None), (("bf16",), 4), (("fp16",), 2))
"""The vendor's libraries generate code per 16-bit shape on a CPU, seconds in all: a few cases will do."""
IN_PROCESS = [v for v in variants() if "cpu" in v.backends and not v.isolated and v.file != COMPILED]


@pytest.mark.parametrize("variant", IN_PROCESS, ids=lambda v: v.name)
def test_a_variant_on_the_cpu_gives_the_fp64_answer(variant):
    if reason := unavailable(variant):
        pytest.skip(reason)
    for dtypes, most in HALF_PRECISION_OF_OTHERS if variant.role == "vendor" else ((variant.dtypes, None),):
        if set(dtypes) & set(variant.dtypes):
            verdict = verify(variant, dtypes, most=most)
            assert verdict.ok, verdict.reason or verdict.faults[:3]


@pytest.mark.parametrize("variant", [v for v in variants() if v.role != "adapter"], ids=lambda v: v.name)
def test_a_variant_is_asked_at_least_twelve_shapes_odd_and_not_contiguous_ones_among_them(variant):
    asked = list(cases(variant))
    op = load_ops()[variant.op]
    for dtype in variant.dtypes:
        own = [c for c in asked if c.dtype == dtype]
        assert len({op.key(c.shape) for c in own}) >= 12
        assert any(c.layout != "contiguous" for c in own)
        assert any(value % 2 and value > 1 for c in own for value in c.shape.values())


def test_a_graph_compiled_by_torch_gives_the_fp64_answer():
    compiled = next(v for v in variants("rmsnorm") if v.file == COMPILED)
    if reason := unavailable(compiled):
        pytest.skip(reason)
    command = [sys.executable, "-P", "-m", "planner.kernels.correctness", compiled.name, "--dtypes", "fp32"]
    done = subprocess.run([*command, "--most", "2"], capture_output=True, text=True, check=False)
    verdict = json.loads(done.stdout)
    assert verdict["cases"] == 2 and not verdict["faults"], verdict["reason"] or verdict["faults"]
