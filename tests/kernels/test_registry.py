"""The registry: every measured spelling resolves, every claim of openness has a licence and a source."""

import subprocess
import sys
from fnmatch import fnmatchcase

import pytest

from planner.kernels.errors import KernelError
from planner.kernels.registry import (
    load_kernel_sources,
    load_stand_ins,
    load_variants,
    resolve_variant,
    stand_in,
    variant,
)
from planner.profiles.store import load_profiles

OSI = ("Apache-2.0", "MIT", "BSD-3-Clause")
CLOSED_SOURCE = (
    "cublas",
    "trtllm_gen_attention",
    "trtllm_attention",
    "trtllm_gen_moe",
    "flashinfer_trtllm_moe",
)


@pytest.fixture(scope="module")
def blocks():
    return load_profiles().blocks(value=None)


def test_every_measured_kernel_is_in_the_registry(blocks):
    for b in blocks:
        found = resolve_variant(b.engine, b.op, b.kernel_source, dtype=b.dtype, system=b.system)
        assert found.name == b.variant, b
        assert b.op in found.ops, (b.op, found.name)
        assert b.engine in found.engines, (b.engine, found.name)


def test_every_spelling_is_used_and_names_a_variant(blocks):
    seen = {(b.engine, b.op, b.kernel_source, b.dtype, b.system) for b in blocks}
    winners = {next(r for r in load_kernel_sources() if r.matches(*key)) for key in seen}
    unused = set(load_kernel_sources()) - winners
    assert not unused
    assert {r.variant for r in load_kernel_sources()} <= set(load_variants())


@pytest.mark.parametrize("v", load_variants().values(), ids=lambda v: v.name)
def test_open_means_a_published_licence_and_a_source(v):
    assert v.licence and v.source and v.as_of and v.ops and v.engines and v.vendors
    if v.open:
        assert v.licence in OSI
    if v.portable:
        assert v.open and len(v.vendors) >= 2
    assert set(v.flags) <= set(v.engines)


@pytest.mark.parametrize("name", CLOSED_SOURCE)
def test_binaries_without_source_are_closed(name):
    assert not variant(name).open


def test_open_and_closed_follow_the_rule_of_the_design():
    for name in (
        "nccl",
        "deepgemm",
        "flash_attn_3",
        "flashinfer_attention",
        "marlin_moe",
        "vllm_triton_attention",
    ):
        assert variant(name).open


def test_a_closed_op_always_has_a_stand_in(blocks):
    for b in blocks:
        if b.op in (
            "gemm",
            "attention_prefill",
            "attention_decode",
            "mla_prefill",
            "mla_decode",
            "moe",
            "mla_bmm_pre",
        ):
            for rule in ("open", "portable"):
                assert stand_in(b.op, dtype=b.dtype, rule=rule), (b.op, b.dtype, rule)
    assert stand_in("all_reduce", dtype="bf16", rule="portable").variant == "torch_collectives"


def test_stand_ins_have_an_interval_and_say_where_it_is_from():
    known = load_variants()
    for row in load_stand_ins():
        assert row.low <= row.ratio <= row.high and row.source and row.as_of
        assert known[row.variant].portable and known[row.variant].open
        assert row.reference == "*" or row.reference in known
        assert any(fnmatchcase(op, row.op) for op in known[row.variant].ops)


def test_an_unknown_name_suggests_its_neighbours():
    with pytest.raises(KernelError, match="did you mean flash_attn_"):
        variant("flash_attn_5")


def test_an_unknown_spelling_says_where_to_add_it():
    with pytest.raises(KernelError, match=r"kernel_sources\.csv.*add one"):
        resolve_variant("vllm", "gemm", "NewKernel", dtype="bf16")


def test_the_registry_needs_neither_numpy_nor_torch():
    code = (
        "import sys, planner.kernels.registry as r; r.load_variants();"
        "assert not {'numpy', 'torch', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-P", "-c", code], check=True)
