"""`planner estimate --engine llama.cpp`: one request on one's own machine."""

from __future__ import annotations

import pytest

from planner.errors import DoesNotFit, InputError
from planner.estimate.api import estimate


def test_a_single_request_on_a_4090_takes_between_its_memory_floor_and_five_times_that() -> None:
    answer = estimate(model="llama-3.1-8b", gpu="rtx 4090", engine="llama.cpp", weight_precision="q4_k_m")
    assert answer.tpot_ms is not None
    floor_ms = 1e3 * answer.memory_gib.weights * 2**30 / 1010e9  # 1,010 GB/s
    assert floor_ms < answer.tpot_ms.value < 5 * floor_ms
    assert answer.tpot_ms.low < answer.tpot_ms.value < answer.tpot_ms.high


def test_fewer_bits_are_faster_and_smaller() -> None:
    q4, q8 = (
        estimate(model="llama-3.1-8b", gpu="m3_ultra", engine="llama.cpp", weight_precision=form)
        for form in ("q4_k_m", "q8_0")
    )
    assert q4.tpot_ms is not None
    assert q8.tpot_ms is not None
    assert q4.tpot_ms.value < q8.tpot_ms.value
    assert q4.memory_gib.weights < q8.memory_gib.weights


def test_what_does_not_fit_says_so() -> None:
    with pytest.raises(DoesNotFit, match="do not fit 1 x rtx_4090"):
        estimate(model="llama-3.1-70b", gpu="rtx_4090", engine="llama.cpp", weight_precision="q8_0")


def test_more_than_one_request_is_refused_not_guessed() -> None:
    with pytest.raises(InputError, match="single request"):
        estimate(model="llama-3.1-8b", gpu="rtx_4090", engine="llama.cpp", concurrency=8)
