"""SkyPilot and dstack: rent the machine, start the engine."""

from __future__ import annotations

from typing import Any

import yaml

from planner.errors import InputError
from planner.export.launch import PORT, checkpoint_note, header, image, shell_line
from planner.export.names import DSTACK_BACKENDS, DSTACK_GPUS, SKYPILOT_CLOUDS, SKYPILOT_GPUS
from planner.export.services import Service, only
from planner.plan import AlternativePart, Plan

MARGIN = 1.1
"""Times the planned price: above it, a tool should not rent without asking."""


class _Plain(yaml.SafeDumper):
    """No anchors: some tools refuse them, and people read the file."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write what occurs twice twice."""
        return True


def _text(dumper: yaml.SafeDumper, raw: str) -> yaml.ScalarNode:
    """A script as a block, anything else on its line."""
    return dumper.represent_scalar("tag:yaml.org,2002:str", raw, style="|" if "\n" in raw else None)


_Plain.add_representer(str, _text)


def dump(document: Any) -> str:
    """YAML in the order of the document; every string is quoted where it has to be."""
    text: str = yaml.dump(document, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=100)
    return text


def skypilot(plan: Plan, found: tuple[Service, ...]) -> str:
    """A SkyPilot task that serves: the planned machine first, the runners-up of the plan in order behind it."""
    s = only(found, "skypilot")
    p = s.placement
    gpu = SKYPILOT_GPUS.get(p.gpu or "")
    cloud = SKYPILOT_CLOUDS.get(p.offer.seller)
    if gpu is None or cloud is None:
        what = f"GPU {p.gpu}" if gpu is None else f"seller {p.offer.seller}"
        raise InputError(f"skypilot: no name is known for {what}", hint="export launch, and rent it yourself")
    first = _resources(cloud, p.offer.region, gpu, round(p.offer.gpu_count), spot=p.term == "spot")
    first["instance_type"] = p.offer.instance
    first["max_hourly_cost"] = round(MARGIN * p.offer.usd_per_hour, 4)
    rest = [
        r
        for a in plan.alternatives
        for part in a.parts
        if part.workload == p.workload and (r := _other(part))
    ]
    ordered = [first, *(r for i, r in enumerate(rest) if r not in rest[:i])]
    task = {
        "name": s.name,
        "resources": {"image_id": f"docker:{image(p)}", "ports": PORT, "ordered": ordered},
        "num_nodes": 1,
        "service": {
            "readiness_probe": {"path": "/v1/models", "initial_delay_seconds": 1800},
            "replica_policy": {"min_replicas": _machines(s, s.least_replicas),
                               "max_replicas": _machines(s, s.most_replicas),
                               **_target(s)},
        },
        "run": shell_line(s) + "\n",
    }  # fmt: skip
    note = f"# {text}\n" if (text := checkpoint_note(p)) else ""
    return header(plan, s) + note + dump(task)


def _machines(s: Service, replicas: int) -> int:
    """Machines for so many engine instances."""
    return max(1, -(-replicas // (s.placement.replicas_per_unit or 1)))


def _target(s: Service) -> dict[str, float]:
    """Requests per second one machine is planned for; needed where the number of machines may change."""
    load = sum(p.load_requests_per_s for p in s.placements) / max(_machines(s, s.most_replicas), 1)
    varies = _machines(s, s.least_replicas) != _machines(s, s.most_replicas)
    return {"target_qps_per_replica": round(max(load, 0.001), 4)} if varies else {}


def _resources(cloud: str, region: str | None, gpu: str, count: int, *, spot: bool) -> dict[str, Any]:
    infra = f"{cloud}/{region}" if region and "/" not in region and " " not in region else cloud
    return {"infra": infra, "accelerators": f"{gpu}:{count}", "use_spot": spot}


def _other(part: AlternativePart) -> dict[str, Any] | None:
    """A runner-up in SkyPilot's words; None where it has none."""
    gpu, cloud = SKYPILOT_GPUS.get(part.gpu), SKYPILOT_CLOUDS.get(part.seller)
    if gpu is None or cloud is None or part.gpu_count != round(part.gpu_count):
        return None
    return _resources(cloud, part.region, gpu, round(part.gpu_count), spot=part.term == "spot")


def dstack(plan: Plan, found: tuple[Service, ...]) -> str:
    """A dstack service."""
    s = only(found, "dstack")
    p = s.placement
    gpu = DSTACK_GPUS.get(p.gpu or "")
    if gpu is None:
        raise InputError(
            f"dstack: no name is known for GPU {p.gpu}", hint="export launch, and rent it yourself"
        )
    least, most = s.least_replicas, s.most_replicas
    spec: dict[str, Any] = {"name": gpu, "count": s.gpus_per_replica}
    if p.offer.gpu_memory_gib:
        spec["memory"] = f"{int(0.9 * p.offer.gpu_memory_gib)}GB.."
    service: dict[str, Any] = {
        "type": "service",
        "name": s.name,
        "image": image(p),
        "commands": [shell_line(s)],
        "port": PORT,
        "model": s.model,
        "resources": {"gpu": spec},
        "replicas": f"{least}..{most}" if most > least else most,
    }
    if most > least:
        load = sum(x.load_requests_per_s for x in s.placements) / most
        service["scaling"] = {"metric": "rps", "target": round(max(load, 0.001), 4)}
    if p.offer.seller in DSTACK_BACKENDS:
        service["backends"] = [DSTACK_BACKENDS[p.offer.seller]]
    service["spot_policy"] = "spot" if p.term == "spot" else "on-demand"
    share = p.offer.usd_per_hour * s.gpus_per_replica / p.offer.gpu_count
    service["max_price"] = round(MARGIN * share, 4)
    note = f"# {text}\n" if (text := checkpoint_note(p)) else ""
    return header(plan, s) + note + dump(service)
