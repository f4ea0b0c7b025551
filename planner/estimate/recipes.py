"""How each engine runs by default: host time, scheduling, streaming, memory budget; one recipe per engine and version.

Every value is an explicit setting with a name; an answer that rests on a default says so in its notes.
Sources: [F] fitted by us on the development measurements (`docs/performance-model.md`), [P] published
defaults of the engine (`data/recipes.csv`), [C] checked against the running requests that measured
queueing implies.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any

from planner.errors import InputError, did_you_mean

SCHEDULERS = ("mixed", "prefill_first")
"""Prompts are read beside running requests, or before them while these wait."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Defaults of one engine: what is published first, then what is fitted (`FITTED`)."""

    engine: str
    memory_share: float  # of device memory the engine may use [P]
    reserved_bytes: float  # of that, workspace, graphs, activations [C]
    share_after_weights: bool  # memory_share applies to what weights and workspace leave (TensorRT-LLM) [C]
    reserves_full_length: bool  # KV blocks for the whole request are taken up front (TensorRT-LLM) [C]
    scheduler: str  # one of SCHEDULERS [P]
    kv_block_tokens: int  # the KV cache is handed out in blocks of so many tokens [P]
    version: str  # version whose op tables are shipped
    host_s_per_layer: float  # launch gaps and small kernels the op tables do not hold [F]
    host_s_per_sequence: float  # scheduling, sampling, detokenising: per running request and step [F]
    first_token_s: float  # request parsing and tokenising before the first step [F]
    stream_steps: float  # decode steps before the client sees a token at stream_interval 1 [F]
    lockstep_stream_steps: float  # the same when all lengths are equal: those runs used another client [F]
    lockstep_share: float  # of the prefill interference felt when all lengths are equal [F]
    lockstep_wave: float  # of the other requests' prefills in TTFT when all lengths are equal [F]
    lockstep_steps: float  # mixed steps before the first token when all lengths are equal [F]


TABLES = {"vllm": "0.24.0", "sglang": "0.5.14", "trtllm": "1.3.0rc20"}  # versions the op tables were taken on
SCHEDULED_LIKE = {"mixed": "vllm", "prefill_first": "sglang"}
"""Engine whose lockstep constants speak for a way of scheduling, where an engine's own were fitted under another."""
LOCKSTEP = ("lockstep_share", "lockstep_wave")


def _rows(name: str) -> list[dict[str, str]]:
    text = (files("planner") / "data" / name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _fitted() -> Mapping[str, Mapping[str, Any]]:
    """Fitted values by engine; units and reasons are in the file, `planner.calibration.fit` writes it."""
    found: dict[str, dict[str, Any]] = {}
    for row in _rows("calibration_parameters.csv"):
        found.setdefault(row["engine"], {})[row["name"]] = float(row["value"])
    return found


def _published(row: Mapping[str, str]) -> Recipe:
    return Recipe(
        engine=row["engine"], memory_share=float(row["memory_share"]), reserved_bytes=float(row["reserved_bytes"]),
        share_after_weights=row["share_after_weights"] == "yes", scheduler=row["scheduler"],
        reserves_full_length=row["reserves_full_length"] == "yes", kv_block_tokens=int(row["kv_block_tokens"]),
        version=TABLES[row["engine"]], **FITTED[row["engine"]],
    )  # fmt: skip


def _number(version: str) -> tuple[int, ...]:
    """Leading numbers of a version: `1.3.0rc20` is (1, 3, 0); empty for a nightly or a name."""
    found = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(n) for n in found.group().split(".")) if found else ()


FITTED = _fitted()
_PUBLISHED: dict[str, list[tuple[tuple[int, ...], Recipe]]] = {}
for _row in _rows("recipes.csv"):
    _PUBLISHED.setdefault(_row["engine"], []).append((_number(_row["since"]), _published(_row)))
RECIPES: dict[str, Recipe] = {engine: rows[-1][1] for engine, rows in _PUBLISHED.items()}
"""The newest recipe of each engine, which a plan starts."""


def recipe_for(engine: str, version: str | None = None) -> Recipe:
    """Recipe of an engine at a version; the newest where none is stated or it has no number (a nightly).

    Raises `InputError` for an engine without a recipe.

    >>> recipe_for("vllm", "0.7.3").scheduler, recipe_for("vllm", "0.19.0").scheduler
    ('prefill_first', 'mixed')
    """
    if engine not in RECIPES:
        raise InputError(
            f"engine: no performance recipe for {engine!r}",
            hint=did_you_mean(engine, RECIPES) or f"known: {', '.join(RECIPES)}",
        )
    at = _number(version or "")
    older = [recipe for since, recipe in _PUBLISHED[engine] if at and since <= at]
    found = older[-1] if older else RECIPES[engine]
    return scheduled(found, found.scheduler)


def scheduled(recipe: Recipe, scheduler: str) -> Recipe:
    """The recipe under a way of scheduling; lockstep constants are borrowed where its own were fitted under another."""
    if scheduler not in SCHEDULERS:
        raise InputError(
            f"scheduler: {scheduler!r} is not known",
            hint=did_you_mean(scheduler, SCHEDULERS) or " or ".join(SCHEDULERS),
        )
    if scheduler == RECIPES[recipe.engine].scheduler:
        return replace(recipe, scheduler=scheduler)
    like = RECIPES[SCHEDULED_LIKE[scheduler]]
    return replace(recipe, scheduler=scheduler, **{name: getattr(like, name) for name in LOCKSTEP})


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
    def scheduler(self) -> str:
        """How prompts meet running requests, one of SCHEDULERS."""
        return self.recipe.scheduler

    @property
    def stream_delay_steps(self) -> float:
        """Decode steps between the first token's step and the client seeing it."""
        recipe = self.recipe
        polling = recipe.stream_steps if self.random_lengths else recipe.lockstep_stream_steps
        return polling + (self.stream_interval - 1)


SETTINGS: Mapping[str, Callable[[Setup], str]] = {
    "scheduler": lambda s: "prompts read beside running requests" if s.scheduler == "mixed"
    else "prompts read before running requests go on",
    "cuda_graphs": lambda s: f"CUDA graphs {'on' if s.cuda_graphs else 'off'}",
    "accepted_tokens": lambda s: "no speculative decoding" if s.accepted_tokens == 1.0
    else f"{s.accepted_tokens:g} tokens per step by speculative decoding",
    "stream_interval": lambda s: "every token streamed" if s.stream_interval == 1
    else f"{s.stream_interval} steps per streamed chunk",
    "max_running": lambda s: "no limit on running requests but memory" if s.max_running is None
    else f"at most {s.max_running} running requests",
    "random_lengths": lambda s: f"{'lengths vary around their means' if s.random_lengths else 'all lengths equal'}",
}  # fmt: skip
"""Settings one can state, and each in words."""


def setup_for(
    engine: str, *, engine_version: str | None = None, scheduler: str | None = None, opening_burst: float = 0.0,
    **settings: object,
) -> Setup:  # fmt: skip
    """Setup of `engine` with the defaults of its version, each stated setting (`SETTINGS`) replaced.

    Raises `InputError` for an engine without a recipe and a scheduler nobody knows.
    """
    recipe = recipe_for(engine, engine_version)
    stated = {k: v for k, v in settings.items() if v is not None}
    given = {*stated, *(["scheduler"] if scheduler is not None else [])}
    assumed = tuple(name for name in SETTINGS if name not in given)
    setup = Setup(scheduled(recipe, scheduler or recipe.scheduler), engine_version, opening_burst=opening_burst,
                  assumed=assumed)  # fmt: skip
    return replace(setup, **stated)  # type: ignore[arg-type]
