"""The CPU as a device: process CPU time on one thread, which other people's work on the machine disturbs least."""

from __future__ import annotations

import os
import platform
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from planner.profiles.measure.protocol import Ceilings
from planner.profiles.trace import Device, Software, State

SETTLE_S = 5e-3
"""How long outputs are left alone before they are looked at again."""
FASTEST_CLOCK_HZ = 6.2e9
"""Above every x86 or Arm core sold (Core i9-14900KS, 2024: 6.2 GHz); a bound, not an estimate."""
LANES = {"znver2": 32.0, "znver3": 32.0, "x86-64-v3": 32.0}
WIDEST = 64.0
"""fp32 operations per clock and core at most: two fused multiply-adds over vectors of 8 or 16; by core."""
NARROWER = {"bf16": 32.0, "fp16": 32.0, "int8": 64.0, "fp8": 64.0}
"""How many more of narrower numbers, by the widest matrix extension there is (AMX: 2048 bf16 operations a clock)."""
LIBRARIES = (
    "numpy",
    "openvino",
    "onnx",
    "ml-dtypes",
    "liger-kernel",
    "flag-gems",
    "flashinfer-python",
    "modular",
)
SWITCHES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MALLOC_TRIM_THRESHOLD_",
            "MALLOC_MMAP_THRESHOLD_", "TORCHINDUCTOR_FREEZING", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE")  # fmt: skip
AMD_CORES = {23: "znver2", 25: "znver4", 26: "znver5"}
"""AMD family number to core; family 25 without AVX-512 is Zen 3."""

_now = time.process_time_ns


def installed(name: str) -> str | None:
    """Version of a distribution, None when it is not there."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def software(*, compiler: str | None = None) -> Software:
    """Versions of everything a variant may call, and the switches set in the environment."""
    libraries = {name: v for name in LIBRARIES if (v := installed(name))}
    switches = {name: os.environ[name] for name in SWITCHES if name in os.environ}
    return Software(
        python=platform.python_version(), torch=installed("torch"), triton=installed("triton"),
        onnxruntime=installed("onnxruntime"), libraries=libraries, compiler=compiler, switches=switches,
    )  # fmt: skip


@cache
def _cpuinfo() -> dict[str, str]:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _flags() -> set[str]:
    info = _cpuinfo()
    return set((info.get("flags") or info.get("Features") or "").split())


def _arch() -> str:
    info, flags = _cpuinfo(), _flags()
    if info.get("vendor_id") == "AuthenticAMD":
        core = AMD_CORES.get(int(info.get("cpu family", "0")))
        return "znver3" if core == "znver4" and "avx512f" not in flags else core or "x86-64"
    if "avx512f" in flags:
        return "x86-64-v4"
    return "x86-64-v3" if "avx2" in flags else platform.machine() or "unknown"


def _llc_bytes() -> int | None:
    """Bytes of the largest cache the system reports."""
    sizes = (file.read_text() for file in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size"))
    parts = (match for text in sizes if (match := re.fullmatch(r"(\d+)([KMG])\s*", text)))
    return max((int(m[1]) << {"K": 10, "M": 20, "G": 30}[m[2]] for m in parts), default=None)


def _memory_gb() -> float | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    except (OSError, ValueError, AttributeError):
        return None


def _vendor() -> str:
    ident = _cpuinfo().get("vendor_id", "")
    return {"AuthenticAMD": "amd", "GenuineIntel": "intel"}.get(ident, ident.casefold() or "unknown")


def describe(threads: int) -> Device:
    """This machine's CPU; the key is vendor, series and core, since hosts rarely name the exact model."""
    name = _cpuinfo().get("model name") or platform.processor() or platform.machine()
    virtual = "hypervisor" in _flags()
    series = re.sub(r"\W+", "_", re.sub(r"\(.*?\)|\d+-Core|Processor|CPU|@.*", "", name).strip()).casefold()
    return Device(
        vendor=_vendor(), device_name=name, device_key=f"cpu_{series}_{_arch().replace('-', '_')}", form_factor="cpu",
        arch=_arch(), compute_units=os.cpu_count(), memory_gb=_memory_gb(), llc_bytes=_llc_bytes(),
        driver=_kernel(), runtime=platform.system().casefold(), virtualised=virtual,
        multi_tenant=virtual or None, cpu_model=name, cpu_threads=threads,
    )  # fmt: skip


def flops_bound(arch: str, dtype: str) -> float:
    """Operations per second one core cannot exceed; a bound for gates, not a data-sheet figure.

    >>> flops_bound("znver5", "fp32") / 1e9
    396.8
    """
    return LANES.get(arch, WIDEST) * NARROWER.get(dtype, 1.0) * FASTEST_CLOCK_HZ


def _kernel() -> str:
    """Version of the operating system's kernel, without what its packager appended."""
    found = re.match(r"\d+(\.\d+)*", platform.release())
    return found[0] if found else platform.release()


def _temperature() -> float | None:
    for file in sorted(Path("/sys/class/hwmon").glob("hwmon*/temp1_input")):
        try:
            return int(file.read_text()) / 1000
        except (OSError, ValueError):
            continue
    return None


@dataclass(slots=True)
class CpuBackend:
    """One thread of this machine's CPU."""

    name: str = "cpu"
    place: str = "cpu"
    timer: str = "cpu-time"
    cold: str = "cold-rotate"
    device: Device = field(default_factory=lambda: describe(1))
    software: Software = field(default_factory=software)

    def ceilings(self, dtype: str) -> Ceilings:
        """One core's arithmetic at the fastest clock there is; no figure is published for one core's bandwidth."""
        return Ceilings(
            flops_per_s=flops_bound(self.device.arch, dtype), source="vector width x fastest clock sold"
        )

    def state(self) -> State:
        """Clock, temperature and load as the system reports them."""
        try:
            load: float | None = os.getloadavg()[0]
        except OSError:
            load = None
        clock = _clock_mhz()
        return State(
            sm_clock_mhz=clock, sm_clock_min_mhz=clock, temperature_c=_temperature(), host_load=load,
            devices_visible=os.cpu_count(),
        )  # fmt: skip

    def finish(self) -> None:
        """A call on the CPU is over when it returns."""

    def settle(self) -> None:
        """Leave time for threads that nobody waits for."""
        time.sleep(SETTLE_S)

    def sample(self, calls: Sequence[Callable[[], object]]) -> float:
        """CPU seconds of this process, all its threads, over the calls."""
        start = _now()
        for call in calls:
            call()
        return (_now() - start) * 1e-9

    def graph(self, calls: Sequence[Callable[[], object]]) -> Callable[[], float] | None:
        """There are no launches to leave out."""
        return None

    def peak_memory(self, call: Callable[[], object]) -> int | None:
        """Nobody counts what a CPU library allocates."""
        return None


def _clock_mhz() -> float | None:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return None
    found = [float(m) for m in re.findall(r"cpu MHz\s*:\s*([\d.]+)", text)]
    return sum(found) / len(found) if found else None


def one_thread() -> None:
    """Keep torch, where it is loaded, to one thread; the environment does it for the others."""
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(1)
