"""Kubernetes, Karpenter and llm-d: the cluster has the machines, or buys them."""

from __future__ import annotations

from typing import Any

from planner.errors import InputError
from planner.export.clouds import dump
from planner.export.launch import PORT, checkpoint_note, command, header, image, shell_line
from planner.export.names import kubernetes_resource
from planner.export.services import Service, slug
from planner.plan import Plan

LABEL = "app.kubernetes.io/name"
GPU_LABEL = "openclaw-planner/gpu"


def kubernetes(plan: Plan, found: tuple[Service, ...]) -> str:
    """Deployment, Service and autoscaler of each service; the autoscaler needs a metrics adapter for its metric."""
    if not found:
        raise InputError(
            "kubernetes: the plan runs nothing itself", hint="hosted APIs are run by their seller"
        )
    labels = "".join(
        f"#   {GPU_LABEL}={slug(gpu)}\n" for gpu in sorted({s.placement.gpu or "gpu" for s in found})
    )
    return (
        header(plan)
        + f"# Label the nodes by their GPU first:\n{labels}"
        + "---\n".join(
            _note(s) + "---\n".join(map(dump, (_deployment(s), _service(s), _autoscaler(s)))) for s in found
        )
    )


def _note(s: Service) -> str:
    text = checkpoint_note(s.placement)
    return f"# {s.name}: {text}\n" if text else ""


def _deployment(s: Service) -> dict[str, Any]:
    p, labels = s.placement, {LABEL: s.name, "app.kubernetes.io/managed-by": "openclaw-planner"}
    devices = {kubernetes_resource(p.gpu): s.gpus_per_replica}
    alive = {"path": "/v1/models", "port": "http"}
    container = {
        "name": "engine",
        "image": image(p),
        "command": ["/bin/sh", "-c", shell_line(s)],
        "ports": [{"name": "http", "containerPort": PORT}],
        "resources": {"limits": devices, "requests": devices},
        "readinessProbe": {"httpGet": alive, "periodSeconds": 10},
        "startupProbe": {"httpGet": alive, "periodSeconds": 15, "failureThreshold": 120},
        "volumeMounts": [{"name": "shared-memory", "mountPath": "/dev/shm"}],
    }  # fmt: skip
    pod = {
        "nodeSelector": {GPU_LABEL: slug(p.gpu or "gpu")},
        "tolerations": [{"key": kubernetes_resource(p.gpu), "operator": "Exists", "effect": "NoSchedule"}],
        "containers": [container],
        "volumes": [{"name": "shared-memory", "emptyDir": {"medium": "Memory"}}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": s.name, "labels": labels},
        "spec": {
            "replicas": s.most_replicas,
            "selector": {"matchLabels": {LABEL: s.name}},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def _service(s: Service) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": s.name},
        "spec": {"selector": {LABEL: s.name}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
    }


def _autoscaler(s: Service) -> dict[str, Any]:
    """From the replicas that run around the clock to those of the busiest hours, by requests in flight."""
    target = {"type": "AverageValue", "averageValue": str(s.placement.batch_limit or 1)}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": s.name},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": s.name},
            "minReplicas": s.least_replicas,
            "maxReplicas": max(s.most_replicas, s.least_replicas),
            "metrics": [
                {"type": "Pods", "pods": {"metric": {"name": "num_requests_running"}, "target": target}}
            ],
        },
    }


def karpenter(plan: Plan, found: tuple[Service, ...]) -> str:
    """A NodePool per AWS instance type of the plan, limited to the GPUs planned."""
    pools: dict[tuple[str, str, str | None], int] = {}
    gpus: dict[tuple[str, str, str | None], str] = {}
    for s in found:
        for p in s.placements:
            if p.offer.seller == "aws" and p.term in ("on_demand", "spot"):
                key = (p.offer.instance, p.term, p.offer.region)
                pools[key] = pools.get(key, 0) + round(p.units * p.offer.gpu_count)
                gpus[key] = p.gpu or "gpu"
    if not pools:
        raise InputError(
            "karpenter: nothing in the plan is rented from AWS by the hour", hint="export kubernetes"
        )
    return header(plan) + "---\n".join(
        dump(_pool(*key, gpus[key], count)) for key, count in sorted(pools.items())
    )


def _pool(instance: str, term: str, region: str | None, gpu: str, count: int) -> dict[str, Any]:
    requirements = [
        {"key": "node.kubernetes.io/instance-type", "operator": "In", "values": [instance]},
        {"key": "karpenter.sh/capacity-type", "operator": "In", "values": [term.replace("_", "-")]},
    ]
    if region:
        requirements.append({"key": "topology.kubernetes.io/region", "operator": "In", "values": [region]})
    return {
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodePool",
        "metadata": {"name": slug(f"{instance}-{term}")},
        "spec": {
            "template": {
                "metadata": {"labels": {GPU_LABEL: slug(gpu)}},
                "spec": {
                    "requirements": requirements,
                    "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
                    "taints": [{"key": kubernetes_resource(gpu), "effect": "NoSchedule"}],
                },
            },
            "limits": {kubernetes_resource(gpu): count},
            "disruption": {"consolidationPolicy": "WhenEmptyOrUnderutilized", "consolidateAfter": "5m"},
        },
    }


def llm_d(plan: Plan, found: tuple[Service, ...]) -> str:
    """Values of llm-d's model-service chart, one document per service; llm-d runs vLLM."""
    mine = [s for s in found if s.placement.engine == "vllm"]
    if not mine:
        raise InputError("llm-d: nothing in the plan runs on vllm", hint='constraints.engines = ["vllm"]')
    return header(plan) + "---\n".join(_note(s) + dump(_values(s)) for s in mine)


def _values(s: Service) -> dict[str, Any]:
    p = s.placement
    arguments = command(s)[5:]  # the chart writes `vllm serve MODEL --port` itself
    devices = {kubernetes_resource(p.gpu): str(s.gpus_per_replica)}
    return {
        "fullnameOverride": s.name,
        "modelArtifacts": {"name": s.model, "uri": f"hf://{s.model}", "size": "200Gi"},
        "decode": {
            "create": True,
            "replicas": s.most_replicas,
            "parallelism": {"tensor": p.layout.tp if p.layout else 1, "data": p.layout.dp if p.layout else 1},
            "containers": [
                {"name": "vllm", "image": image(p), "modelCommand": "vllmServe", "args": arguments,
                 "resources": {"limits": devices, "requests": devices}}
            ],
        },
        "prefill": {"create": False},
    }  # fmt: skip
