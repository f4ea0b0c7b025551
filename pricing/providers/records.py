"""What passes between the providers and the rest: a listing as read, its verdict, and the outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from planner.pricing.offer import Offer

if TYPE_CHECKING:
    from planner.pricing.providers.session import Session

Status = Literal["ok", "skipped", "failed", "unchanged"]
PUBLIC_FACT = "facts of a public price list"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One price as a seller states it; nothing here is checked yet (`judge.judge` does)."""

    seller: str
    instance: object
    gpu: object
    """As listed; resolved to a key by `judge`, unless the machine table knows the instance."""
    gpu_count: object
    price: object
    """In `currency`, times `scale`, per hour; for the whole instance unless `per_gpu`."""
    scale: Decimal = Decimal(1)
    per_gpu: bool = False
    currency: object = "USD"
    gpu_memory_gib: object = None
    memory_of_all: bool = False
    """The memory may be the sum over the GPUs: whichever reading fits the GPU is taken."""
    vcpus: object = None
    host_memory_gib: object = None
    region: object = None
    term: str = "on_demand"
    upfront: object = None
    """In `currency`, once per commitment of the whole instance; `price` is then the recurring part, which may
    be zero. None where the seller states nothing."""
    payment: str = ""
    """One of `offer.PAYMENTS` where the seller names it; must agree with the parts."""
    availability: float | None = None
    stated_on: object = None
    """Date the source itself gives for the price; one that lies ahead is not a price yet."""
    source: str = ""
    licence: str = PUBLIC_FACT
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A row kept out and why; `offer` is there when it could be read and only a gate objected."""

    row: str
    reason: str
    offer: Offer | None = None


Item = Offer | Listing | Quarantined


@dataclass(frozen=True, slots=True)
class Provider:
    """One source of prices."""

    name: str
    needs: tuple[str, ...]
    """Names of environment variables without which it is skipped."""
    documents: tuple[str, ...]
    """Where the shape of its answers was read; none was tried live."""
    fetch: Callable[[Session, Mapping[str, str]], Iterator[Item]]
    live: bool = True
    """Its answers hold today's prices; False for an archive, whose rows keep the archive's date or none."""
    hint: str = ""
    """Said when it is skipped: what to give."""


@dataclass(frozen=True, slots=True)
class FetchResult:
    """What one provider brought. `offers` is empty unless `status` is ok: the last good rows stay."""

    provider: str
    status: Status
    offers: tuple[Offer, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()
    message: str = ""
    etag: str | None = None
    """Opaque; hand it back through `refresh(etags=...)` to be told `unchanged`."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a refresh is; `status` is None while the provider is still being read."""

    provider: str
    pages: int
    status: Status | None
    finished: int
    total: int
