"""The command that starts each service the way it was planned, kernel flags included."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping

from planner.errors import InputError
from planner.export.services import Service
from planner.plan import Placement, Plan
from planner.render.text import clean

PORT = 8000
CONFIG = "trtllm.yaml"
IMAGES = {
    "vllm": "vllm/vllm-openai:v{version}",
    "sglang": "lmsysorg/sglang:v{version}",
    "trtllm": "nvcr.io/nvidia/tensorrt-llm/release:{version}",
}
QUANTISED = frozenset({"bf16", "fp16"})
"""Formats that need no word: the checkpoint as it is."""


def header(plan: Plan, service: Service | None = None) -> str:
    """Comment lines of every file we write for another tool: where it comes from."""
    what = f", service {service.name}" if service else ""
    return f"# Written by openclaw-planner from plan {plan.question.digest[:12]} as of {plan.as_of}{what}.\n"


def launch(plan: Plan, found: tuple[Service, ...]) -> str:
    """A shell script with one command per service, for one replica on its machine."""
    if not found:
        raise InputError("launch: the plan runs nothing itself", hint="hosted APIs are run by their seller")
    parts = ["#!/bin/sh\n" + header(plan)]
    for s in found:
        p = s.placement
        where = clean(f"{p.offer.seller} {p.offer.instance}").replace("\n", " ")
        lines = [f"# {s.name}: {s.most_replicas} replica(s), {s.gpus_per_replica} GPU(s) each, on {where}"]
        if note := checkpoint_note(p):
            lines.append(f"# {note}")
        if config := engine_config(p):
            lines.append(f"printf %s {shlex.quote(config)} > {CONFIG}")
        lines.append(shlex.join(command(s)))
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def command(s: Service) -> list[str]:
    """Words of the command, never a string for a shell to split."""
    p = s.placement
    writer = COMMANDS.get(p.engine or "")
    if writer is None:
        raise InputError(
            f"launch: no command is known for engine {p.engine!r}", hint=f"known: {', '.join(COMMANDS)}"
        )
    return writer(s, [word for flag in p.engine_flags if flag.startswith("--") for word in flag.split()])


def engine_config(p: Placement) -> str:
    """Settings that an engine reads from a file: what the plan names as `key: value` beside the flags."""
    return "".join(f"{flag}\n" for flag in p.engine_flags if not flag.startswith("--"))


def checkpoint_note(p: Placement) -> str:
    """What the weights must be, where no flag makes them so."""
    if p.weight_precision in (None, *QUANTISED) or (
        p.weight_precision == "fp8" and p.engine in ("vllm", "sglang")
    ):
        return ""
    return f"needs a checkpoint whose weights are {p.weight_precision}"


def image(p: Placement) -> str:
    """Container image of the engine at the planned version."""
    version = p.estimate.engine_version if p.estimate and p.estimate.engine_version else "latest"
    return IMAGES[p.engine or "vllm"].format(version=version)


def _quantised(p: Placement) -> list[str]:
    return ["--quantization", "fp8"] if p.weight_precision == "fp8" else []


def _vllm(s: Service, flags: list[str]) -> list[str]:
    p = s.placement
    limit = ["--max-num-seqs", str(p.batch_limit)] if p.batch_limit else []
    return ["vllm", "serve", s.model, "--port", str(PORT), *flags, *_quantised(p), *limit]


def _sglang(s: Service, flags: list[str]) -> list[str]:
    p = s.placement
    limit = ["--max-running-requests", str(p.batch_limit)] if p.batch_limit else []
    start = [
        "python",
        "-m",
        "sglang.launch_server",
        "--model-path",
        s.model,
        "--host",
        "0.0.0.0",
        "--port",
        str(PORT),
    ]
    return [*start, *flags, *_quantised(p), *limit]


def _trtllm(s: Service, flags: list[str]) -> list[str]:
    p = s.placement
    limit = ["--max_batch_size", str(p.batch_limit)] if p.batch_limit else []
    config = ["--extra_llm_api_options", CONFIG] if engine_config(p) else []
    return ["trtllm-serve", s.model, "--host", "0.0.0.0", "--port", str(PORT), *flags, *limit, *config]


COMMANDS: Mapping[str, Callable[[Service, list[str]], list[str]]] = {
    "vllm": _vllm, "sglang": _sglang, "trtllm": _trtllm,
}  # fmt: skip
"""Engine to the command that starts it."""


def shell_line(s: Service) -> str:
    """The command as one line for a tool that runs a shell, its configuration file written first."""
    config = engine_config(s.placement)
    write = f"printf %s {shlex.quote(config)} > {CONFIG} && " if config else ""
    return write + shlex.join(command(s))
