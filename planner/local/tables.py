"""Reviewed spellings of engines, number formats, metrics and workloads; see `data/local_*.csv`.

Figures people publish name an engine, a format and a metric in their own words. A spelling resolves only
through these tables; one that does not is a refusal with a reason, never a guess.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from planner.errors import ScenarioError, did_you_mean
from planner.precisions import load_precisions


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine on a backend; `split` says how it spreads a model over GPUs."""

    name: str
    backend: str
    split: str
    """`layer`: GPUs take turns on a token, as in llama.cpp; `tensor`: all GPUs work on every layer."""

    @property
    def key(self) -> str:
        """Group that calibration is kept for.

        >>> Engine("llama.cpp", "cuda", "layer").key
        'llama.cpp/cuda'
        """
        return f"{self.name}/{self.backend}"


@dataclass(frozen=True, slots=True)
class Format:
    """How weights are stored; formats with one `kernel` are unpacked by the same kind of code."""

    name: str
    bits_per_weight: float
    """Of the weights the format is named for; with routed experts, theirs."""
    dense_bits: float
    """Of the rest of a model with routed experts."""
    kernel: str


@dataclass(frozen=True, slots=True)
class Metric:
    """What a figure counts: `bench`, `stream`, `whole`, `saturated` or `served` (see local_metrics.csv)."""

    regime: str
    replicas: bool
    """Whether the system runs as many engines as its GPUs allow, and not one over all of them."""


@dataclass(frozen=True, slots=True)
class Workload:
    """Mean tokens of one request of a published benchmark."""

    input_tokens: float
    output_tokens: float


_NATIVE_BACKEND = {"nvidia": "cuda", "amd": "rocm", "apple": "metal", "intel": "xpu", "tenstorrent": "tt"}
_BACKEND_WORDS = ("cuda", "rocm", "vulkan", "metal", "cpu")


def rows(name: str) -> list[dict[str, str]]:
    """Rows of a shipped table of this package."""
    text = (files("planner") / "data" / f"local_{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@cache
def _table(name: str) -> tuple[dict[str, str], ...]:
    return tuple(rows(name))


def _matching(name: str, text: str) -> dict[str, str] | None:
    folded = " ".join(text.casefold().replace(",", " ").split())
    return next((row for row in _table(name) if row["text"] in folded), None)


@cache
def resolve_engine(text: str, vendor: str) -> Engine:
    """Engine a framework label means on a GPU of `vendor`; raises ScenarioError.

    >>> resolve_engine("llama.cpp b8778 rocm", "amd").key, resolve_engine("ollama 0.32.1", "apple").key
    ('llama.cpp/rocm', 'llama.cpp/metal')
    """
    row = _matching("engines", text)
    if row is None:
        hint = did_you_mean(text, [r["text"] for r in _table("engines")])
        raise ScenarioError(f"unknown engine {text[:60]!r}", hint=hint or "see local_engines.csv")
    folded = text.casefold()
    said = next((word for word in _BACKEND_WORDS if word in folded), "")
    # a label such as "cuda" on an AMD or Apple device is the submitter's slip
    if said == "cuda" and vendor != "nvidia":
        said = ""
    return Engine(row["engine"], said or row["backend"] or _NATIVE_BACKEND.get(vendor, "any"), row["split"])


@cache
def resolve_format(text: str) -> Format:
    """Stored format a quantisation label means, `UD-` variants included; raises ScenarioError.

    >>> resolve_format("UD-Q4_K_M").bits_per_weight, resolve_format("MXFP4").kernel
    (4.8944, 'legacy')
    """
    folded = text.strip().casefold()
    folded = folded[3:] if folded.startswith(("ud-", "ud_")) else folded
    row = next((r for r in _table("formats") if r["text"] == folded), None)
    if row is None:
        hint = did_you_mean(folded, [r["text"] for r in _table("formats")])
        raise ScenarioError(f"unknown number format {text[:40]!r}", hint=hint or "see local_formats.csv")
    stated = row["bits_per_weight"]
    bits = float(stated) if stated else load_precisions()[row["format"]].bits_per_weight
    return Format(row["format"], bits, float(row["dense_bits"] or bits), row["kernel"])


@cache
def resolve_metric(text: str) -> Metric:
    """What a metric counts; raises ScenarioError.

    >>> resolve_metric("llama-bench pp/tg").regime, resolve_metric("MLPerf Server output tokens/s").regime
    ('bench', 'served')
    """
    row = _matching("metrics", text)
    if row is None:
        raise ScenarioError(f"unknown metric {text[:60]!r}", hint="see local_metrics.csv")
    return Metric(row["regime"], row["replicas"] == "1")


@cache
def published_workload(model: str) -> Workload | None:
    """Mean lengths of the published benchmark on this model, where its rows leave them out."""
    row = _matching("lengths", model)
    return Workload(float(row["input_tokens"]), float(row["output_tokens"])) if row else None
