"""Compile our Triton kernels for hardware that is not here, and read what the compiler used.

A variant is called on tensors without memory in the typical shape of its op; what it would launch is compiled
for each target. `python -P -m planner.kernels.compile VARIANT ... [--target sm_90]` prints one JSON line per
kernel; run it in a child process, because a compiler may abort.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from planner.kernels.errors import KernelError
from planner.kernels.launch import Launch, recorded
from planner.kernels.loading import load, manifest
from planner.kernels.manifests import TARGETS, Manifest
from planner.kernels.reference import op as op_named

SHARED_BYTES = {
    "sm_80": 166_912, "sm_89": 101_376, "sm_90": 232_448, "sm_100": 232_448, "sm_120": 101_376,
    "gfx942": 65_536, "gfx950": 163_840, "gfx1100": 65_536, "gfx1201": 65_536,
}  # fmt: skip
"""Shared memory (LDS) one block may use. CUDA C++ Programming Guide, compute capabilities; AMD's ISA guides."""
WIDE_WAVES = ("gfx942", "gfx950")
"""64 threads to a wave; 32 elsewhere."""
TYPES = {
    "torch.bfloat16": "bf16", "torch.float16": "fp16", "torch.float32": "fp32", "torch.float8_e4m3fn": "fp8e4nv",
    "torch.int64": "i64", "torch.int32": "i32", "torch.int8": "i8", "torch.uint8": "u8",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Compiled:
    """One kernel of a variant, compiled for one target."""

    variant: str
    sha256: str
    """The variant's; a changed source makes the row stale."""
    dtype: str
    target: str
    kernel: str
    registers: int
    """Per thread: NVIDIA registers, AMD vector registers."""
    spill_bytes: int
    """Written to and read from memory per thread, because the registers could not hold it (AMD: scratch)."""
    shared_bytes: int
    """Shared memory (LDS) per block."""
    config: str
    """Tunables in force."""


def supports(variant: Manifest, target: str, dtype: str) -> None:
    """Raise `KernelError` unless the manifest declares the pair."""
    if target not in TARGETS:
        raise KernelError(f"target {target!r} is not known; one of {', '.join(TARGETS)}")
    if target not in variant.targets:
        raise KernelError(
            f"{variant.name}: not declared for {target}; its manifest has {', '.join(variant.targets) or 'no target'}"
        )
    if dtype not in variant.dtypes:
        raise KernelError(f"{variant.name}: dtype is {dtype!r}; one of {', '.join(variant.dtypes)}")


def launches(variant: Manifest, dtype: str, target: str) -> list[Launch]:
    """What the variant would launch on the typical shape of its op."""
    op = op_named(variant.op)
    inputs = op.make_inputs(op.typical, dtype, 0, device="meta")
    out = op.make_outputs(op.typical, dtype, device="meta")
    with recorded() as noted:
        load(variant, target=target, dtype=dtype)(inputs, out)
    found = {launch.kernel.__name__: launch for launch in noted}
    if not all(hasattr(launch.kernel, "cache_key") for launch in found.values()):
        raise KernelError(
            f"{variant.name}: Triton interprets here and cannot compile; unset TRITON_INTERPRET"
        )
    return list(found.values())


def compile_variant(variant: Manifest, target: str, dtype: str) -> Iterator[Compiled]:
    """Compile every kernel of a variant for a target it declares; nothing has to be installed but Triton.

    Raises `KernelError` for a pair the manifest does not declare, and where the compiler refuses a kernel.
    """
    supports(variant, target, dtype)
    config = variant.tunables(target, dtype)
    told = " ".join(f"{name}={value}" for name, value in sorted(config.items()))
    for launch in launches(variant, dtype, target):
        name = launch.kernel.__name__
        try:
            compiled, report = _compile(launch, target)
        except Exception as error:  # the compiler raises whatever its passes raise
            reason = (str(error).strip().splitlines() or [""])[-1]
            raise KernelError(
                f"{variant.name}: {name} does not compile for {target} in {dtype}: {type(error).__name__}: {reason}"
            ) from error
        registers, spilled = _resources(compiled, report)
        shared = int(compiled.metadata.shared)
        if shared > SHARED_BYTES[target]:
            raise KernelError(
                f"{variant.name}: {name} wants {shared} bytes of shared memory on {target}, which has "
                f"{SHARED_BYTES[target]}; give the target a smaller tile in config_for"
            )
        yield Compiled(
            variant.name,
            variant.sha256[:16],
            dtype,
            target,
            name.lstrip("_"),
            registers,
            spilled,
            shared,
            told,
        )


def _compile(launch: Launch, target: str) -> tuple[Any, str]:
    """The compiled kernel, and what NVIDIA's assembler said about it."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    backend, number = ("cuda", int(target[3:])) if target.startswith("sm_") else ("hip", target)
    gpu = GPUTarget(backend, number, 64 if target in WIDE_WAVES else 32)
    signature: dict[str, str] = {}
    constants: dict[str, Any] = dict(launch.constants)
    aligned: dict[tuple[int], list[list[Any]]] = {}
    for place, (name, value) in enumerate(zip(launch.kernel.arg_names, launch.arguments, strict=False)):
        signature[name], divisible = _type(value)
        if signature[name] == "constexpr":
            constants[name] = value
        elif divisible:
            aligned[(place,)] = [["tt.divisibility", 16]]
    signature |= dict.fromkeys(launch.constants, "constexpr")
    source = ASTSource(launch.kernel, signature, constants, aligned)
    options = {"num_warps": launch.warps, "num_stages": launch.stages}
    triton.knobs.nvidia.dump_ptxas_log = True
    with TemporaryDirectory() as cache, redirect_stdout(StringIO()) as report:
        triton.knobs.cache.dir = (
            cache  # a binary from an older cache would come without the assembler's report
        )
        compiled = triton.compile(source, target=gpu, options=options)
    return compiled, report.getvalue()


def _type(value: Any) -> tuple[str, bool]:
    """How the compiler sees an argument, and whether it may count on a multiple of 16; as at run time."""
    if isinstance(value, int):
        return ("constexpr", False) if value == 1 else ("i32" if value < 2**31 else "i64", value % 16 == 0)
    if isinstance(value, float):
        return "fp32", False
    return "*" + TYPES[str(value.dtype)], True


def _resources(compiled: Any, report: str) -> tuple[int, int]:
    """Registers and spilled bytes per thread; AMD's assembly text has them, NVIDIA's assembler prints them."""
    text = compiled.asm.get("amdgcn")
    if text is not None:
        return _number(r"\.vgpr_count:\s+(\d+)", text), _number(
            r"\.private_segment_fixed_size:\s+(\d+)", text
        )
    spilled = _number(r"(\d+) bytes spill stores", report) + _number(r"(\d+) bytes spill loads", report)
    return _number(r"Used (\d+) registers", report), spilled


def _number(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    if found is None:
        raise KernelError(f"the compiler's report has no {pattern!r}")
    return int(found[1])


def main(arguments: list[str]) -> int:
    """Compile variants for targets and dtypes; a failure is a line with `error`, and exit status 1."""
    import argparse

    parser = argparse.ArgumentParser(prog="planner.kernels.compile")
    parser.add_argument("variants", nargs="+")
    parser.add_argument("--folder", action="append", type=Path, default=[])
    parser.add_argument("--target", action="append", help="default: all the manifest declares")
    parser.add_argument("--dtype", action="append", help="default: all the manifest declares")
    asked = parser.parse_args(arguments)
    failed = False
    for variant in (manifest(name, asked.folder) for name in asked.variants):
        pairs = [(t, d) for t in asked.target or variant.targets for d in asked.dtype or variant.dtypes]
        for target, dtype in pairs:
            try:
                lines = [asdict(found) for found in compile_variant(variant, target, dtype)]
            except KernelError as error:
                lines = [{"variant": variant.name, "target": target, "dtype": dtype, "error": str(error)}]
                failed = True
            sys.stdout.writelines(json.dumps(line) + "\n" for line in lines)
            sys.stdout.flush()
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
