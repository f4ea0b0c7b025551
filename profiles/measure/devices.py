"""Which devices there are to measure on, by the word a person types."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from planner.profiles.errors import ProfileError
from planner.profiles.measure.protocol import Backend

DEVICES = ("cpu", "cuda", "rocm", "xpu")


def _cpu(index: int) -> Backend:
    from planner.profiles.measure.cpu import CpuBackend, one_thread

    if index:
        raise ProfileError(f"device cpu:{index}: the CPU is one device; write cpu")
    one_thread()
    return CpuBackend()


def _torch(name: str) -> Callable[[int], Backend]:
    def made(index: int) -> Backend:
        from planner.profiles.measure.accelerator import TorchBackend, available

        if name not in available():
            raise ProfileError(
                f"device {name}: torch sees none here; install a torch built for it, or measure with --device cpu"
            )
        return TorchBackend(name, index)

    return made


OPENERS: Mapping[str, Callable[[int], Backend]] = {
    "cpu": _cpu, "cuda": _torch("cuda"), "rocm": _torch("rocm"), "xpu": _torch("xpu"),
}  # fmt: skip


def open_backend(spelling: str) -> Backend:
    """The device behind `cpu`, `cuda`, `cuda:1`, `rocm` or `xpu`; raises `ProfileError` where there is none."""
    name, _, index = spelling.partition(":")
    if name not in OPENERS or (index and not index.isdigit()):
        raise ProfileError(
            f"device {spelling!r} is not known; one of {', '.join(OPENERS)}, with :N for one of several"
        )
    return OPENERS[name](int(index or 0))
