"""What changed between two sets of prices: moved, new, gone; and what of it smells of a mistake."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from statistics import median

from planner.pricing.offer import Offer

JUMP = 2.0
"""A price that more than doubles or halves between two looks: list prices move by less, spot seldom more."""
COUNTS = (2, 4, 8, 16)
"""A step by exactly such a factor is a whole node booked on one GPU, or the reverse."""
FAR_FROM_PEERS = 4.0
FEWEST_PEERS = 4


@dataclass(frozen=True, slots=True)
class Change:
    """One offer that is not what it was; prices in USD per GPU-hour, None on the side that lacks it."""

    change: str
    """`moved`, `new` or `gone`."""
    seller: str
    instance: str
    gpu: str
    region: str | None
    term: str
    payment: str
    """How a commitment is paid, where that is stated."""
    old_usd_per_gpu_hour: float | None
    new_usd_per_gpu_hour: float | None
    percent: float | None
    suspicious: str
    """Why a person should look before planning on it; empty when nothing is odd."""
    old_as_of: str | None
    new_as_of: str | None


@dataclass(frozen=True)
class PriceDiff:
    """Every change by size, the odd ones first, and how many offers stayed as they were."""

    changes: tuple[Change, ...]
    unchanged: int

    def count(self, change: str) -> int:
        """How many of one kind."""
        return sum(row.change == change for row in self.changes)

    @property
    def suspicious(self) -> int:
        """How many need a look."""
        return sum(bool(row.suspicious) for row in self.changes)


def whole_node_factor(old: float | None, new: float, peers: float | None) -> str:
    """A step by a power of two that GPUs come in."""
    if old is None:
        return ""
    for count in COUNTS:
        for ratio in (count, 1 / count):
            if abs(new / old / ratio - 1) < 0.005:
                return f"changed by exactly {max(ratio, 1 / ratio):g}x: price of a node booked on a GPU?"
    return ""


def jumped(old: float | None, new: float, peers: float | None) -> str:
    """More than doubled or halved."""
    if old is None or 1 / JUMP <= new / old <= JUMP:
        return ""
    return f"{'more than doubled' if new > old else 'less than half'}"


def far_from_peers(old: float | None, new: float, peers: float | None) -> str:
    """A new offer far from the median of the same GPU and term."""
    if old is not None or peers is None or 1 / FAR_FROM_PEERS <= new / peers <= FAR_FROM_PEERS:
        return ""
    return f"{new / peers:.2g} times the median of this GPU and term"


ODD: Mapping[str, Callable[[float | None, float, float | None], str]] = {
    "whole_node_factor": whole_node_factor,
    "jumped": jumped,
    "far_from_peers": far_from_peers,
}
"""Rules in order: the first that speaks is shown. Arguments: old and new price, median of its peers."""


def compare_prices(old: Iterable[Offer], new: Iterable[Offer]) -> PriceDiff:
    """The changes from one set of offers to another, matched by key.

    A change of date alone is none. Prices are compared to a hundredth of a per cent, so that a rounding in a
    source is not a move.
    """
    before = {offer.key: offer for offer in old}
    after = {offer.key: offer for offer in new}
    peers = _medians(after.values())
    changes = [
        _change(before.get(key), after.get(key), peers)
        for key in sorted(before.keys() | after.keys())
        if not _same(before.get(key), after.get(key))
    ]
    changes.sort(key=lambda row: (not row.suspicious, -abs(row.percent or 0.0)))
    return PriceDiff(tuple(changes), len(before.keys() | after.keys()) - len(changes))


def _same(old: Offer | None, new: Offer | None) -> bool:
    if old is None or new is None:
        return False
    return abs(new.usd_per_gpu_hour - old.usd_per_gpu_hour) <= 1e-4 * old.usd_per_gpu_hour


def _medians(offers: Iterable[Offer]) -> dict[tuple[str, str], float]:
    groups: dict[tuple[str, str], list[float]] = {}
    for offer in offers:
        groups.setdefault((offer.gpu, offer.term), []).append(offer.usd_per_gpu_hour)
    return {group: median(found) for group, found in groups.items() if len(found) >= FEWEST_PEERS}


def _change(old: Offer | None, new: Offer | None, peers: Mapping[tuple[str, str], float]) -> Change:
    shown = new or old
    if shown is None:
        raise AssertionError("a key is on one side at least")
    was, now = (offer.usd_per_gpu_hour if offer else None for offer in (old, new))
    odd = ""
    if now is not None:
        found = (rule(was, now, peers.get((shown.gpu, shown.term))) for rule in ODD.values())
        odd = next(filter(None, found), "")
    return Change(
        change="moved" if old and new else "new" if new else "gone",
        seller=shown.seller, instance=shown.instance, gpu=shown.gpu, region=shown.region, term=shown.term,
        payment=shown.payment,
        old_usd_per_gpu_hour=was, new_usd_per_gpu_hour=now,
        percent=100 * (now / was - 1) if was and now else None, suspicious=odd,
        old_as_of=old.as_of if old else None, new_as_of=new.as_of if new else None,
    )  # fmt: skip
