"""The services of a plan: what runs the same way on the same offer, whatever hours it runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from planner.errors import InputError
from planner.plan import Placement, Plan

LONGEST_NAME = 50  # Kubernetes allows 63, and tools add suffixes


@dataclass(frozen=True, slots=True)
class Service:
    """Placements of one stack on one offer; `name` is fit for a cluster object."""

    name: str
    placements: tuple[Placement, ...]

    @property
    def placement(self) -> Placement:
        """The one that runs longest: what they all run."""
        return max(self.placements, key=lambda p: p.hours_per_month)

    @property
    def model(self) -> str:
        """Name of the model."""
        estimate = self.placement.estimate
        return estimate.model if estimate else self.placement.workload

    @property
    def gpus_per_replica(self) -> int:
        """GPUs of one engine instance."""
        return self.placement.layout.gpus if self.placement.layout else 1

    @property
    def most_replicas(self) -> int:
        """Engine instances in the busiest hours."""
        return sum(p.units * (p.replicas_per_unit or 1) for p in self.placements)

    @property
    def least_replicas(self) -> int:
        """Engine instances around the clock; one where all of them run by the hour."""
        base = sum(p.units * (p.replicas_per_unit or 1) for p in self.placements if p.around_the_clock)
        return base or 1


def services(plan: Plan) -> tuple[Service, ...]:
    """Everything the plan runs itself; a hosted API is run by its seller and has no service."""
    groups: dict[object, list[Placement]] = {}
    for p in plan.placements:
        if p.engine is not None:
            key = (
                p.workload,
                p.offer.key,
                p.engine,
                p.layout,
                p.weight_precision,
                p.kv_precision,
                p.batch_limit,
            )
            groups.setdefault(key, []).append(p)
    return tuple(_named(list(groups.values())))


def only(found: tuple[Service, ...], tool: str) -> Service:
    """The one service of a tool whose file holds one; InputError naming them where there are several."""
    if len(found) != 1:
        listed = ", ".join(s.name for s in found) or "none"
        raise InputError(
            f"{tool}: a file holds one service, the plan has {len(found)}", hint=f"--service: {listed}"
        )
    return found[0]


def slug(text: str) -> str:
    """A name in the letters every tool allows.

    >>> slug("nightly | Batch_2!"), slug("4090")
    ('nightly-batch-2', 's-4090')
    """
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:LONGEST_NAME].strip("-")
    return plain if plain[:1].isalpha() else f"s-{plain}".rstrip("-")


def _named(groups: list[list[Placement]]) -> Iterator[Service]:
    used: dict[str, int] = {}
    for group in groups:
        name = slug(f"{group[0].workload}-{group[0].gpu}")
        used[name] = used.get(name, 0) + 1
        yield Service(name if used[name] == 1 else f"{name}-{used[name]}", tuple(group))
