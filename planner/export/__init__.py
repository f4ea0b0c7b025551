"""A plan as what other tools read: manifests, launch commands, variables, metrics, a cost forecast. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from planner.errors import InputError, did_you_mean
from planner.export.clouds import dstack, skypilot
from planner.export.clusters import karpenter, kubernetes, llm_d
from planner.export.focus import focus
from planner.export.launch import launch
from planner.export.services import Service, services
from planner.export.values import prometheus, terraform
from planner.plan import Plan

__all__ = ["EXPORTS", "Service", "export", "focus", "services"]

EXPORTS: Mapping[str, Callable[[Plan, tuple[Service, ...]], str]] = {
    "skypilot": skypilot,
    "dstack": dstack,
    "kubernetes": kubernetes,
    "karpenter": karpenter,
    "llm-d": llm_d,
    "launch": launch,
    "terraform": terraform,
    "prometheus": prometheus,
}
"""Tool to writer; `focus` has options of its own."""


def export(plan: Plan, tool: str, *, service: str | None = None) -> str:
    """The plan, or one of its services, for a tool; InputError where it cannot be said in that tool's words."""
    writer = EXPORTS.get(tool)
    if writer is None:
        raise InputError(
            f"format: {tool!r} is no export", hint=did_you_mean(tool, EXPORTS) or ", ".join(EXPORTS)
        )
    found = services(plan)
    if service is not None:
        names = {s.name: s for s in found}
        if service not in names:
            hint = did_you_mean(service, names) or f"one of {', '.join(names)}"
            raise InputError(f"--service {service}: not in the plan", hint=hint)
        found = (names[service],)
    return writer(plan, found)
