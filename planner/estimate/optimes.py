"""Seconds of one call on one GPU, from its own op tables.

Which table speaks for a call (findings on the development measurements, `docs/performance-model.md`):
for GEMMs the fastest table at each shape, whatever engine recorded it, since the engines share the
vendor's libraries and differ in quantisation passes a static checkpoint does not run; for attention and
experts the engine's own tables, one variant for all steps, because a flag selects it. Launch-bound and
eager tables speak only when nothing else does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from planner.errors import DataError
from planner.estimate.admissible import Admissible
from planner.estimate.calls import (
    Attention,
    AttentionCall,
    Exchange,
    Experts,
    Gemm,
    LatentAttention,
    LinearAttention,
    SparseAttention,
    TokenCall,
)
from planner.estimate.roofline import Roofline
from planner.kernels.registry import load_variants
from planner.profiles.basis import INTERPOLATED, ROOFLINE, TRANSFERRED
from planner.profiles.block import Block
from planner.profiles.curve import OpTime
from planner.profiles.gpus import Gpu
from planner.profiles.lookup import (
    attention_time,
    comm_time,
    curve_time,
    gemm_time,
    less_launches,
    moe_time,
    surface_time,
)
from planner.profiles.store import Profiles

Array = NDArray[np.float64]
SKEW = "power_law_1.01"  # tokens spread unevenly over experts; `balanced` is 3 % worse in the median
GRAPH_LAUNCH_S = 3e-6
MOST_ANSWERS = 4096  # remembered per table, about 1 KB each
CONVOLUTION_WIDTH = 4  # of every published gated-delta model
BACKEND_BATCH, BACKEND_LENGTH = np.array([32.0]), np.array([2048.0])
SEPARATE_BACKENDS = frozenset({"sglang"})  # --prefill-attention-backend and --decode-attention-backend


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of one call for each query point, where they come from, and the variant that runs."""

    op: str
    variant: str
    seconds: Array
    basis: NDArray[np.int8]


class OpTimes(Protocol):
    """What the step model asks of a GPU."""

    @property
    def gpu(self) -> Gpu:
        """The GPU whose times these are."""

    def token(self, call: TokenCall, tokens: Array) -> Timing:
        """Seconds of one token call for each number of tokens on one attention rank."""

    def prefill(self, call: AttentionCall, new_tokens: float, prefix_tokens: float) -> Timing:
        """Seconds of one layer's attention while one sequence is read; one value."""

    def decode(self, call: AttentionCall, batch: Array, length: float) -> Timing:
        """Seconds of one layer's attention of one decode step, per batch size."""


class NoTableError(DataError):
    """A call that no table of this GPU can answer; the message is the reason the option is rejected."""


class TableTimes:
    """Times on a GPU that has tables of its own, for one engine and one rule on kernels."""

    def __init__(self, gpu: Gpu, profiles: Profiles, *, engine: str, admissible: Admissible) -> None:
        self.gpu = gpu
        self.roofline = Roofline(gpu)
        self._profiles = profiles
        self._engine = engine
        self._admissible = admissible
        self._backends: dict[tuple[object, ...], str] = {}
        self._timed: dict[tuple[object, ...], Timing] = {}

    def token(self, call: TokenCall, tokens: Array) -> Timing:
        """See `OpTimes`."""
        return self._once((call, tokens.tobytes()), lambda: self._token(call, tokens))

    def prefill(self, call: AttentionCall, new_tokens: float, prefix_tokens: float) -> Timing:
        """See `OpTimes`; a cached prefix costs what the longer prompt costs beyond the prefix alone."""
        return self._once(
            (call, new_tokens, prefix_tokens), lambda: self._after_prefix(call, new_tokens, prefix_tokens)
        )

    def decode(self, call: AttentionCall, batch: Array, length: float) -> Timing:
        """See `OpTimes`."""
        return self._once((call, batch.tobytes(), length, ""), lambda: self._decode(call, batch, length))

    def _once(self, query: tuple[object, ...], time: Callable[[], Timing]) -> Timing:
        """The same calls come up for other precisions, layouts and related GPUs."""
        if query not in self._timed:
            if len(self._timed) >= MOST_ANSWERS:
                self._timed.clear()
            self._timed[query] = time()
        return self._timed[query]

    def _token(self, call: TokenCall, tokens: Array) -> Timing:
        if isinstance(call, Gemm):
            return self._gemm(call, tokens)
        if isinstance(call, Experts):
            return self._experts(call, tokens * call.dp)
        if isinstance(call, Exchange):
            return self._exchange(call, tokens)
        seconds = self.roofline.elementwise(call, tokens)
        return Timing(call.op, "fused elementwise", seconds, np.full(seconds.shape, ROOFLINE, np.int8))

    def _after_prefix(self, call: AttentionCall, new_tokens: float, prefix_tokens: float) -> Timing:
        whole = self._prefill(call, new_tokens + prefix_tokens)
        if prefix_tokens <= 0 or isinstance(call, LinearAttention):
            return whole if prefix_tokens <= 0 else self._prefill(call, new_tokens)
        before, alone = self._prefill(call, prefix_tokens), self._prefill(call, new_tokens)
        seconds = np.maximum(whole.seconds - before.seconds, alone.seconds)
        return Timing(whole.op, whole.variant, seconds, np.maximum(whole.basis, np.int8(INTERPOLATED)))

    def _decode(self, call: AttentionCall, batch: Array, length: float) -> Timing:
        if isinstance(call, Attention):
            return self._heads(call, "attention_decode", batch, np.asarray([length]))
        if isinstance(call, LatentAttention):
            return self._latent(call, batch, np.asarray([length]), prefill=False)
        return self._linear(call, batch)

    def _prefill(self, call: AttentionCall, tokens: float) -> Timing:
        one, length = np.ones(1), np.asarray([tokens])
        if isinstance(call, Attention):
            return self._heads(call, "attention_prefill", one, length)
        if isinstance(call, LatentAttention):
            return self._latent(call, one, length, prefill=True)
        return self._linear(call, one, new_tokens=length)

    def _tables(self, op: str, **keys: str) -> tuple[Block, ...]:
        return self._profiles.blocks(system=self.gpu.key, op=op, **keys)

    def _read(
        self,
        op: str,
        blocks: Iterable[Block],
        look: Callable[[Block], OpTime],
        floor: Callable[[], Array],
        *query: object,
    ) -> list[Timing]:
        """Answers of the blocks to one query; `query` names it, so that other engines' stacks find it again."""
        timings = []
        for block in blocks:
            time = self._remembered(block, (op, *query), look)
            if "launch_bound" in block.quality and block.floor_s is not None:
                time = less_launches(time, floor_s=block.floor_s, roofline_s=floor(), launch_s=GRAPH_LAUNCH_S)
            elif block.engine not in (self._engine, "nccl", "oneccl") and op != "gemm":
                time = OpTime(time.seconds, np.maximum(time.basis, np.int8(TRANSFERRED)))
            seconds, ratio = time.seconds, self._admissible.ratio(block.variant)
            if ratio < 1.0:
                seconds = seconds / ratio
            elif ratio > 1.0:  # no kernel is faster than the roofline
                seconds = np.minimum(seconds, np.maximum(seconds / ratio, floor()))
            timings.append(Timing(op, block.variant, seconds, time.basis))
        return timings

    def _remembered(self, block: Block, query: tuple[object, ...], look: Callable[[Block], OpTime]) -> OpTime:
        """A look-up once per query: the same shapes come up for every engine, KV format and related GPU."""
        answers: dict[object, OpTime] = self._profiles.curves(block).cache.setdefault("answers", {})
        if query not in answers:
            if len(answers) >= MOST_ANSWERS:
                answers.clear()
            answers[query] = look(block)
        return answers[query]

    def _gemm(self, call: Gemm, rows: Array) -> Timing:
        blocks = _clean(self._tables("gemm", dtype=call.dtype))
        if not blocks:
            raise NoTableError(f"no {call.dtype} gemm measured on {self.gpu.key}")
        floor = self.roofline.gemm(call.dtype)

        def look(block: Block) -> OpTime:
            return gemm_time(self._profiles.curves(block), n=call.n, k=call.k, m=rows, roofline_s=floor)

        def best(chosen: Sequence[Block]) -> Timing:
            query = (call.n, call.k, rows.tobytes())
            timings = self._read("gemm", chosen, look, lambda: floor(call.n, call.k, rows), *query)
            own = [t for t, b in zip(timings, chosen, strict=True) if b.engine == self._engine]
            return _fastest(timings, named=own)

        return self._admissible.choose("gemm", call.dtype, blocks, best)

    def _experts(self, call: Experts, tokens: Array) -> Timing:
        blocks = self._own(_clean(self._tables("moe", dtype=call.dtype, distribution=SKEW)))
        if not blocks:
            raise NoTableError(f"no {call.dtype} experts measured on {self.gpu.key}")
        key = {"hidden": call.hidden, "inter": call.inter, "experts": call.experts, "topk": call.topk,
               "tp": call.tp, "ep": call.ep}  # fmt: skip
        floor = self.roofline.experts(call.dtype)

        least = floor(*key.values(), 1.0)  # one token's experts have to be read, whatever a like shape took

        def look(block: Block) -> OpTime:
            time = moe_time(self._profiles.curves(block), **key, tokens=tokens, roofline_s=floor)
            return OpTime(np.maximum(time.seconds, least), time.basis)

        def best(chosen: Sequence[Block]) -> Timing:
            query = (*key.values(), tokens.tobytes())
            return _pick(self._read("moe", chosen, look, lambda: floor(*key.values(), tokens), *query))

        return self._admissible.choose("moe", call.dtype, blocks, best)

    def _exchange(self, call: Exchange, tokens: Array) -> Timing:
        elements = tokens * call.elements
        blocks = [b for b in self._tables(call.op, dtype="bf16")
                  if b.engine in (self._engine, "nccl", "oneccl") and "eager" not in b.quality]  # fmt: skip
        floor = self.roofline.exchange(call.op)
        if not blocks:
            seconds = 10e-6 + floor(call.gpus, elements)
            return Timing(call.op, "any", seconds, np.full(seconds.shape, ROOFLINE, np.int8))

        def look(block: Block) -> OpTime:
            return comm_time(
                self._profiles.curves(block), num_gpus=call.gpus, elements=elements, roofline_s=floor
            )

        def best(chosen: Sequence[Block]) -> Timing:
            query = (call.gpus, elements.tobytes())
            timings = self._read(call.op, chosen, look, lambda: floor(call.gpus, elements), *query)
            return _fastest(timings, named=timings)  # engines switch by message size

        return self._admissible.choose(call.op, "bf16", blocks, best)

    def _heads(self, call: Attention, op: str, batch: Array, length: Array) -> Timing:
        blocks = self._attention_tables(call, op)
        if not blocks:
            raise NoTableError(f"no {op} with {call.kv} cache measured on {self.gpu.key}")

        def best(chosen: Sequence[Block]) -> Timing:
            return _pick(self._heads_over(call, op, self._same_backend(call, chosen), batch, length))

        return self._admissible.choose(op, call.kv, blocks, best)

    def _attention_tables(self, call: Attention, op: str) -> Sequence[Block]:
        blocks = self._own(_clean(self._tables(op, kv_dtype=call.kv)))
        return [b for b in blocks if b.dtype in ("bf16", "")] or blocks

    def _heads_over(
        self, call: Attention, op: str, blocks: Sequence[Block], batch: Array, length: Array
    ) -> list[Timing]:
        floor = (self.roofline.decode if op == "attention_decode" else self.roofline.prefill)(call.kv)
        key = {
            "heads": call.heads,
            "kv_heads": call.kv_heads,
            "head_dim": call.head_dim,
            "window": call.window,
        }

        def look(block: Block) -> OpTime:
            return attention_time(
                self._profiles.curves(block), **key, batch=batch, length=length, roofline_s=floor
            )

        query = (*key.values(), batch.tobytes(), length.tobytes())
        return self._read(op, blocks, look, lambda: floor(*key.values(), batch, length), *query)

    def _flag(self, variant: str) -> str:
        return load_variants()[variant].flags.get(self._engine, "")

    def _same_backend(self, call: Attention, blocks: Sequence[Block]) -> Sequence[Block]:
        """Tables of one attention backend: one flag selects it for prefill and decode alike, except on engines
        with a flag for each. It is the fastest at decoding `BACKEND_BATCH` requests of `BACKEND_LENGTH` tokens,
        so that the choice depends on the model and the GPU only, never on what was asked before."""
        if self._engine in SEPARATE_BACKENDS:
            return blocks
        key = (call.kv, call.heads, call.kv_heads, call.head_dim)
        if key not in self._backends:
            decode = [
                b
                for b in self._attention_tables(call, "attention_decode")
                if self._admissible.allows(b.variant, "attention_decode")
            ]
            full = replace(call, window=0)  # sliding layers run in the same backend
            timings = self._heads_over(full, "attention_decode", decode, BACKEND_BATCH, BACKEND_LENGTH)
            self._backends[key] = self._flag(_pick(timings).variant) if timings else ""
        return [b for b in blocks if self._flag(b.variant) == self._backends[key]] or blocks

    def _latent(self, call: LatentAttention, batch: Array, length: Array, *, prefill: bool) -> Timing:
        sparse = isinstance(call, SparseAttention)
        op = f"{call.op}_{'prefill' if prefill else 'decode'}"
        tables = self._tables(op, kv_dtype=call.kv, gemm_dtype=call.gemm)
        if isinstance(call, SparseAttention):
            tables = tuple(b for b in tables if _same_family(b.about("model") or "", call.family))
        blocks = self._own(_clean([b for b in tables if sparse or b.about("scope") == "module"]))
        blocks = [b for b in blocks if b.dtype == "bf16"] or blocks
        if not blocks:
            raise NoTableError(
                f"no {op} with {call.gemm} projections and {call.kv} cache measured on {self.gpu.key}"
            )
        floor = self.roofline.latent(call, prefill=prefill)

        def look(block: Block) -> OpTime:
            curves = self._profiles.curves(block)
            if "prefix" in block.axes:  # heads, prefix, batch: no cached prefix
                return surface_time(curves, key=(call.heads, 0), along=batch, x=length, like_batch=0,
                                    roofline_s=lambda h, _, b, x: floor(h, b, x))  # fmt: skip
            return surface_time(curves, key=(call.heads,), along=batch, x=length, roofline_s=floor)

        def best(chosen: Sequence[Block]) -> Timing:
            query = (call, batch.tobytes(), length.tobytes())
            return _pick(self._read(op, chosen, look, lambda: floor(call.heads, batch, length), *query))

        return self._admissible.choose(op, call.gemm, blocks, best)

    def _linear(self, call: LinearAttention, batch: Array, *, new_tokens: Array | None = None) -> Timing:
        """A layer is the sum of its convolution and its recurrence, each the fastest the engine has."""
        op = "gdn_decode" if new_tokens is None else "gdn_prefill"
        blocks = self._own(_clean(self._tables(op)))
        parts = []
        for convolution in (True, False):
            chosen = [b for b in blocks if ("conv" in b.variant) == convolution]
            if not chosen:
                raise NoTableError(f"no {op} measured on {self.gpu.key}")
            parts.append(self._linear_part(op, call, chosen, batch, new_tokens, convolution=convolution))
        basis = np.maximum(parts[0].basis, parts[1].basis)
        return Timing(op, parts[1].variant, parts[0].seconds + parts[1].seconds, basis)

    def _linear_part(
        self, op: str, call: LinearAttention, blocks: Sequence[Block], batch: Array, new_tokens: Array | None, *,
        convolution: bool,
    ) -> Timing:  # fmt: skip
        key = (call.k_heads, call.k_dim, call.v_heads, call.v_dim, call.hidden, CONVOLUTION_WIDTH)
        floor = self.roofline.linear(call, convolution=convolution)

        def look(block: Block) -> OpTime:
            curves = self._profiles.curves(block)
            if new_tokens is None:
                return curve_time(curves, key=key, x=batch, roofline_s=lambda *a: floor(a[-1], 1.0))
            return surface_time(
                curves, key=key, along=batch, x=new_tokens, roofline_s=lambda *a: floor(a[-2], a[-1])
            )

        def best(chosen: Sequence[Block]) -> Timing:
            length = np.ones(1) if new_tokens is None else new_tokens
            query = (*key, batch.tobytes(), length.tobytes())
            return _pick(self._read(op, chosen, look, lambda: floor(batch, length), *query))

        return self._admissible.choose(op, "bf16", blocks, best)

    def _own(self, blocks: Sequence[Block]) -> Sequence[Block]:
        return [b for b in blocks if b.engine == self._engine] or blocks


def _clean(blocks: Sequence[Block]) -> Sequence[Block]:
    """Without launch-bound and eager tables where others exist."""
    return [b for b in blocks if not {"launch_bound", "eager"} & set(b.quality)] or blocks


def _same_family(model: str, family: str) -> bool:
    """Whether a sparse-attention table was taken on this family's shape (GLM-5.2 differs from GLM-5)."""
    name = model.lower()
    return "glm-5" in name and "5.2" not in name if family.startswith("glm") else "deepseek" in name


def _pick(timings: Sequence[Timing]) -> Timing:
    """The variant with the least time over all query points: one flag holds for every step."""
    return min(timings, key=lambda t: float(np.sum(t.seconds)))


def _fastest(timings: Sequence[Timing], *, named: Sequence[Timing]) -> Timing:
    """Pointwise least over repeated measurements; named after the best of the engine's own."""
    seconds = np.stack([t.seconds for t in timings])
    best = seconds.argmin(axis=0)
    basis = np.stack([t.basis for t in timings])[best, np.arange(seconds.shape[1])]
    name = _pick(named or timings).variant
    return Timing(timings[0].op, name, seconds.min(axis=0), basis)
