"""What is known to be wrong with measured tables: launch-bound timings, copies, cache hits. Marked, never
hidden."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.kernels import ops
from planner.profiles.importers.tables import Table

WARM_SHARE = 0.005
"""Above this share of rows faster than the memory, a table was timed with operands left in the L2 cache."""
SLACK = 0.97
"""A row counts as too fast below this share of the roofline; rated bandwidth and clocks are not exact."""

FloorKey = tuple[str, str, str, str, str, str, str]


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@dataclass(frozen=True)
class Quality:
    """The source's own side tables, indexed."""

    floors: dict[FloorKey, float]
    """Seconds, for tables suspected to time launches."""
    copies: dict[tuple[str, str, str, str], str]
    """(system, framework, version, table) measured on another system, which is the value."""
    specs: dict[str, dict[str, float]]

    @classmethod
    def load(cls, folder: Path) -> Quality:
        """Read latency_floors.csv, inventory.csv and specs.csv."""
        key = itemgetter("table", "system", "framework", "version", "kernel_source", "dtype", "scope")
        floors = {
            key(r): float(r["p01_us"]) * 1e-6
            for r in _read(folder / "latency_floors.csv")
            # b60 tables carry 23-34 us of launch although the source's own test misses them.
            if r["suspect_launch_bound"] == "1" or (r["system"] == "b60" and r["table"] == "gemm")
        }
        copies = {
            (r["system"], r["framework"], r["version"], r["table"]): "gb300"
            for r in _read(folder / "inventory.csv")
            if r["system"] == "b300_sxm" and "GB300" in r["device"]
        }
        specs = {r["system"]: {k: float(v) for k, v in r.items() if k != "system" and v}
                 for r in _read(folder / "specs.csv")}  # fmt: skip
        return cls(floors, copies, specs)

    def judge(
        self, table: Table, row: dict[str, str], header: dict[str, Any],
        points: npt.NDArray[np.int64], y: npt.NDArray[np.float64],
    ) -> dict[str, Any]:  # fmt: skip
        """Quality flags, launch floor and the count of impossible rows of one block."""
        flags: list[str] = []
        version = row["framework_version"]
        floor = None
        if table.quantity == "seconds":
            spelled = row.get("gemm_dtype") or row.get("dtype") or ""
            key = (table.file, row["system"], row["framework"], version, row["kernel_source"])
            floor = self.floors.get((*key, spelled, row.get("scope", "")))
        if floor is not None:
            flags.append("launch_bound")
        origin = self.copies.get((row["system"], row["framework"], version, table.file))
        if origin:
            flags.append(f"copied_from:{origin}")
        if row["kernel_source"].endswith("_eager"):
            flags.append("eager")
        impossible, warm = self.impossible(header, points, y)
        if warm:
            flags.append("l2_warm")
        return {"quality": tuple(flags), "floor_s": floor, "above_roofline": impossible}

    def impossible(
        self, header: dict[str, Any], points: npt.NDArray[np.int64], y: npt.NDArray[np.float64]
    ) -> tuple[int, bool]:
        """How many rows beat DRAM bandwidth, and whether that is a habit of the table (GEMM and decode
        attention)."""
        spec = self.specs.get(header["system"])
        if spec is None or header["value"] != "seconds" or header["op"] not in ("gemm", "attention_decode"):
            return 0, False
        column = dict(zip((*header["axes"], header["x"]), points.T.astype(float), strict=True))
        if header["op"] == "gemm":
            work = ops.gemm(dtype=header["dtype"], **column)
        else:
            work = ops.attention_decode(
                heads=column["num_heads"], kv_heads=column["num_kv_heads"], head_dim=column["head_dim"],
                batch=column["batch"], kv_len=column["kv_len"], window=column["window"],
                kv_bytes=1.0 if header["kv_dtype"] == "fp8" else 2.0,
            )  # fmt: skip
        fast = y < SLACK * np.asarray(work.bytes) / (spec["mem_bw_gb_s"] * 1e9)
        return int(fast.sum()), bool(fast.mean() > WARM_SHARE)
