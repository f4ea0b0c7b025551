"""Which devices there are to measure on, by the word a person types."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from planner.profiles.errors import ProfileError
from planner.profiles.measure.protocol import Backend


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


def parse_device(spelling: str) -> tuple[str, int]:
    """Kind and number behind `cpu`, `cuda`, `cuda:1`, `rocm` or `xpu`; raises `ProfileError` for anything else.

    >>> parse_device("cuda:1")
    ('cuda', 1)
    """
    name, colon, index = spelling.partition(":")
    if name not in OPENERS or (colon and not index.isdigit()):
        raise ProfileError(
            f"device {spelling!r} is not known; one of {', '.join(OPENERS)}, with :N for one of several"
        )
    return name, int(index or 0)


def open_backend(spelling: str) -> Backend:
    """The device of this spelling; raises `ProfileError` where there is none."""
    name, index = parse_device(spelling)
    return OPENERS[name](index)
