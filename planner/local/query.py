"""Rows of published figures as questions: what is asked, without any figure that was measured.

Only `INPUT_COLUMNS` are read. A note may quote a measured TTFT, so notes, sources and dates stay outside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from planner.errors import DoesNotFit, ScenarioError
from planner.local.device import Device, resolve_device
from planner.local.shape import TokenCost, resolve_cost
from planner.local.tables import (
    Engine,
    Format,
    published_workload,
    resolve_engine,
    resolve_format,
    resolve_metric,
)

INPUT_COLUMNS = (
    "device", "count", "framework", "model", "quant", "batch", "prompt_len", "gen_len", "metric",
    "device_as_reported",
)  # fmt: skip
CHAT_INPUT, CHAT_OUTPUT = 64.0, 256.0
"""Tokens assumed for a single request whose lengths are not stated: a one-line question, a short answer."""
SATURATED_BATCH = 2048.0
"""Requests one replica runs at most; the default limit of TensorRT-LLM, and close to vLLM's 1024."""
_WEIGHTS_OF_MEMORY = 0.6  # with more, too few requests fit for a throughput run to choose that group
_FOUR_BIT = frozenset({"int4", "nvfp4", "mxfp4"})
_MEMORY_HEADROOM = 1.03  # rounding of labels; a model larger than this does not run from GPU memory


@dataclass(frozen=True, slots=True)
class Query:
    """One configuration of a local engine; `regime` says what its figures count."""

    device: Device
    count: int
    gpus_per_engine: int
    engine: Engine
    cost: TokenCost
    format: Format
    regime: str
    batch: float
    input_tokens: float
    output_tokens: float
    notes: tuple[str, ...] = ()

    @property
    def cache_element_bytes(self) -> float:
        """16 bits unless an engine is told otherwise; 8-bit checkpoints for throughput come with an 8-bit cache."""
        return 1.0 if self.throughput and self.format.kernel in {"fp8", "fp4"} else 2.0

    @property
    def throughput(self) -> bool:
        """Whether as many requests run as fit."""
        return self.regime in {"saturated", "served"}

    @property
    def weight_bytes(self) -> float:
        """Bytes of all weights."""
        cost, form = self.cost, self.format
        if not cost.expert_params:
            return cost.params_total * form.bits_per_weight / 8
        dense = cost.params_total - cost.expert_params
        return (cost.expert_params * form.bits_per_weight + dense * form.dense_bits) / 8


def read_query(row: Mapping[str, str]) -> Query:
    """The question one row asks; raises ScenarioError with the reason where it cannot be answered."""
    device = resolve_device(row["device"])
    engine = resolve_engine(row["framework"], device.vendor)
    if engine.backend == "cpu":
        raise ScenarioError("the engine ran on the host processor, not on the GPU")
    cost = resolve_cost(row["model"])
    metric = resolve_metric(row["metric"])
    regime, count = metric.regime, _gpus(row)
    notes = [device.note] if device.note else []
    if cost.scaled:
        notes.append(f"shape of {row['model']} is not published here; {cost.name}")
    query = Query(
        device=device,
        count=count,
        gpus_per_engine=count,
        engine=engine,
        cost=cost,
        format=_format(row["quant"], cost),
        regime=regime,
        batch=_batch(row, regime, engine),
        **_lengths(row, regime, notes),
        notes=tuple(notes),
    )
    _refuse_oversized(query)
    return replace(query, gpus_per_engine=_smallest_group(query)) if metric.replicas else query


def _gpus(row: Mapping[str, str]) -> int:
    """GPUs of the system; a board sold as "Dual" holds two behind one name."""
    boards = _number(row, "count") or 1.0
    return int(boards) * (2 if " dual " in f" {row['device_as_reported'].casefold()} " else 1)


def _smallest_group(query: Query) -> int:
    """Fewest GPUs, in powers of two, whose memory leaves room for requests beside the weights."""
    group = 1
    while group < query.count and query.weight_bytes > _WEIGHTS_OF_MEMORY * group * query.device.memory_bytes:
        group *= 2
    return min(group, query.count)


def _format(text: str, cost: TokenCost) -> Format:
    """The format of the weights; a checkpoint published in four bits and run "in fp16" computes in fp16."""
    said = resolve_format(text)
    if said.kernel == "float" and cost.stored_as in _FOUR_BIT:
        return resolve_format(cost.stored_as)
    return said


def _batch(row: Mapping[str, str], regime: str, engine: Engine) -> float:
    if regime in {"saturated", "served"}:
        return SATURATED_BATCH
    if regime == "stream" or engine.name == "llama.cpp":
        return 1.0  # one request is timed; numbers in this column are prompt chunk sizes (-b)
    return max(1.0, _number(row, "batch") or 1.0)


def _lengths(row: Mapping[str, str], regime: str, notes: list[str]) -> dict[str, float]:
    given, asked = _number(row, "prompt_len"), _number(row, "gen_len")
    usual = published_workload(row["model"]) if regime in {"saturated", "served"} else None
    if given is None and usual:
        given, asked = usual.input_tokens, usual.output_tokens
        notes.append("mean lengths of the published benchmark assumed")
    elif given is None or asked is None:
        notes.append(f"lengths not stated: {CHAT_INPUT:g} in and {CHAT_OUTPUT:g} out assumed where missing")
    return {
        "input_tokens": CHAT_INPUT if given is None else given,
        "output_tokens": CHAT_OUTPUT if asked is None else asked,
    }


def _number(row: Mapping[str, str], column: str) -> float | None:
    text = row[column].strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:
        raise ScenarioError(f"{column}: {text[:30]!r} is not a number", hint="leave unknown ones empty")
    return value or None


def _refuse_oversized(query: Query) -> None:
    """Weights that do not fit are read from host memory, and no row says which part of them."""
    gpus = query.count
    memory = gpus * query.device.memory_bytes * _MEMORY_HEADROOM
    cost = query.cost
    context = query.input_tokens + (query.output_tokens if query.regime != "bench" else 0.0)
    cache = query.cache_element_bytes * (cost.kv_full * context + cost.kv_window * min(context, cost.window))
    if query.weight_bytes + cache > memory:
        raise DoesNotFit(
            f"{(query.weight_bytes + cache) / 1e9:.1f} GB of weights and cache do not fit "
            f"{gpus} x {query.device.key}; the share kept in host memory is not stated (use more GPUs or fewer bits)"
        )
