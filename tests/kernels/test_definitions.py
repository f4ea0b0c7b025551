"""Ops as definitions: inputs that a seed determines, outputs nobody mistakes for an answer, honest comparison."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from planner.kernels import load_ops, op
from planner.kernels.arrays import errors
from planner.kernels.errors import KernelError

OPS = load_ops().values()
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("o", OPS, ids=lambda o: o.name)
def test_a_seed_means_the_same_inputs_and_another_seed_others(o):
    shape, dtype, library = o.check_shapes[-1], "fp32", o.libraries("fp32")[0]
    if library == "torch":
        pytest.importorskip("torch", reason="needs torch, which is not installed")
    one, same, other = (o.make_inputs(shape, dtype, seed, library=library) for seed in (7, 7, 8))
    assert all(errors(one[n], same[n]).max_abs == 0 for n in one)
    assert any(errors(one[n], other[n]).max_abs > 0 for n in one)


@pytest.mark.parametrize("o", OPS, ids=lambda o: o.name)
def test_untouched_outputs_are_never_right(o):
    pytest.importorskip("torch", reason="needs torch, which is not installed")
    for dtype in o.dtypes:
        shape = o.check_shapes[-1]
        inputs, out = o.make_inputs(shape, dtype, 3), o.make_outputs(shape, dtype)
        want = o.reference(inputs, shape)
        assert set(want) == set(out) == set(o.tolerances(dtype, shape))
        for name, allowed in o.tolerances(dtype, shape).items():
            assert not errors(out[name], want[name]).norm <= allowed.norm


@pytest.mark.parametrize("o", [o for o in OPS if "numpy" in o.libraries("fp32")], ids=lambda o: o.name)
def test_numpy_and_torch_draw_the_same_inputs_and_compute_the_same_reference(o):
    pytest.importorskip("torch", reason="needs torch, which is not installed")
    shape = o.check_shapes[-1]
    numpy, torch = (o.make_inputs(shape, "fp32", 5, library=x) for x in ("numpy", "torch"))
    assert all(errors(torch[n], numpy[n]).max_abs == 0 for n in numpy)
    ours, theirs = o.reference(numpy, shape), o.reference(torch, shape)
    assert all(errors(theirs[n], ours[n]).norm < 1e-12 for n in ours)


@pytest.mark.parametrize("o", OPS, ids=lambda o: o.name)
def test_a_shape_read_back_from_its_key_is_the_shape(o):
    for shape in o.check_shapes:
        assert o.shape(o.key(shape)) == shape


@pytest.mark.parametrize(
    ("shape", "dtype", "said"),
    [
        ({"tokens": 1, "width": 0}, "bf16", "axis width is 0; give a whole number"),
        ({"tokens": 1, "width": True}, "bf16", "axis width is True"),
        ({"tokens": 1}, "bf16", "axes are tokens; give tokens, width"),
        ({"tokens": 1, "width": 8}, "int3", "dtype is 'int3'; one of"),
    ],
)
def test_a_wrong_shape_or_dtype_is_named(shape, dtype, said):
    with pytest.raises(KernelError, match=said):
        op("rmsnorm").check(shape, dtype)


def test_an_op_nobody_defined_names_its_neighbours():
    with pytest.raises(KernelError, match="did you mean rmsnorm"):
        op("rmsnrm")


def test_an_overflow_the_dtype_must_have_is_no_error():
    assert errors(np.array([np.inf, 1.0]), np.array([7e4, 1.0]), dtype="fp16").norm == 0
    assert errors(np.array([np.inf, 1.0]), np.array([6e4, 1.0]), dtype="fp16").norm == np.inf
    assert errors(np.array([np.nan, 1.0]), np.array([2.0, 1.0])).norm == np.inf


def test_looking_at_ops_and_variants_needs_no_torch():
    code = (
        "import sys, planner.kernels as k; assert 'numpy' not in sys.modules;"
        "o = k.op('rmsnorm'); v = k.variants();"
        "o.work(o.check_shapes[0], 'bf16'); o.make_inputs(o.check_shapes[0], 'fp32', 1, library='numpy');"
        "[m.sha256 for m in v]; assert not {'torch', 'triton'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-P", "-c", code], check=True)


def test_in_a_clone_our_folder_claims_no_version_of_the_hub_client():
    """transformers asks whatever answers to `kernels` for a version, and uses 0.10.2 and above."""
    code = "import kernels; print(kernels.__version__, kernels.__file__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True,
                          env={k: v for k, v in os.environ.items() if k != "PYTHONSAFEPATH"})  # fmt: skip
    assert done.stdout.split() == ["0.0.0", str(ROOT / "kernels" / "__init__.py")]
