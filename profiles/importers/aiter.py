"""AMD's tuned tables (ROCm/aiter, MIT) as blocks: the fastest kernel per shape for GEMM and fused MoE.

Only winners are in the source, so a block tells what the hardware does at its best and never compares
kernels; every block carries the flag `winners_only`. Where assembly objects (shipped without source) win some
shapes, there are two blocks: `_any` with all rows and `_open` without those.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from planner.profiles.importers.prepare import LeftOut, Prepared, pack

SOURCE = "ROCm/aiter, commit e4048607a535ace3a2b51ded31b1c8c2d45c0879, tuned tables"
AS_OF = "2026-08-22"
FLAGS = ("placeholder_us", "time_from_other_shape", "above_dram_peak", "above_compute_ceiling")

SYSTEMS = {("gfx942", 304): "mi300x", ("gfx950", 256): "mi355x"}
DEVICES = {
    "mi300x": "gfx942 with 304 CUs: MI300X or MI325X",
    "mi355x": "gfx950 with 256 CUs: MI350X or MI355X",
}
"""What the source records; it does not name products."""

DTYPES = {
    ("bf16", "bf16", "No"): "bf16",
    ("fp8", "fp8", "per_1x128"): "fp8_block",
    ("fp8", "fp8", "per_Token"): "fp8",
    ("fp8", "fp8", "per_Tensor"): "fp8",
    ("int8", "int8", "per_Token"): "int8",
    ("mxfp4", "mxfp4", "per_1x32"): "w4a4_mxfp4",
    ("fp8", "mxfp4", "per_1x32"): "w4a8_mxfp4",
    ("bf16", "mxfp4", "per_1x32"): "w4a16_mxfp4",
    ("bf16", "int4", "per_1x32"): "int4",
}
SHAPES = {
    "gemm": (("n", "k"), ("n", "k"), "m", "m"),
    "fmoe": (
        ("hidden", "inter", "experts", "topk"),
        ("model_dim", "inter_dim", "expert", "topk"),
        "tokens",
        "token",
    ),
}


def _usable(frame: pd.DataFrame, left_out: LeftOut) -> pd.DataFrame:
    def drop(bad: pd.Series, reason: str) -> None:
        nonlocal frame
        example = frame[bad].head(1)[["op", "gfx", "cu_num", "source_file"]].to_dict("records")
        left_out.add("aiter_tuned", reason, int(bad.sum()), str(example))
        frame = frame[~bad]

    drop(frame[list(FLAGS)].fillna(False).astype(bool).any(axis=1), "flagged by the source's review")
    drop(~frame["op"].str.match("gemm|fmoe"), "op outside GEMM and fused MoE")
    drop(frame["cu_num"].eq(80).fillna(False).astype(bool), "export-class part with 80 CUs")
    known = [(g, c) in SYSTEMS for g, c in zip(frame["gfx"], frame["cu_num"].fillna(0), strict=True)]
    drop(~pd.Series(known, index=frame.index), "device not established")
    drop(frame["dtype"].isna(), "number format outside our list")
    drop(~(frame["us"] > 0), "no time or no size")
    return frame


def _read(path: Path) -> pd.DataFrame:
    columns = ["op", "gfx", "cu_num", "m", "n", "k", "token", "model_dim", "inter_dim", "expert", "topk",
               "a_dtype", "w_dtype", "q_type", "library", "us", "source_file", *FLAGS]  # fmt: skip
    frame: pd.DataFrame = pq.read_table(path, columns=columns).to_pandas()
    plain = (frame[name].astype(str).str.split("_e4m3").str[0] for name in ("a_dtype", "w_dtype", "q_type"))
    formats = zip(*plain, strict=True)
    frame["dtype"] = [DTYPES.get(f) for f in formats]
    return frame


def _header(system: str, family: str, dtype: str, choice: str) -> dict[str, Any]:
    axes, _, x, _ = SHAPES["fmoe" if family == "fmoe" else "gemm"]
    is_moe = family == "fmoe"
    detail = (("device", DEVICES[system]), ("family", family))
    return {
        "system": system, "op": "moe" if is_moe else "gemm", "engine": "aiter", "engine_version": "e404860",
        "kernel_source": f"{family}_{choice}", "dtype": dtype, "kv_dtype": "",
        "detail": (*detail, ("distribution", "balanced"), ("shapes", "per rank")) if is_moe else detail,
        "axes": (*axes, "tp", "ep") if is_moe else axes, "x": x, "value": "seconds",
        "quality": ("winners_only",), "floor_s": None, "above_roofline": 0,
        "source": SOURCE, "as_of": AS_OF, "licence": "MIT",
    }  # fmt: skip


def _choices(rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    closed = rows["library"].str.contains("asm")
    if closed.any():
        yield "any", rows
    if not closed.all():
        yield ("ck" if rows["library"].eq("ck").all() else "open"), rows[~closed]


def aiter_blocks(path: Path, left_out: LeftOut) -> Iterator[Prepared]:
    """GEMM and MoE blocks of the two Instinct classes whose device is known."""
    frame = _usable(_read(path), left_out)
    frame["system"] = [SYSTEMS[device] for device in zip(frame["gfx"], frame["cu_num"], strict=True)]
    for names, rows in frame.groupby(["system", "op", "dtype"], sort=True):
        system, family, dtype = map(str, names)
        _, columns, _, x = SHAPES["fmoe" if family == "fmoe" else "gemm"]
        for choice, chosen in _choices(rows):
            points = chosen[[*columns, x]].to_numpy(np.int64)
            if family == "fmoe":
                points = np.insert(points, [len(columns)] * 2, 1, axis=1)
            header = _header(system, family, dtype, choice)
            yield pack(header, points, chosen["us"].to_numpy(np.float64) * 1e-6)
