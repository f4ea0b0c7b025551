"""Accelerators through torch: CUDA, ROCm and XPU, timed with events on the current stream.

The only module of this floor that names torch. State is read with the vendor's own tool and never set.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from planner.profiles.errors import ProfileError
from planner.profiles.gpus import load_gpus, resolve_gpu
from planner.profiles.measure.cpu import software
from planner.profiles.measure.protocol import Ceilings
from planner.profiles.trace import Device, Software, State

LLC_BYTES = {"gfx942": 256 << 20, "gfx950": 256 << 20}
"""Infinity Cache behind the L2 of CDNA3 and CDNA4 (AMD's data sheets), which the runtime does not report."""
NVIDIA_QUERY = (
    "driver_version", "pci.bus_id", "power.limit", "ecc.mode.current", "mig.mode.current", "clocks.sm", "clocks.mem",
    "power.draw", "temperature.gpu", "clocks_throttle_reasons.active", "clocks.max.sm",
)  # fmt: skip
THROTTLE = {
    0x2: "applications_clocks", 0x4: "power_cap", 0x8: "hw_slowdown", 0x20: "sw_thermal", 0x40: "hw_thermal",
    0x80: "hw_power_brake",
}  # fmt: skip
"""Bits of NVML's throttle reasons that mean the clock is held down."""


def _number(text: str) -> float | None:
    try:
        return float(text.strip().split()[0])
    except (ValueError, IndexError):
        return None


def _asked(*command: str) -> str:
    """Output of a tool that only reads, empty when it is missing or fails."""
    if shutil.which(command[0]) is None:
        return ""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def nvidia(index: int = 0) -> Mapping[str, str]:
    """What `nvidia-smi` reports of one GPU."""
    told = _asked(
        "nvidia-smi",
        f"--id={index}",
        f"--query-gpu={','.join(NVIDIA_QUERY)}",
        "--format=csv,noheader,nounits",
    )
    values = told.strip().split(", ") if told.strip() else []
    return dict(zip(NVIDIA_QUERY, values, strict=True)) if len(values) == len(NVIDIA_QUERY) else {}


def nvidia_state(told: Mapping[str, str], devices: int) -> State:
    """Its clocks, power, temperature and reasons for throttling.

    >>> nvidia_state({"clocks.sm": "1980", "clocks_throttle_reasons.active": "0x0000000000000004"}, 1).throttle_reasons
    ('power_cap',)
    """
    bits = told.get("clocks_throttle_reasons.active", "0")
    held = int(bits, 16) if bits.startswith("0x") else 0
    clock = _number(told.get("clocks.sm", ""))
    return State(
        sm_clock_mhz=clock, sm_clock_min_mhz=clock, memory_clock_mhz=_number(told.get("clocks.mem", "")),
        power_w=_number(told.get("power.draw", "")), temperature_c=_number(told.get("temperature.gpu", "")),
        throttle_reasons=tuple(word for bit, word in THROTTLE.items() if held & bit), devices_visible=devices,
    )  # fmt: skip


def amd_state(text: str, devices: int) -> State:
    """Clocks, power and temperature from `rocm-smi --json`.

    >>> amd_state('{"card0": {"Average Graphics Package Power (W)": "140.0"}}', 1).power_w
    140.0
    """
    try:
        card = next(iter(json.loads(text).values()))
    except (ValueError, StopIteration, AttributeError):
        return State(devices_visible=devices)

    def first(*words: str) -> float | None:
        for name, value in card.items():
            if all(w in name.casefold() for w in words):
                return _number(str(value).strip("()").removesuffix("Mhz"))
        return None

    clock = first("sclk", "speed")
    return State(
        sm_clock_mhz=clock, sm_clock_min_mhz=clock, memory_clock_mhz=first("mclk", "speed"),
        power_w=first("power", "(w)"),
        temperature_c=first("temperature", "junction") or first("temperature"), devices_visible=devices,
    )  # fmt: skip


def _key(name: str, memory_gb: float) -> str:
    """The GPU table's key for a driver's spelling; an unknown or ambiguous one keeps its own words."""
    try:
        match = resolve_gpu(name, memory_gib=memory_gb * 1e9 / 2**30)
    except ProfileError:
        return name.casefold().replace(" ", "-")
    return match.key


@dataclass(slots=True)
class TorchBackend:
    """One accelerator that torch can see: `cuda` (NVIDIA), `rocm` (AMD, also `cuda` to torch) or `xpu` (Intel)."""

    name: str
    index: int = 0
    timer: str = "events"
    cold: str = "cold-rotate"
    place: str = field(init=False)
    device: Device = field(init=False)
    software: Software = field(init=False)
    _torch: Any = field(init=False)
    _module: Any = field(init=False)

    def __post_init__(self) -> None:
        import torch

        self._torch, self._module = torch, getattr(torch, "xpu" if self.name == "xpu" else "cuda")
        self.place = f"{'xpu' if self.name == 'xpu' else 'cuda'}:{self.index}"
        self._module.set_device(self.index)
        self.device = self._described()
        build = torch.version.hip if self.name == "rocm" else torch.version.cuda
        self.software = software(compiler=f"{self.name} {build}" if build else None)

    def _described(self) -> Device:
        told = self._module.get_device_properties(self.index)
        memory_gb = told.total_memory / 1e9
        arch = (getattr(told, "gcnArchName", "") or "").split(":")[0]
        if self.name == "cuda":
            arch = f"sm_{told.major}{told.minor}"
        smi = nvidia(self.index) if self.name == "cuda" else {}
        key = _key(told.name, memory_gb)
        known = load_gpus().get(key)
        llc = LLC_BYTES.get(arch) or getattr(told, "L2_cache_size", None)
        return Device(
            vendor={"cuda": "nvidia", "rocm": "amd", "xpu": "intel"}[self.name], device_name=told.name, device_key=key,
            form_factor=known.form_factor if known else "unknown", arch=arch or "unknown",
            compute_units=getattr(told, "multi_processor_count", None) or getattr(told, "gpu_subslice_count", None),
            memory_gb=memory_gb, llc_bytes=llc, pci_id=smi.get("pci.bus_id"), driver=smi.get("driver_version"),
            runtime=str(self._torch.version.hip or self._torch.version.cuda or self._torch.__version__),
            power_limit_w=_number(smi.get("power.limit", "")),
            ecc={"Enabled": True, "Disabled": False}.get(smi.get("ecc.mode.current", "")),
            partition=smi.get("mig.mode.current"),
        )  # fmt: skip

    def ceilings(self, dtype: str) -> Ceilings:
        """The data sheet's rates; fp32 outside the matrix units has no row there."""
        known = load_gpus().get(self.device.device_key)
        if known is None:
            return Ceilings()
        return Ceilings(known.dense_flops.get(dtype), known.memory_bytes_per_s, f"GPU table: {known.source}")

    def state(self) -> State:
        """What the vendor's tool says now."""
        count = int(self._module.device_count())
        if self.name == "cuda":
            return nvidia_state(nvidia(self.index), count)
        if self.name == "rocm":
            told = _asked(
                "rocm-smi", "-d", str(self.index), "--showclocks", "--showpower", "--showtemp", "--json"
            )
            return amd_state(told, count)
        return State(devices_visible=count)

    def finish(self) -> None:
        """Wait for the current stream only."""
        self._module.current_stream().synchronize()

    def settle(self) -> None:
        """Wait for every stream."""
        self._module.synchronize()

    def sample(self, calls: Sequence[Callable[[], object]]) -> float:
        """Seconds between two events on the current stream."""
        start, end = (self._module.Event(enable_timing=True) for _ in range(2))
        self._module.synchronize()
        start.record()
        for call in calls:
            call()
        end.record()
        end.synchronize()
        return float(start.elapsed_time(end)) * 1e-3

    def graph(self, calls: Sequence[Callable[[], object]]) -> Callable[[], float] | None:
        """Replay of a captured graph; None where capture fails, as it does for kernels that synchronise."""
        if self.name == "xpu":
            return None
        graph = self._torch.cuda.CUDAGraph()
        try:
            side = self._torch.cuda.Stream()
            side.wait_stream(self._torch.cuda.current_stream())
            with self._torch.cuda.stream(side):
                for call in calls:
                    call()
            self._torch.cuda.current_stream().wait_stream(side)
            with self._torch.cuda.graph(graph):
                for call in calls:
                    call()
        except RuntimeError:
            self._module.synchronize()
            return None
        return lambda: self.sample([graph.replay])

    def peak_memory(self, call: Callable[[], object]) -> int | None:
        """Bytes allocated at most beyond what was there."""
        if self.name == "xpu":
            return None
        self._module.synchronize()
        self._module.reset_peak_memory_stats()
        before = self._module.memory_allocated()
        call()
        self._module.synchronize()
        return int(self._module.max_memory_allocated() - before)


def available() -> tuple[str, ...]:
    """Accelerators torch can see here, by the words manifests use."""
    try:
        import torch
    except ImportError:
        return ()
    found = []
    if torch.cuda.is_available():
        found.append("rocm" if torch.version.hip else "cuda")
    if hasattr(torch, "xpu") and torch.xpu.is_available():
        found.append("xpu")
    return tuple(found)
