"""One measured kernel: what ran where, how long it took, whether it was right, and who says so.

A trace is one row per run, device, variant, op, dtypes, shape and cache mode. The groups below are records of
their own; in a file they are one flat JSON object per line (`planner.profiles.tracefile`), so every field name
is unique. Seconds, bytes and FLOP per second; None where nothing is known. Names are only ever added.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

SCHEMA_VERSION = 1
MEASURED, IMPORTED, PREDICTED = "measured-here", "imported", "predicted"
ORIGINS = (MEASURED, IMPORTED, PREDICTED)
STATUSES = {
    "OK": "timed, and right",
    "INCORRECT": "ran, and was wrong or caught cheating; not timed",
    "UNSUPPORTED": "the variant refuses this shape, dtype or device",
    "COMPILE_ERROR": "did not compile",
    "RUNTIME_ERROR": "raised, or took its process down",
    "OOM": "out of memory",
    "TIMEOUT": "did not end in time",
    "IMPLAUSIBLE": "faster than the hardware allows; its time is not kept",
    "UNSTABLE": "timed and right, while the machine was not steady",
}
"""What may have become of a cell."""
TIMED = ("OK", "UNSTABLE")
"""Statuses whose statistics mean something."""
CACHE_MODES = ("cold-rotate", "cold-flush", "hot", "unknown")
TIMERS = ("events", "graph", "cupti", "wall", "cpu-time", "unknown")
TRUST = (
    "claimed",
    "schema and physics hold",
    "source known here",
    "reproduced on a second machine",
    "reproduced by the maintainers",
)
"""What each trust level means, by number."""


@dataclass(frozen=True, slots=True)
class Device:
    """The hardware; `device_key` is the key of `profiles.gpus` where the table has it."""

    vendor: str
    device_name: str
    """As the driver spells it."""
    device_key: str
    form_factor: str = "unknown"
    arch: str = "unknown"
    compute_units: int | None = None
    memory_gb: float | None = None
    llc_bytes: int | None = None
    pci_id: str | None = None
    driver: str | None = None
    runtime: str = "unknown"
    power_limit_w: float | None = None
    ecc: bool | None = None
    partition: str | None = None
    virtualised: bool | None = None
    multi_tenant: bool | None = None
    cpu_model: str | None = None
    cpu_threads: int | None = None


@dataclass(frozen=True, slots=True)
class State:
    """What the machine was doing around the timing; read only, never set."""

    sm_clock_mhz: float | None = None
    sm_clock_min_mhz: float | None = None
    memory_clock_mhz: float | None = None
    power_w: float | None = None
    temperature_c: float | None = None
    throttle_reasons: tuple[str, ...] = ()
    host_load: float | None = None
    devices_visible: int | None = None


@dataclass(frozen=True, slots=True)
class Software:
    """Versions, and the switches that matter."""

    python: str = "unknown"
    torch: str | None = None
    triton: str | None = None
    onnxruntime: str | None = None
    libraries: Mapping[str, str] = field(default_factory=dict)
    compiler: str | None = None
    switches: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kernel:
    """Which implementation; `variant_sha256` covers its manifest and sources."""

    variant: str
    variant_version: str = "unknown"
    variant_sha256: str | None = None
    language: str = "unknown"
    licence: str = "unknown"
    backends: tuple[str, ...] = ()
    tunables: Mapping[str, str] = field(default_factory=dict)
    registers: int | None = None
    spills: int | None = None
    shared_memory_bytes: int | None = None
    binary_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """What was computed, and how much of it there is."""

    op: str
    dtype_in: str
    shape: Mapping[str, int]
    flops: float
    moved_bytes: float
    op_version: int = 1
    dtype_acc: str = "unknown"
    dtype_out: str = "unknown"
    quant_scheme: str | None = None
    layout: str = "contiguous"
    direction: str = "fwd"
    distribution: str = "unknown"
    seed_commitment: str | None = None
    """sha256 of the secret the inputs were drawn from."""


@dataclass(frozen=True, slots=True)
class Stats:
    """Seconds of one call over `n` samples."""

    n: int
    median_s: float
    p05_s: float | None = None
    p20_s: float | None = None
    p80_s: float | None = None
    p95_s: float | None = None
    min_s: float | None = None
    mean_s: float | None = None
    stdev_s: float | None = None
    rel_iqr: float | None = None
    aa_noise: float | None = None
    """How far the vendor baseline is from itself, interleaved in the same session."""
    drift: float | None = None
    """How far the vendor baseline moved between the first, middle and last third."""
    launch_s: float | None = None
    compile_s: float | None = None
    peak_memory_bytes: int | None = None
    cache_mode: str = "unknown"
    timer: str = "unknown"


@dataclass(frozen=True, slots=True)
class Correctness:
    """How far from the fp64 answer, over every seed and shape tried."""

    reference: str | None = None
    seeds: int = 0
    err_norm: float | None = None
    max_abs: float | None = None
    max_rel: float | None = None
    matched_share: float | None = None
    tolerance: float | None = None
    deterministic: bool | None = None
    eager_err_norm: float | None = None
    findings: tuple[str, ...] = ()
    """What was caught, `name: detail`; empty for an honest kernel."""


@dataclass(frozen=True, slots=True)
class Derived:
    """What follows from time and work, against the data sheet and against this session's own ceilings."""

    flops_per_s: float | None = None
    bytes_per_s: float | None = None
    roofline_s: float | None = None
    roofline_fraction_datasheet: float | None = None
    roofline_fraction_measured: float | None = None
    ceiling_copy_bytes_per_s: float | None = None
    ceiling_gemm_flops_per_s: float | None = None
    bound: str | None = None
    """C compute, M memory, L launch."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Who vouches; reviewed after the fact, so not part of what `record_id` covers."""

    trust_level: int = 0
    signature: str | None = None
    samples_sha256: str | None = None
    nonce: str | None = None
    challenge: tuple[float, ...] = ()
    """Output values at places the nonce chose, on inputs it drew."""


@dataclass(frozen=True, slots=True)
class Trace:
    """One row. `record_id` is the sha256 of everything but itself and `trust` (`tracefile.record_id`)."""

    run_id: str
    session_seq: int
    timestamp_utc: str
    status: str
    origin: str
    device: Device
    kernel: Kernel
    job: Job
    stats: Stats | None
    """None where nothing was timed."""
    state: State = State()
    software: Software = Software()
    correctness: Correctness = Correctness()
    derived: Derived = Derived()
    trust: Trust = Trust()
    submitter: str = "unknown"
    note: str = ""
    """Why a cell has no time, in one line; or what an importer has to say."""
    source: str | None = None
    """Citation of an imported row."""
    row_licence: str | None = None
    """Licence of an imported row, SPDX."""
    record_id: str = ""
    schema_version: int = SCHEMA_VERSION

    @property
    def cell(self) -> tuple[str, str, str, str]:
        """op, dtype, shape and variant: what a resumed run need not do again."""
        return self.job.op, self.job.dtype_in, shape_key(self.job.shape), self.kernel.variant

    @property
    def timed(self) -> bool:
        """Whether it carries a time that was right."""
        return self.status in TIMED and self.stats is not None

    @property
    def basis(self) -> str:
        """The planner's word for it: only our own harness measures; the rest is borrowed or predicted."""
        return {MEASURED: "measured", IMPORTED: "transferred", PREDICTED: "roofline"}[self.origin]

    def trusted(self, level: int) -> Trace:
        """The same row with a verified trust level; imported rows never pass 1, predicted ones 0."""
        most = {MEASURED: len(TRUST) - 1, IMPORTED: 1, PREDICTED: 0}[self.origin]
        return replace(self, trust=replace(self.trust, trust_level=min(level, most)))


def shape_key(shape: Mapping[str, int]) -> str:
    """A shape as text, axes sorted, so that equal shapes have equal keys.

    >>> shape_key({"width": 4096, "tokens": 8})
    'tokens=8,width=4096'
    """
    return ",".join(f"{axis}={shape[axis]}" for axis in sorted(shape))
