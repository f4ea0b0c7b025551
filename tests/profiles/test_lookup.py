"""Look-ups: exact at points, bounded between them, utilisation held beyond, borrowed elsewhere."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.profiles.basis import INTERPOLATED, MEASURED, TRANSFERRED
from planner.profiles.block import Curves
from planner.profiles.lookup import (
    OpTime,
    attention_time,
    comm_time,
    curve_time,
    gemm_time,
    less_launches,
    moe_time,
    surface_time,
)


def table(curves: dict[tuple[int, ...], dict[int, float]]) -> Curves:
    keys = sorted(curves)
    sizes = [sorted(curves[k]) for k in keys]
    return Curves(
        np.array(keys, np.int32),
        np.cumsum([0, *map(len, sizes)]),
        np.array([x for row in sizes for x in row], float),
        np.array([curves[k][x] for k, row in zip(keys, sizes, strict=True) for x in row]),
    )


def no_floor(*sizes):
    """A roofline far below every time, proportional to the work."""
    return 1e-15 * np.prod(np.broadcast_arrays(*[np.asarray(s, float) for s in sizes]), axis=0)


def gemm_floor(n, k, m):
    return np.maximum(2e-15 * m * n * k, 1e-12 * (n * k + m * n + m * k))


GEMM = table(
    {(n, k): {m: 3e-6 + 4e-15 * m * n * k for m in (1, 8, 64, 512)} for n in (512, 2048) for k in (512, 2048)}
)


@pytest.mark.parametrize("n", [512, 2048])
def test_measured_points_come_back_exactly(n):
    found = gemm_time(GEMM, n=n, k=512, m=[1, 8, 64, 512], roofline_s=no_floor)
    np.testing.assert_allclose(found.seconds, GEMM.curve(GEMM.index((n, 512)))[1], rtol=1e-12)
    assert (found.basis == MEASURED).all()


@given(st.integers(1, 512), st.sampled_from([(512, 512), (512, 2048), (2048, 2048)]))
def test_between_points_time_lies_between_its_neighbours(m, shape):
    x, y = GEMM.curve(GEMM.index(shape))
    right = min(int(np.searchsorted(x, m)), len(x) - 1)
    left = max(right - 1, 0)
    found = gemm_time(GEMM, n=shape[0], k=shape[1], m=m, roofline_s=no_floor).seconds[0]
    assert min(y[left], y[right]) * (1 - 1e-9) <= found <= max(y[left], y[right]) * (1 + 1e-9)


def test_beyond_the_last_point_utilisation_holds():
    found = gemm_time(GEMM, n=512, k=512, m=[512, 1024, 8192], roofline_s=gemm_floor)
    share = gemm_floor(512, 512, np.array([512, 1024, 8192])) / found.seconds
    np.testing.assert_allclose(share, share[0])
    assert found.basis.tolist() == [MEASURED, INTERPOLATED, TRANSFERRED]


def test_below_the_first_point_the_time_stays():
    curves = table({(8,): {256: 1e-5, 512: 2e-5}})
    found = comm_time(curves, num_gpus=8, elements=[16, 200], roofline_s=no_floor)
    np.testing.assert_allclose(found.seconds, 1e-5)
    assert found.basis.tolist() == [TRANSFERRED, INTERPOLATED]


def test_a_gemm_is_never_faster_than_memory_allows():
    found = gemm_time(GEMM, n=512, k=512, m=[1, 8], roofline_s=lambda n, k, m: 1e-3 + 0 * m)
    assert (found.seconds == 1e-3).all()


@given(st.integers(32, 16384), st.integers(32, 16384), st.integers(1, 512))
def test_an_unmeasured_shape_stays_within_the_slowdowns_of_the_measured_ones(n, k, m):
    found = gemm_time(GEMM, n=n, k=k, m=m, roofline_s=gemm_floor)
    slowdown = found.seconds[0] / gemm_floor(n, k, m)
    sites = [gemm_time(GEMM, n=a, k=b, m=m, roofline_s=gemm_floor).seconds[0] / gemm_floor(a, b, m)
             for a, b in GEMM.keys.tolist()]  # fmt: skip
    assert min(sites) * (1 - 1e-9) <= slowdown <= max(sites) * (1 + 1e-9)
    assert found.basis[0] in (MEASURED, INTERPOLATED, TRANSFERRED)


def test_a_shape_far_away_along_both_axes_is_transferred():
    assert gemm_time(GEMM, n=65536, k=65536, m=8, roofline_s=gemm_floor).basis[0] == TRANSFERRED
    assert gemm_time(GEMM, n=65536, k=1024, m=8, roofline_s=gemm_floor).basis[0] == INTERPOLATED


def decode(*sizes):
    _, kv_heads, head_dim, _, batch, length = sizes
    return 1e-12 * batch * length * kv_heads * head_dim


ATTENTION = table({
    (h, h // 4, 128, w, b): {
        n: 2e-6 + 2 * decode(h, h // 4, 128, w, b, n) for n in (128, 1024, 8192) if b * n < 9000
    }
    for h in (8, 32) for w in (0, 1024) for b in (1, 8, 64)
})  # fmt: skip


def attention(batch, length, *, heads=32, kv_heads=8, head_dim=128, window=0):
    return attention_time(
        ATTENTION, heads=heads, kv_heads=kv_heads, head_dim=head_dim, window=window, batch=batch,
        length=length, roofline_s=decode,
    )  # fmt: skip


def test_attention_is_exact_at_points_of_the_grid():
    found = attention([1, 8, 64], [8192, 1024, 128])
    np.testing.assert_allclose(found.seconds, [2e-6 + 2 * decode(32, 8, 128, 0, b, n) for b, n in
                                               ((1, 8192), (8, 1024), (64, 128))])  # fmt: skip
    assert (found.basis == MEASURED).all()


@given(st.integers(1, 64), st.integers(128, 8192))
def test_attention_lies_between_the_corners_around_it(batch, length):
    batches, lengths = np.array([1, 8, 64]), np.array([128, 1024, 8192])
    b = min(int(np.searchsorted(batches, batch, side="right")), 2)
    n = min(int(np.searchsorted(lengths, length, side="right")), 2)
    corners = [attention(i, j).seconds[0] for i in batches[b - 1 : b + 1] for j in lengths[n - 1 : n + 1]]
    assert min(corners) * (1 - 1e-9) <= attention(batch, length).seconds[0] <= max(corners) * (1 + 1e-9)


def test_where_the_larger_batch_ends_early_its_own_utilisation_carries_on():
    found = attention(64, 1024)
    np.testing.assert_allclose(found.seconds, (2e-6 + 2 * decode(32, 8, 128, 0, 64, 128)) * 8, rtol=1e-9)
    assert found.basis[0] == TRANSFERRED


def test_beyond_the_largest_batch_utilisation_holds():
    found = attention([64, 128], 128)
    np.testing.assert_allclose(found.seconds[1], 2 * found.seconds[0])
    assert found.basis.tolist() == [MEASURED, INTERPOLATED]


def test_missing_heads_borrow_from_the_same_grouping():
    near = attention(8, 1024, heads=16, kv_heads=4)
    np.testing.assert_allclose(near.seconds, attention(8, 1024, heads=8, kv_heads=2).seconds * 2)
    assert near.basis[0] == INTERPOLATED
    assert attention(8, 1024, heads=16, kv_heads=16).basis[0] == TRANSFERRED


def test_batch_and_length_broadcast():
    assert attention([1, 2, 3], 512).seconds.shape == (3,)
    assert attention(4, [128, 256]).seconds.shape == (2,)
    assert attention(4, 128).seconds.shape == (1,)


def test_a_surface_with_one_batch_still_answers():
    curves = table({(8, 4): {16: 1.0, 64: 4.0}})
    found = surface_time(curves, key=(8,), along=[4, 8], x=32)
    np.testing.assert_allclose(found.seconds, 2.0)


def experts(*sizes):
    hidden, inter, count, topk, tp, ep, tokens = sizes
    return 1e-15 * hidden * inter / tp * np.minimum(count / ep, tokens * topk / ep)


MOE = table({
    (4096, 1536, 128, 8, tp, 1): {
        t: 1e-5 + 3 * float(experts(4096, 1536, 128, 8, tp, 1, t)) for t in (1, 16, 256)
    }
    for tp in (1, 2, 4)
})  # fmt: skip


def test_experts_are_exact_where_measured_and_borrowed_elsewhere():
    shape = {"hidden": 4096, "inter": 1536, "experts": 128, "topk": 8, "ep": 1, "roofline_s": experts}
    exact = moe_time(MOE, **shape, tp=2, tokens=[16])
    assert exact.basis[0] == MEASURED
    borrowed = moe_time(MOE, **shape, tp=8, tokens=[16])
    # What exceeds the launch halves with the rank's share of the experts; the launch stays.
    expected = 1e-5 + 3 * experts(4096, 1536, 128, 8, 8, 1, 16)
    np.testing.assert_allclose(borrowed.seconds, expected, rtol=0.01)
    assert borrowed.basis[0] in (INTERPOLATED, TRANSFERRED)


def test_an_unmeasured_key_without_a_roofline_takes_the_nearest_value():
    watts = table({(8,): {1: 300.0, 64: 600.0}})
    assert curve_time(watts, key=(16,), x=[64]).seconds.tolist() == pytest.approx([600.0])


def test_less_launches_never_undercuts_the_roofline_and_stops_being_measured():
    timed = OpTime(np.array([1.0e-4, 5.0e-4]), np.array([MEASURED, MEASURED], np.int8))
    found = less_launches(timed, floor_s=1e-4, roofline_s=np.array([2e-5, 2e-5]))
    np.testing.assert_allclose(found.seconds, [2e-5, 4.03e-4])
    assert (found.basis == TRANSFERRED).all()
