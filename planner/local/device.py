"""Bandwidth and matrix rate of a device, as far as anyone states them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

from planner.errors import ScenarioError
from planner.local.tables import rows
from planner.profiles.errors import ProfileError
from planner.profiles.gpus import load_gpus, resolve_gpu


@dataclass(frozen=True, slots=True)
class Device:
    """One GPU; NaN where a rate is not known."""

    key: str
    vendor: str
    architecture: str
    segment: str
    link: str
    memory_bytes: float
    memory_bytes_per_s: float
    flops: float
    """Dense 16-bit matrix rate, per second; NaN where nobody states it."""
    fp8_speedup: float
    """Matrix rate in 8 bits over that in 16, 1 where 8 bits are not supported."""
    fp4_speedup: float
    note: str = ""
    """What the name left open, when it means several and the slowest was taken."""

    @property
    def shares_memory(self) -> bool:
        """Whether the host's memory is the GPU's, so that one name is sold with several sizes."""
        return self.segment == "soc"


@cache
def resolve_device(text: str) -> Device:
    """The device a name means, the slowest where it means several; raises ScenarioError."""
    try:
        match = resolve_gpu(text)
    except ProfileError as error:
        raise ScenarioError(str(error)) from None
    gpu = load_gpus()[match.key]
    stated = next((row for row in rows("devices") if row["gpu"] == gpu.key), {})
    bandwidth = gpu.memory_bytes_per_s or float(stated.get("memory_gb_per_s") or "nan") * 1e9
    flops = gpu.flops_16bit or float(stated.get("matrix_tflops") or "nan") * 1e12
    if math.isnan(bandwidth):
        raise ScenarioError(f"memory bandwidth of {gpu.key} is not known", hint="see local_devices.csv")
    fp8 = gpu.dense_flops.get("fp8", flops) / flops
    return Device(
        gpu.key, gpu.vendor, gpu.architecture, gpu.segment, gpu.link_kind, gpu.memory_bytes, bandwidth, flops,
        fp8_speedup=fp8, fp4_speedup=gpu.dense_flops.get("fp4", fp8 * flops) / flops,
        note=f"{text} read as {gpu.key}: {match.note}" if match.ambiguous else "",
    )  # fmt: skip
