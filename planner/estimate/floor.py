"""What no engine can beat: every call of a step at its roofline, nothing else.

Corrections learned from measurements may make an estimate faster; never faster than this.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from planner.estimate.calls import Elementwise, Gemm, op_list
from planner.estimate.evaluate import Evaluation
from planner.estimate.roofline import Roofline
from planner.estimate.transfer import attention_floor, token_floor

Array = NDArray[np.float64]


def decode_floor_s(evaluation: Evaluation) -> Array:
    """Least seconds per output token at each batch size: one decode step of the running requests.

    Exchanges and element-wise work may hide behind other work and are left out.
    """
    e, floor = evaluation, Roofline(evaluation.gpu)
    running, ops = e.served.running, op_list(e.model, e.layout, e.formats)
    cached = np.asarray([e.lengths.input_tokens + e.lengths.output_tokens / 2])
    total = np.zeros_like(running)
    for call in ops.tokens:
        if isinstance(call, Elementwise) or call.op in ("all_reduce", "all_gather", "reduce_scatter"):
            continue
        assert isinstance(call, Gemm) or call.op == "moe"
        total += call.count * token_floor(floor, call, running)
    for attention in ops.attention:
        total += attention.count * attention_floor(floor, attention, running, cached, prefill=False)
    return total / e.setup.accepted_tokens


def prefill_floor_s(evaluation: Evaluation) -> float:
    """Least seconds to read one prompt."""
    e, floor = evaluation, Roofline(evaluation.gpu)
    ops, one = op_list(e.model, e.layout, e.formats), np.ones(1)
    new = np.asarray([e.lengths.input_tokens - e.lengths.prefix_tokens])
    total = 0.0
    for call in ops.tokens:
        if call.op in ("gemm", "moe"):
            rows = one if isinstance(call, Gemm) and call.per_sequence else new
            total += call.count * float(token_floor(floor, call, rows)[0])
    for attention in ops.attention:
        total += attention.count * float(attention_floor(floor, attention, one, new, prefill=True)[0])
    return total
