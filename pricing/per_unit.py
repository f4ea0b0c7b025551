"""What a dollar buys: price per GPU-hour, per GiB, per TB/s, per TFLOP/s of one offer; what the hour emits.

Compute is what the card was measured to do where it was measured: the fastest dense bf16 matrix product in
the shipped op tables. Where it was not, it is the data sheet's peak, which no kernel reaches; the basis says
which, and the two must not be ranked against each other without looking at it.

Emissions are those of an hour at full load, host and cooling included (`assumptions`), on the average grid of the
seller's region where one is listed, else of its country. They are zero nowhere and unknown in many places.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from planner.pricing.assumptions import default
from planner.pricing.energy import carbon_intensity, grams_co2_per_hour
from planner.pricing.errors import PriceError
from planner.pricing.offer import Offer
from planner.pricing.ownership import load_watts
from planner.profiles.gpus import Gpu, load_gpus

GIGA, TERA = 1e9, 1e12
DTYPE = "bf16"
MEASURED, DATASHEET = "measured", "datasheet"


@dataclass(frozen=True, slots=True)
class Compute:
    """Dense bf16 throughput of one GPU and where the figure is from."""

    flops: float
    basis: str


@dataclass(frozen=True, slots=True)
class Normalised:
    """Prices of one offer per hour and unit; None where the unit is not known for its GPU."""

    usd_per_gpu_hour: float
    usd_per_gib_hour: float | None
    usd_per_tbps_hour: float | None
    usd_per_tflops_hour: float | None
    tflops_basis: str | None
    """`measured` or `datasheet`."""
    grams_co2_per_gpu_hour: float | None


@cache
def compute_of(gpu: str) -> Compute | None:
    """Throughput of a GPU: the best measured dense bf16 product, else the data sheet, else None.

    Half precision stands in for bf16 on cards older than it.
    """
    best = _best_measured(gpu)
    if best:
        return Compute(best, MEASURED)
    listed = load_gpus()[gpu].dense_flops
    peak = listed.get(DTYPE) or listed.get("fp16")
    return Compute(peak, DATASHEET) if peak else None


def _best_measured(gpu: str) -> float | None:
    import numpy as np

    from planner.profiles.store import load_profiles

    profiles = load_profiles()
    if gpu not in profiles.systems:
        return None
    best = 0.0
    for block in profiles.blocks(system=gpu, op="gemm", dtype=DTYPE):
        curves = profiles.curves(block)
        n, k = (curves.keys[:, block.axes.index(axis)].astype(float) for axis in ("n", "k"))
        flop = 2 * np.repeat(n * k, np.diff(curves.start)) * curves.x
        best = max(best, float((flop / curves.y).max()))
    return best or None


def normalised(offer: Offer) -> Normalised:
    """The price of an offer per unit; memory as listed for the offer, else of the GPU."""
    gpu = load_gpus()[offer.gpu]
    price = offer.usd_per_gpu_hour
    compute = compute_of(offer.gpu)
    return Normalised(
        usd_per_gpu_hour=price,
        usd_per_gib_hour=_over(price, _memory(offer, gpu)),
        usd_per_tbps_hour=_over(price, _scaled(gpu.memory_bytes_per_s)),
        usd_per_tflops_hour=_over(price, _scaled(compute.flops)) if compute else None,
        tflops_basis=compute.basis if compute else None,
        grams_co2_per_gpu_hour=_grams(offer, gpu),
    )


def _grams(offer: Offer, gpu: Gpu) -> float | None:
    grid = carbon_intensity(offer.country, seller=offer.seller, region=offer.region or "")
    if grid is None or gpu.tdp_w is None:
        return None
    return grams_co2_per_hour(load_watts(gpu), pue=default("pue"), carbon=grid)


def _memory(offer: Offer, gpu: Gpu) -> float:
    """Per GPU. A fraction of a card lists its own slice, so it is brought back to a whole one."""
    if offer.gpu_memory_gib is None:
        return gpu.memory_gib
    return offer.gpu_memory_gib / min(offer.gpu_count, 1.0)


def _scaled(per_second: float | None) -> float | None:
    return None if per_second is None else per_second / TERA


def _over(price: float, amount: float | None) -> float | None:
    return price / amount if amount else None


PER: Mapping[str, Callable[[Normalised], float | None]] = {
    "gpu": lambda n: n.usd_per_gpu_hour,
    "gib": lambda n: n.usd_per_gib_hour,
    "tbps": lambda n: n.usd_per_tbps_hour,
    "tflops": lambda n: n.usd_per_tflops_hour,
    "co2": lambda n: n.grams_co2_per_gpu_hour,
}
"""Name on the command line to figure; the first one asked for ranks the offers."""


def ranked(offers: Iterable[Offer], per: Collection[str]) -> tuple[tuple[Offer, Normalised], ...]:
    """Offers with their figures, cheapest by the first of `per`; those without that figure come last.

    Raises `PriceError` for a unit that is not in `PER`.
    """
    for name in per:
        if name not in PER:
            raise PriceError(f"per: {name!r} is not known (one of {', '.join(PER)})")
    by = PER[next(iter(per))]
    rows = [(offer, normalised(offer)) for offer in offers]

    def rank(row: tuple[Offer, Normalised]) -> tuple[bool, float]:
        figure = by(row[1])
        return figure is None, figure or 0.0

    return tuple(sorted(rows, key=rank))
