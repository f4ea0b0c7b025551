"""What is predicted for one configuration: quantities with an interval and a basis, and the estimate.

Units are in the names; rates are per replica, one engine instance of `gpus_per_replica` GPUs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Basis = Literal["measured", "interpolated", "calibrated", "transferred", "roofline", "quoted"]
"""Where a number comes from, best evidence first; `quoted` is a price or spec from its seller."""

BASES: tuple[Basis, ...] = ("measured", "interpolated", "calibrated", "transferred", "roofline", "quoted")
"""Reading order of `Basis` wherever bases are listed."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A predicted number with its 80 % interval.

    >>> Quantity(10.0, 12.0, 13.0, "calibrated")
    Traceback (most recent call last):
    ValueError: value 10 is outside its interval 12 to 13
    """

    value: float
    low: float
    high: float
    basis: Basis

    def __post_init__(self) -> None:
        if not self.low <= self.value <= self.high:
            raise ValueError(
                f"value {self.value:.6g} is outside its interval {self.low:.6g} to {self.high:.6g}"
            )


@dataclass(frozen=True, slots=True, order=True)
class Layout:
    """Parallel degrees of one replica: tensor, pipeline, attention-data and expert.

    >>> str(Layout(tp=4)), str(Layout(tp=1, dp=8, ep=8))
    ('tp4', 'tp1 dp8 ep8')
    """

    tp: int = 1
    pp: int = 1
    dp: int = 1
    ep: int = 1

    @property
    def gpus(self) -> int:
        """GPUs of one replica: `tp * dp` hold each pipeline stage."""
        return self.tp * self.pp * self.dp

    @property
    def moe_tp(self) -> int:
        """Ways one expert is split: the experts live on the same `tp * dp` GPUs, `ep` ways by expert."""
        return max(1, self.tp * self.dp // self.ep)

    def __str__(self) -> str:
        rest = (("pp", self.pp), ("dp", self.dp), ("ep", self.ep))
        return " ".join([f"tp{self.tp}", *(f"{name}{n}" for name, n in rest if n > 1)])


@dataclass(frozen=True, slots=True)
class MemoryGib:
    """GPU memory of the fullest GPU of a replica, GiB; `capacity` is what the device has."""

    weights: float
    kv: float
    activations: float
    communication: float
    other: float
    total: float
    capacity: float


@dataclass(frozen=True, slots=True)
class OpShare:
    """One op's part of the step time of its phase, and the kernel variant that runs it."""

    phase: Literal["prefill", "decode"]
    op: str
    variant: str
    time_share: float
    basis: Basis


@dataclass(frozen=True, slots=True)
class Estimate:
    """Predicted speed, memory and power of one configuration; `None` where nothing is known.

    `ttft_ms` is what the client sees, waiting included; `server_ttft_ms` leaves the waiting out.
    `statistic` is "mean" or a percentile such as "p95"; `measured_share` is the share of step time with basis
    measured or interpolated.
    """

    model: str
    gpu: str
    gpus_per_replica: int
    layout: Layout
    engine: str
    engine_version: str | None
    weight_precision: str
    kv_precision: str
    statistic: str
    server_ttft_ms: Quantity | None
    ttft_ms: Quantity | None
    tpot_ms: Quantity | None
    output_tokens_per_s: Quantity | None
    requests_per_s: Quantity | None
    memory_gib: MemoryGib
    power_w: Quantity | None
    measured_share: float
    ops: tuple[OpShare, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Canonical text, as `schemas/estimate.schema.json` describes it."""
        from planner.canonical import dumps

        return dumps(self)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of an estimate in words; `stated` is false where nobody said it and the engine's default holds."""

    name: str
    value: str
    stated: bool


@dataclass(frozen=True, slots=True)
class Bytes:
    """Bytes of one kind on the fullest GPU, and what they are made of."""

    name: str
    bytes: float
    made_of: str


@dataclass(frozen=True, slots=True)
class StepTerm:
    """One call of a step, all its repeats together, before measured runs correct it."""

    phase: Literal["prefill", "decode"]
    name: str
    variant: str
    calls: int
    ms: float
    basis: Basis


@dataclass(frozen=True, slots=True)
class TimeTerm:
    """One term of TPOT or TTFT: physics alone, and as corrected by measured runs."""

    name: str
    physics_ms: float
    ms: float
    made_of: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """An estimate taken apart.

    `weights` add up to the weights of `memory_gib`; `cache_per_request` is what one request of `cache_tokens` holds
    on each GPU, block rounding included; `tpot` and `ttft` add up to the estimate's values. `requests_that_fit` is
    None where the cache is too small a share of the device to say.
    """

    estimate: Estimate
    settings: tuple[Setting, ...]
    weights: tuple[Bytes, ...]
    cache_per_request: tuple[Bytes, ...]
    cache_tokens: float
    requests_in_cache: float
    requests_that_fit: float | None
    step: tuple[StepTerm, ...]
    tpot: tuple[TimeTerm, ...]
    ttft: tuple[TimeTerm, ...]

    def to_json(self) -> str:
        """Canonical text."""
        from planner.canonical import dumps

        return dumps(self)
