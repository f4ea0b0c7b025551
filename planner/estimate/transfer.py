"""Times on a GPU without tables: the utilisation of the nearest measured relative, basis `transferred`.

A call takes `launch + (t - launch) x floor(here) / floor(there)`: its distance from the roofline carries
over, the launch does not shrink. Collectives come from a relative with the same kind of link.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from planner.estimate.admissible import Admissible
from planner.estimate.calls import (
    Attention,
    AttentionCall,
    Elementwise,
    Exchange,
    Experts,
    Gemm,
    LatentAttention,
    LinearAttention,
    TokenCall,
)
from planner.estimate.optimes import OpTimes, TableTimes, Timing
from planner.estimate.roofline import Roofline
from planner.profiles.basis import ROOFLINE, TRANSFERRED
from planner.profiles.gpus import Gpu, load_gpus
from planner.profiles.store import Profiles

Array = NDArray[np.float64]
LAUNCH_S = 2.5e-6  # smallest kernel inside a CUDA graph: 2.2 us on Blackwell, 3 us on Hopper
PCIE_RELATIVE = "l40s"  # measured collectives over PCIe


class TransferredTimes:
    """Times on `gpu` from the tables of `source`; collectives from `links`."""

    def __init__(self, gpu: Gpu, source: OpTimes, *, links: OpTimes) -> None:
        self.gpu = gpu
        self._source, self._links = source, links
        self._here = Roofline(gpu, like=source.gpu)
        self._there, self._links_there = Roofline(source.gpu), Roofline(links.gpu)

    def token(self, call: TokenCall, tokens: Array) -> Timing:
        """See `OpTimes`."""
        if isinstance(call, Elementwise):
            seconds = self._here.elementwise(call, tokens)
            return Timing(call.op, "fused elementwise", seconds, np.full(seconds.shape, ROOFLINE, np.int8))
        source, there = (self._source, self._there)
        if isinstance(call, Exchange):
            source, there = self._links, self._links_there
        return self._moved(source.token(call, tokens), there, lambda r: token_floor(r, call, tokens))

    def prefill(self, call: AttentionCall, new_tokens: float, prefix_tokens: float) -> Timing:
        """See `OpTimes`."""
        there = self._source.prefill(call, new_tokens, prefix_tokens)
        length = np.asarray([new_tokens + prefix_tokens])
        return self._moved(
            there, self._there, lambda r: attention_floor(r, call, np.ones(1), length, prefill=True)
        )

    def decode(self, call: AttentionCall, batch: Array, length: float) -> Timing:
        """See `OpTimes`."""
        there, cached = self._source.decode(call, batch, length), np.asarray([length])
        return self._moved(
            there, self._there, lambda r: attention_floor(r, call, batch, cached, prefill=False)
        )

    def _moved(self, timing: Timing, there: Roofline, floor: Callable[[Roofline], Array]) -> Timing:
        ratio = floor(self._here) / floor(there)
        seconds = LAUNCH_S + np.maximum(timing.seconds - LAUNCH_S, 0.0) * ratio
        basis = np.maximum(timing.basis, np.int8(TRANSFERRED))
        return Timing(timing.op, timing.variant, seconds, basis)


def token_floor(roofline: Roofline, call: TokenCall, tokens: Array) -> Array:
    """Roofline seconds of a token call."""
    if isinstance(call, Gemm):
        return roofline.gemm(call.dtype)(call.n, call.k, tokens)
    if isinstance(call, Experts):
        key = (call.hidden, call.inter, call.experts, call.topk, call.tp, call.ep)
        return roofline.experts(call.dtype)(*key, tokens * call.dp)
    if isinstance(call, Exchange):
        return roofline.exchange(call.op)(call.gpus, tokens * call.elements)
    return roofline.elementwise(call, tokens)


def attention_floor(
    roofline: Roofline, call: AttentionCall, batch: Array, length: Array, *, prefill: bool
) -> Array:
    """Roofline seconds of one layer's attention."""
    if isinstance(call, Attention):
        floor = roofline.prefill(call.kv) if prefill else roofline.decode(call.kv)
        return floor(call.heads, call.kv_heads, call.head_dim, call.window, batch, length)
    if isinstance(call, LatentAttention):
        return roofline.latent(call, prefill=prefill)(call.heads, batch, length)
    assert isinstance(call, LinearAttention)
    return roofline.linear(call, convolution=False)(batch, length if prefill else 1.0)


def times_on(
    gpu: Gpu,
    profiles: Profiles,
    *,
    engine: str,
    admissible: Admissible,
    known: dict[tuple[str, str], TableTimes] | None = None,
) -> OpTimes | None:
    """Times of `engine` on `gpu`: its own tables, or its relative's; None where neither exists.

    `known` remembers tables by (GPU, engine), so that relatives share what was read of them.
    """
    gpus, shared = load_gpus(), {} if known is None else known

    def tables(key: str) -> TableTimes:
        if (key, engine) not in shared:
            shared[key, engine] = TableTimes(gpus[key], profiles, engine=engine, admissible=admissible)
        return shared[key, engine]

    if gpu.measured:
        return tables(gpu.key)
    if gpu.reference is None or not gpu.plannable:
        return None
    source = tables(gpu.reference)
    same_link = gpu.link_kind in ("nvlink", "xgmi") and source.gpu.link_kind == "nvlink"
    links = source if same_link else tables(PCIE_RELATIVE)
    return TransferredTimes(gpu, source, links=links)
