"""How the published runs were set up where their rows do not say: KV format, streaming, speculation, graphs.

From the public benchmark's scripts and from what the measurements imply (`docs/performance-model.md`). A
user's own run states these settings, or ran with its engine's defaults; nothing here touches a plan.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from planner.estimate.recipes import Setup, setup_for
from planner.models import Model
from planner.profiles.gpus import Gpu
from planner.validate.cases import OPENING_BURST, Case

_BLACKWELL = "blackwell"
# Versions whose DeepSeek-R1 runs are 1.5 to 2 times faster per token than equal V3 runs: drafted tokens.
_SPECULATIVE_R1 = frozenset({("sglang", "0.5.9"), ("trtllm", "1.1.0rc2.post2"), ("trtllm", "1.2.0rc6.post3")})
ACCEPTED_TOKENS = 1.5
_SPECULATIVE: tuple[Callable[[Case, Model], bool], ...] = (
    lambda c, m: "r1" in c.model.lower() and (c.engine, c.version) in _SPECULATIVE_R1,
    # Qwen3.5 on four GPUs without expert parallelism: 1.2 to 1.6 times faster per token at small batch than equal runs
    # with it, and 46 to 93 steps to the first token instead of 20 to 60: the streaming interval counts steps.
    lambda c, m: m.family == "qwen3_5" and (c.engine, c.version, str(c.layout)) == ("sglang", "0.5.9", "tp4"),
)


@dataclass(frozen=True, slots=True)
class Stream:
    """Decode steps per streamed chunk, by family: what the scripts set, else 1."""

    default: int
    by_family: Mapping[str, int]

    def of(self, family: str) -> int:
        """Interval for one model family."""
        return self.by_family.get(family, self.default)


_STREAM = {
    "vllm": Stream(1, {}),
    "sglang": Stream(1, {"deepseek": 30, "qwen3_5": 30, "qwen3": 12, "llama": 12}),
    "trtllm": Stream(1, {"deepseek": 18, "llama": 4, "gpt_oss": 4}),
}

KvRule = Callable[[Case, Model, Gpu], bool]
_FP8_KV: tuple[KvRule, ...] = (
    lambda c, m, g: c.engine == "trtllm" and c.weights in ("fp8", "nvfp4"),
    lambda c, m, g: m.family == "llama" and m.num_layers == 80 and c.weights in ("fp8", "nvfp4"),
    lambda c, m, g: m.family == "qwen3_5" and c.engine == "sglang",
    lambda c, m, g: m.family == "minimax" and g.architecture.startswith(_BLACKWELL),
)


def kv_precision(case: Case, model: Model, gpu: Gpu) -> str:
    """As stated; for a published row FP8 where the checkpoint declares it or the queue implies it, else bf16."""
    if case.kv or case.stated is not None:
        return case.kv or "bf16"
    return "fp8" if any(rule(case, model, gpu) for rule in _FP8_KV) else "bf16"


def setup_of(case: Case, model: Model) -> Setup:
    """The engine settings behind one curve: those stated, engine defaults for the rest; assumed for published rows."""
    if case.stated is None:
        return published_setup(case, model)
    return setup_for(case.engine, engine_version=case.version or None, random_lengths=case.random_lengths,
                     opening_burst=OPENING_BURST, **dict(case.stated))  # fmt: skip


def published_setup(case: Case, model: Model) -> Setup:
    """The engine settings behind one published curve."""
    speculative = any(rule(case, model) for rule in _SPECULATIVE)
    no_graphs = case.engine == "vllm" and case.version == "0.12.0" and model.family == "qwen3_moe"
    return setup_for(
        case.engine,
        engine_version=case.version,
        cuda_graphs=not no_graphs,
        stream_interval=_STREAM[case.engine].of(model.family)
        if case.random_lengths or case.engine == "sglang"
        else 1,
        accepted_tokens=ACCEPTED_TOKENS if speculative else 1.0,
        random_lengths=case.random_lengths,
        opening_burst=OPENING_BURST,
    )
