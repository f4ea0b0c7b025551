"""Result files of serving benchmarks as rows of our own table: vLLM bench, GuideLLM, AIPerf.

The files hold times and lengths, not what ran: GPU, engine, precision and layout are stated beside them.
Spellings follow each tool's documented output; a file with other keys is refused, not guessed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from planner.errors import DataError
from planner.validate.formats import Table, table_of
from planner.validate.measurements import COLUMNS

Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Tool:
    """A benchmark tool: how its files are recognised and read."""

    name: str
    recognised: Callable[[Mapping[str, Any]], bool]
    rows: Callable[[Mapping[str, Any]], list[Row]]


def _vllm(data: Mapping[str, Any]) -> list[Row]:
    n = data["completed"]
    return [_row(data.get("model_id", ""), data["max_concurrency"], data["total_input_tokens"] / n,
                 data["total_output_tokens"] / n, data["mean_ttft_ms"], data["mean_tpot_ms"])]  # fmt: skip


def _guidellm(data: Mapping[str, Any]) -> list[Row]:
    rows = []
    for benchmark in data["benchmarks"]:
        mean = {name: value["successful"]["mean"] for name, value in benchmark["metrics"].items()
                if isinstance(value, dict) and isinstance(value.get("successful"), dict)}  # fmt: skip
        model = (data.get("args") or {}).get("model") or ""
        rows.append(_row(model, mean["request_concurrency"], mean["prompt_token_count"], mean["output_token_count"],
                         mean["time_to_first_token_ms"], mean["inter_token_latency_ms"]))  # fmt: skip
    return rows


def _aiperf(data: Mapping[str, Any]) -> list[Row]:
    config = data["input_config"]
    models = config.get("endpoint", {}).get("model_names") or [""]
    averages = (data[name]["avg"] for name in ("input_sequence_length", "output_sequence_length",
                                               "time_to_first_token", "inter_token_latency"))  # fmt: skip
    return [_row(models[0], config["loadgen"]["concurrency"], *averages)]


TOOLS: tuple[Tool, ...] = (
    Tool("vLLM bench", lambda d: "mean_tpot_ms" in d and "completed" in d, _vllm),
    Tool("GuideLLM", lambda d: isinstance(d.get("benchmarks"), list), _guidellm),
    Tool("AIPerf", lambda d: "input_config" in d and "time_to_first_token" in d, _aiperf),
)


def read_bench(path: Path | str, stated: Mapping[str, str]) -> Table:
    """Measurements of a JSON result file; `stated` fills the columns of our table that it does not hold.

    Raises DataError naming the file and what is missing.
    """
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"cannot be read: {error}", path=path) from None
    tool = next((t for t in TOOLS if isinstance(data, dict) and t.recognised(data)), None)
    if tool is None:
        known = ", ".join(t.name for t in TOOLS)
        raise DataError("not a result file that is recognised", path=path, hint=f"known: {known}, or our CSV")
    try:
        rows = tool.rows(data)
    except (KeyError, TypeError, ValueError, ZeroDivisionError, IndexError) as error:
        raise DataError(f"{tool.name} file without {error}", path=path) from None
    filled = [row | {k: v for k, v in stated.items() if v} for row in rows]
    return table_of([dict.fromkeys(COLUMNS, "") | row for row in filled], path)


def _row(model: Any, concurrency: Any, isl: Any, osl: Any, ttft_ms: Any, tpot_ms: Any) -> Row:
    return {
        "model": str(model), "concurrency": f"{float(concurrency):g}", "input_tokens": f"{float(isl):g}",
        "output_tokens": f"{float(osl):g}", "ttft_ms": f"{float(ttft_ms):g}", "tpot_ms": f"{float(tpot_ms):g}",
    }  # fmt: skip
