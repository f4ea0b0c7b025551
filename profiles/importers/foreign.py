"""Other projects' op measurements as traces: origin imported, trust 1 at most, each row with source and licence.

A reader takes the text of a file and yields traces; a cell it cannot carry is counted with the reason. What
these files lack (spread, clocks, driver, cache state) stays unknown: nothing is filled in.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from planner.kernels.errors import KernelError
from planner.kernels.reference import load_ops
from planner.profiles import trace as t
from planner.profiles.errors import ProfileError
from planner.profiles.gpus import load_gpus, resolve_gpu

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """One measurement of a foreign file, in our words."""

    op: str
    dtype: str
    shape: Mapping[str, int]
    variant: str
    device: str
    median_s: float
    p20_s: float | None = None
    p80_s: float | None = None
    taken: str = ""
    timer: str = "unknown"
    cache_mode: str = "unknown"


class Unusable(ValueError):
    """A row we cannot carry; the message is the reason, counted."""


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file: how to know it, how to read a row, and whose it is."""

    name: str
    columns: frozenset[str]
    """A CSV has these; a JSON-lines row has these keys."""
    read: Callable[[Row], Found]
    source: str
    licence: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import made of a file."""

    format: str
    traces: tuple[t.Trace, ...]
    left_out: Mapping[str, int]
    """Reason to number of rows."""


LIGER_OPS = {
    "rms_norm": "rmsnorm",
    "layer_norm": "layernorm",
    "softmax": "softmax",
    "cross_entropy": "cross_entropy",
}
DTYPES = {"torch.bfloat16": "bf16", "torch.float32": "fp32", "torch.float16": "fp16", "bfloat16": "bf16",
          "float32": "fp32", "float16": "fp16"}  # fmt: skip


def _liger(row: Row) -> Found:
    """Liger's benchmark CSV: p20, p50 and p80 of Triton's timer in ms, memory rows beside them."""
    if row["metric_name"] != "speed":
        raise Unusable("memory, not time")
    if row["kernel_operation_mode"] not in ("forward", "no-grad-forward"):
        raise Unusable("not the forward pass")
    if row["kernel_name"] not in LIGER_OPS:
        raise Unusable(f"kernel {row['kernel_name']} has no op of ours")
    op = LIGER_OPS[row["kernel_name"]]
    config = json.loads(row["extra_benchmark_config_str"] or "{}")
    dtype = DTYPES.get(str(config.get("dtype", "")))
    if dtype is None:
        raise Unusable("dtype not stated")
    x = int(float(row["x_value"]))
    tokens, width = _liger_shape(op, row["x_name"], x, config)
    axis = "vocab" if op == "cross_entropy" else "width"
    return Found(
        op, dtype, {"tokens": tokens, axis: width}, f"liger_bench_{row['kernel_provider']}_{op}", row["gpu_name"],
        float(row["y_value_50"]) * 1e-3, float(row["y_value_20"]) * 1e-3, float(row["y_value_80"]) * 1e-3,
        row["timestamp"], "events", "cold-flush",
    )  # fmt: skip


def _liger_shape(op: str, name: str, x: int, config: Row) -> tuple[int, int]:
    if op in ("rmsnorm", "layernorm", "softmax") and name in ("H", "N") and "M" in config:
        return int(config["M"]), x
    if op == "cross_entropy" and name == "V" and {"B", "T"} <= set(config):
        return int(config["B"]) * int(config["T"]), x
    raise Unusable(f"{op} by {name}: the shape is not stated")


def _aiter(row: Row) -> Found:
    """AITER's tuned tables: the winner of a search per shape, mean device time in us, warm caches."""
    if row.get("q_dtype_w", "bf16") not in ("", "torch.bfloat16", "bf16") or row.get("dtype", "bf16") not in (
        "", "torch.bfloat16", "bf16",
    ):  # fmt: skip
        raise Unusable("not bf16: our gemm of that format is defined otherwise")
    us = float(row["us"])
    if not 0 < us < float("inf"):
        raise Unusable("placeholder time")
    gfx = str(row.get("gfx") or {"304": "gfx942", "256": "gfx950"}.get(str(row.get("cu_num")), ""))
    device = {("gfx942", "304"): "mi300x", ("gfx950", "256"): "mi355x"}.get((gfx, str(row.get("cu_num"))))
    if device is None:
        raise Unusable(
            f"product behind {gfx or 'unknown arch'} with {row.get('cu_num')} units not established"
        )
    shape = {"m": int(row["M"]), "n": int(row["N"]), "k": int(row["K"])}
    library = row.get("libtype") or "tuned"
    return Found(
        "gemm",
        "bf16",
        shape,
        f"aiter_{library}_gemm",
        device,
        us * 1e-6,
        timer="unknown",
        cache_mode="unknown",
    )


FLASHINFER_OPS = {"gemm": {"M": "m", "N": "n", "K": "k"}, "rmsnorm": {"batch_size": "tokens", "hidden_size": "width"},
                  "fused_add_rmsnorm": {"batch_size": "tokens", "hidden_size": "width"}}  # fmt: skip


def _flashinfer(row: Row) -> Found:
    """A FlashInfer-Bench trace: one mean of medians, cold L2; the constant axes stand in the definition's name."""
    evaluation = row.get("evaluation") or {}
    if evaluation.get("status") != "PASSED":
        raise Unusable(f"status {evaluation.get('status')}")
    definition = str(row["definition"])
    kind = next((k for k in sorted(FLASHINFER_OPS, key=len, reverse=True) if definition.startswith(k)), None)
    if kind is None:
        raise Unusable("definition has no op of ours")
    axes = {**_named_axes(definition), **row["workload"]["axes"]}
    names = FLASHINFER_OPS[kind]
    dtype = next((d for d in ("bf16", "fp16", "fp32") if d in definition), None)
    if dtype is None:
        raise Unusable("dtype stands in the definition's own file, not in the trace")
    if set(names) - set(axes):
        raise Unusable(f"axis {min(set(names) - set(axes))} is not in the row")
    op = "add_rmsnorm" if kind == "fused_add_rmsnorm" else kind
    return Found(
        op, dtype, {ours: int(axes[theirs]) for theirs, ours in names.items()},
        f"flashinfer_bench_{row['solution']}", evaluation["environment"]["hardware"],
        float(evaluation["performance"]["latency_ms"]) * 1e-3, taken=str(evaluation.get("timestamp", "")),
        cache_mode="cold-flush",
    )  # fmt: skip


def _named_axes(definition: str) -> dict[str, int]:
    """`rmsnorm_h4096` and `gemm_n4096_k4096` carry constant axes in their names."""
    letters = {"h": "hidden_size", "n": "N", "k": "K", "m": "M"}
    parts = (
        part for part in definition.split("_") if len(part) > 1 and part[0] in letters and part[1:].isdigit()
    )
    return {letters[part[0]]: int(part[1:]) for part in parts}


FORMATS = (
    Format(
        "liger", frozenset({"kernel_name", "kernel_provider", "y_value_50", "gpu_name"}), _liger,
        "linkedin/Liger-Kernel benchmark/data", "BSD-2-Clause",
    ),
    Format("aiter", frozenset({"M", "N", "K", "us"}), _aiter, "ROCm/aiter aiter/configs", "MIT"),
    Format(
        "flashinfer-bench", frozenset({"definition", "workload", "solution", "evaluation"}), _flashinfer,
        "flashinfer-ai/flashinfer-bench trace set", "Apache-2.0",
    ),
)  # fmt: skip
END_TO_END = frozenset({"request_throughput", "mean_ttft_ms", "benchmarks", "avg_ts", "n_prompt"})
"""Fields of vLLM bench, GuideLLM and llama-bench: whole models, not ops."""


def import_file(path: Path, *, when: str) -> Imported:
    """Traces of another project's file, known by its columns; `when` dates rows that state no date of their own.

    Raises `ProfileError` for a file of no known kind, or one without a usable row.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError(f"{path}: cannot be read ({error})") from error
    rows = list(_rows(text, path))
    names = set(rows[0]) if rows else set()
    known = next((f for f in FORMATS if f.columns <= names), None)
    if known is None:
        if names & END_TO_END:
            raise ProfileError(f"{path}: results of a whole model, not of ops; planner calibrate takes those")
        raise ProfileError(f"{path}: not known; one of {', '.join(f.name for f in FORMATS)}")
    made, left = [], Counter[str]()
    for number, row in enumerate(rows, start=1):
        try:
            made.append(_trace(known.read(row), known, path, number, when))
        except (Unusable, KernelError) as error:
            left[str(error)] += 1
        except (KeyError, TypeError, ValueError) as error:
            left[f"not readable: {type(error).__name__}"] += 1
    if not made:
        raise ProfileError(
            f"{path}: no usable row of {len(rows)}: {left.most_common(1)[0][0] if left else 'empty'}"
        )
    return Imported(known.name, tuple(made), dict(left.most_common()))


def _rows(text: str, path: Path) -> Iterator[Row]:
    if not text.lstrip().startswith("{"):
        yield from csv.DictReader(text.splitlines())
        return
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            try:
                yield json.loads(line)
            except ValueError as error:
                raise ProfileError(f"{path}:{number}: not JSON ({error}); one trace per line") from error


def _trace(found: Found, kind: Format, path: Path, number: int, when: str) -> t.Trace:
    op = load_ops()[found.op]
    op.check(found.shape, found.dtype)
    try:
        key = resolve_gpu(found.device).key
    except ProfileError:
        raise Unusable(f"GPU {found.device!r} is not in the table") from None
    card = load_gpus()[key]
    flops, moved = op.flops(found.shape), op.bytes(found.shape, found.dtype)
    peak = card.dense_flops.get(found.dtype)
    floor = max(
        flops / peak if peak else 0.0, moved / card.memory_bytes_per_s if card.memory_bytes_per_s else 0.0
    )
    if found.median_s < 0.95 * floor:
        raise Unusable("faster than the roofline: a warm cache or a wrong row")
    return t.Trace(
        run_id=f"imported-{kind.name}", session_seq=number, timestamp_utc=found.taken or when, status="OK",
        origin=t.IMPORTED, device=t.Device(card.vendor, found.device, key, card.form_factor),
        kernel=t.Kernel(found.variant), source=f"{kind.source}: {path.name}", row_licence=kind.licence,
        job=t.Job(found.op, found.dtype, found.shape, flops, moved),
        stats=t.Stats(
            1, found.median_s, p20_s=found.p20_s, p80_s=found.p80_s, cache_mode=found.cache_mode, timer=found.timer
        ),
        derived=t.Derived(flops / found.median_s, moved / found.median_s, floor or None, floor / found.median_s),
        trust=t.Trust(trust_level=1), note="imported: no clocks, driver or seeds",
    )  # fmt: skip
