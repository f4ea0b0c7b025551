"""What our kernels compile to on nine targets: the table is of these sources, nothing spills, a sample is repeated."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from planner.kernels import manifest
from planner.kernels.compile import SHARED_BYTES, supports
from planner.kernels.compiled import compile_in_child, declared, load_compiled, missing
from planner.kernels.errors import KernelError
from planner.kernels.manifests import TARGETS
from planner.kernels.pages import updated

PAGE = Path(__file__).resolve().parents[2] / "docs" / "kernels.md"
SAMPLE = (("triton_rmsnorm", "sm_90"), ("triton_rope", "gfx1201"), ("triton_gemm_splitk", "sm_100"))


def test_every_declared_pair_is_in_the_table_compiled_from_these_sources():
    assert not missing(load_compiled()), "run python -P -m planner.kernels.compiled"


def test_the_table_holds_nothing_that_no_manifest_declares():
    pairs = {(v.name, v.sha256[:16], target, dtype) for v, target, dtype in declared()}
    assert {(r.variant, r.sha256, r.target, r.dtype) for r in load_compiled()} == pairs


def test_no_kernel_spills_in_the_configuration_its_manifest_chooses():
    assert not [row for row in load_compiled() if row.spill_bytes]


def test_every_kernel_fits_the_shared_memory_of_its_target():
    assert all(0 <= row.shared_bytes <= SHARED_BYTES[row.target] for row in load_compiled())
    assert all(0 < row.registers <= 512 for row in load_compiled())


def test_the_row_names_the_configuration_in_force():
    for row in load_compiled():
        chosen = manifest(row.variant).tunables(row.target, row.dtype)
        assert row.config == " ".join(f"{name}={value}" for name, value in sorted(chosen.items()))


def test_all_nine_targets_are_declared_unless_the_hardware_lacks_the_type():
    short = {
        v.name: set(TARGETS) - set(v.targets) for v, _, _ in declared() if set(v.targets) != set(TARGETS)
    }
    assert short == {"triton_gemm_fp8": {"sm_80", "gfx1100"}}  # no fp8 before Ada and RDNA 4


@pytest.mark.parametrize(("name", "target"), SAMPLE)
def test_compiling_again_gives_the_row_of_the_table(name, target):
    if absent := [module for module in ("torch", "triton") if find_spec(module) is None]:
        pytest.skip(f"needs {' and '.join(absent)}, which the kernels extra installs")
    dtype = manifest(name).dtypes[0]
    shipped = [r for r in load_compiled() if (r.variant, r.target, r.dtype) == (name, target, dtype)]
    again = compile_in_child(name, [target], [dtype])
    assert shipped and sorted(again, key=str) == sorted(shipped, key=str)


def test_an_undeclared_pair_is_refused_by_name():
    with pytest.raises(KernelError, match="triton_gemm_fp8: not declared for sm_80; its manifest has sm_89"):
        supports(manifest("triton_gemm_fp8"), "sm_80", "bf16")
    with pytest.raises(KernelError, match="numpy_gemm: not declared for sm_90; its manifest has no target"):
        supports(manifest("numpy_gemm"), "sm_90", "fp32")
    with pytest.raises(KernelError, match="target 'sm_42' is not known; one of sm_80"):
        supports(manifest("triton_gemm_tiled"), "sm_42", "bf16")
    with pytest.raises(KernelError, match="triton_moe: dtype is 'fp32'; one of bf16, fp16"):
        supports(manifest("triton_moe"), "sm_90", "fp32")


def test_the_tables_in_the_documentation_are_these():
    page = PAGE.read_text(encoding="utf-8")
    assert page == updated(page), "run python -P -m planner.kernels.pages docs/kernels.md"
    assert page.count("| `triton_") > 25 and page.count("| `attention_prefill` |") == 1


def test_every_word_of_the_example_manifest_is_a_field(tmp_path):
    text = re.search(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert text
    (tmp_path / "my_swiglu.toml").write_text(text[1])
    (tmp_path / "my_swiglu.py").write_text("def run(inputs, out, *, block): ...\n")
    assert manifest("my_swiglu", [tmp_path]).backends == ("cuda", "rocm")


def test_another_half_precision_compiles_like_the_first():
    if absent := [module for module in ("torch", "triton") if find_spec(module) is None]:
        pytest.skip(f"needs {' and '.join(absent)}, which the kernels extra installs")
    (row,) = compile_in_child("triton_swiglu", ["sm_80"], ["fp16"])
    (first,) = [r for r in load_compiled() if (r.variant, r.target) == ("triton_swiglu", "sm_80")]
    assert (row.spill_bytes, row.shared_bytes) == (0, first.shared_bytes)
