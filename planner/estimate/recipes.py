"""How each engine runs by default: host time, scheduling, streaming, memory budget.

Every value is an explicit setting with a name; an answer that rests on a default says so in its notes.
Sources: [F] fitted by us on the development measurements (`docs/performance-model.md`), [P] published
benchmark scripts and engine documentation, [C] checked against the running requests that measured
queueing implies.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any

from planner.errors import InputError, did_you_mean
from planner.models import Model


@dataclass(frozen=True, slots=True)
class Recipe:
    """Defaults of one engine: what is published first, then what is fitted (`FITTED`)."""

    engine: str
    memory_share: float  # of device memory the engine may use [P]
    reserved_bytes: float  # of that, workspace, graphs, activations [C]
    share_after_weights: bool  # memory_share applies to what weights and workspace leave (TensorRT-LLM) [C]
    reserves_full_length: bool  # KV blocks for the whole request are taken up front (TensorRT-LLM) [C]
    max_batched_tokens: int  # prefill tokens per step [P]
    version: str  # version whose op tables are shipped
    host_s_per_layer: float  # launch gaps and small kernels the op tables do not hold [F]
    host_s_per_sequence: float  # scheduling, sampling, detokenising: per running request and step [F]
    first_token_s: float  # request parsing and tokenising before the first step [F]
    stream_steps: float  # decode steps before the client sees a token at stream_interval 1 [F]
    lockstep_stream_steps: float  # the same when all lengths are equal: those runs used another client [F]
    lockstep_share: float  # of the prefill interference felt when all lengths are equal [F]
    lockstep_wave: float  # of the other requests' prefills in TTFT when all lengths are equal [F]
    lockstep_steps: float  # mixed steps before the first token when all lengths are equal [F]


def _fitted() -> Mapping[str, Mapping[str, Any]]:
    """Fitted values by engine; units and reasons are in the file, `planner.calibration.fit` writes it."""
    text = (files("planner") / "data" / "calibration_parameters.csv").read_text(encoding="utf-8")
    found: dict[str, dict[str, Any]] = {}
    for row in csv.DictReader(text.splitlines()):
        found.setdefault(row["engine"], {})[row["name"]] = float(row["value"])
    return found


FITTED = _fitted()
_PUBLISHED: tuple[tuple[Any, ...], ...] = (
    ("vllm", 0.90, 5e9, False, False, 8192, "0.24.0"),
    ("sglang", 0.90, 5e9, False, False, 32768, "0.5.14"),
    ("trtllm", 0.90, 3e9, True, True, 8192, "1.3.0rc20"),
)
RECIPES: dict[str, Recipe] = {row[0]: Recipe(*row, **FITTED[row[0]]) for row in _PUBLISHED}


@dataclass(frozen=True, slots=True)
class Setup:
    """Everything about how an engine runs one model that the estimate depends on."""

    recipe: Recipe
    engine_version: str | None = None
    cuda_graphs: bool = True
    stream_interval: int = 1  # decode steps per streamed chunk
    accepted_tokens: float = 1.0  # tokens per decode step with speculative decoding
    max_running: int | None = None
    random_lengths: bool = True  # requests drift apart; False: all lengths equal, waves in lockstep
    opening_burst: float = 0.0  # share of all other requests' prefills that the mean TTFT contains
    assumed: tuple[str, ...] = ()  # settings nobody stated

    @property
    def engine(self) -> str:
        """Name of the engine."""
        return self.recipe.engine

    @property
    def stream_delay_steps(self) -> float:
        """Decode steps between the first token's step and the client seeing it."""
        recipe = self.recipe
        polling = recipe.stream_steps if self.random_lengths else recipe.lockstep_stream_steps
        return polling + (self.stream_interval - 1)


def setup_for(engine: str, *, model: Model | None = None, **settings: object) -> Setup:
    """Setup of `engine` with its defaults, each stated setting replaced.

    Raises `InputError` for an engine without a recipe.
    """
    if engine not in RECIPES:
        raise InputError(
            f"engine: no performance recipe for {engine!r}",
            hint=did_you_mean(engine, RECIPES) or f"known: {', '.join(RECIPES)}",
        )
    stated = {k: v for k, v in settings.items() if v is not None}
    assumed = tuple(k for k in ("cuda_graphs", "stream_interval", "max_running") if k not in stated)
    return replace(Setup(RECIPES[engine], assumed=assumed), **stated)  # type: ignore[arg-type]
