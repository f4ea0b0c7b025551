"""FLOP and bytes of ops: against counts done by hand, and properties any such count has."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.kernels import ops

size = st.integers(1, 4096)


def test_a_gemm_counts_two_flop_per_multiply_add_and_reads_each_weight_once():
    work = ops.gemm(m=1, n=8192, k=8192, dtype="bf16")
    assert work.flops == 2 * 8192**2
    assert work.bytes == pytest.approx(2 * 8192**2, rel=1e-3)


@pytest.mark.parametrize("dtype", ops.WEIGHT_BYTES)
def test_every_weight_format_has_activations_and_a_peak(dtype):
    assert ops.ACTIVATION_BYTES[dtype] > 0 and ops.MATH_DTYPE[dtype] in {"bf16", "fp16", "fp8", "int8", "fp4"}


def test_causal_prefill_does_half_of_the_square():
    full = ops.attention_prefill(heads=32, kv_heads=8, head_dim=128, batch=1, length=1024).flops
    assert full == pytest.approx(4 * 32 * 128 * 1024**2 / 2)


def test_a_cached_prefix_costs_its_rectangle():
    shape = {"heads": 4, "kv_heads": 4, "head_dim": 64, "batch": 1}
    whole = ops.attention_prefill(**shape, length=3072).flops
    head = ops.attention_prefill(**shape, length=1024).flops
    assert ops.attention_prefill(**shape, length=2048, prefix=1024).flops == pytest.approx(whole - head)


@given(size, size, st.integers(1, 8192))
def test_a_window_never_adds_work(batch, length, window):
    shape = {"heads": 8, "kv_heads": 2, "head_dim": 128, "batch": batch}
    for op, name in ((ops.attention_prefill, "length"), (ops.attention_decode, "kv_len")):
        full, banded = op(**shape, **{name: length}), op(**shape, **{name: length}, window=window)
        assert banded.flops <= full.flops and banded.bytes <= full.bytes


def test_decode_reads_keys_and_values_once():
    work = ops.attention_decode(heads=64, kv_heads=8, head_dim=128, batch=16, kv_len=4096, kv_bytes=1.0)
    assert work.bytes == pytest.approx(16 * 2 * 8 * 128 * 4096, rel=0.02)


@given(st.integers(1, 100_000))
def test_experts_read_no_more_weights_than_the_rank_holds(tokens):
    shape = {"hidden": 7168, "inter": 2048, "experts": 256, "topk": 8, "ep": 8}
    weights = 32 * 3 * 7168 * 2048
    activations = 2 * 2 * 7168 * tokens + 2 * 3 * 2048 * tokens
    assert ops.moe(tokens=tokens, **shape).bytes <= 2 * weights + activations + 1


@given(size, size, size)
def test_formulas_take_arrays(m, n, k):
    many = ops.gemm(m=np.array([m, 2 * m]), n=n, k=k)
    assert many.flops[1] == 2 * many.flops[0]
    floor = many.roofline_s(flops_per_s=1e15, bytes_per_s=3e12)
    assert floor[1] >= floor[0] > 0


def test_an_all_reduce_sends_twice_an_all_gather():
    one = ops.collective_bytes("all_gather", elements=1 << 20, num_gpus=8)
    assert ops.collective_bytes("all_reduce", elements=1 << 20, num_gpus=8) == 2 * one
    assert ops.collective_bytes("all_reduce", elements=1 << 20, num_gpus=1) == 0


def test_latent_attention_reads_one_row_per_token_whatever_the_heads():
    few = ops.mla_decode(heads=16, batch=8, kv_len=10_000).bytes
    many = ops.mla_decode(heads=128, batch=8, kv_len=10_000).bytes
    assert many < 1.2 * few
    assert ops.mla_prefill(heads=16, batch=1, length=1000).flops > 0


def test_a_memory_op_moves_what_it_reads_and_writes():
    work = ops.memory_op(tokens=10, width=4096, reads=2, writes=2)
    assert work.flops == 0 and work.bytes == 2 * 4 * 10 * 4096
