"""Which measurements speak for which configuration: nested groups, and the axes inside them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.models import Model

Array = NDArray[np.float64]
AXES = ("batch", "isl", "osl", "gpus", "ep", "dp")


@dataclass(frozen=True, slots=True)
class Subject:
    """A configuration as the calibration sees it; the batch size varies beside it."""

    engine: str
    version: str  # see `version_group`
    family: str
    model: str
    system: str
    weights: str
    gpus: int
    ep: int
    dp: int
    isl: float
    osl: float
    random_lengths: bool
    speculative: bool = False

    @property
    def context(self) -> Context:
        """Keys of its groups."""
        return tuple(key(self) for key in GROUPS.values())

    def at(self, batch: Array) -> Array:
        """Logarithms of `AXES` at each batch size, [batch sizes, axes]."""
        rest = np.log([self.isl, self.osl, float(self.gpus), float(self.ep), float(self.dp)])
        return np.column_stack([np.log(batch), np.broadcast_to(rest, (len(batch), 5))])


Context = tuple[Hashable, ...]
GroupKey = Callable[[Subject], Hashable]
GROUPS: Mapping[str, GroupKey] = {
    "family": lambda s: s.family,
    "model": lambda s: s.model,
    "system": lambda s: f"{s.family}|{s.system}",
    "format": lambda s: f"{s.family}|{s.system}|{s.weights}",
    "version": lambda s: f"{s.family}|{s.system}|{s.weights}|{s.version}",
    "layout": lambda s: f"{s.family}|{s.system}|{s.weights}|{s.version}|{s.gpus}|{s.ep}|{s.dp}",
    "lengths": lambda s: f"{s.family}|{s.version}|{s.random_lengths}",
    "speculative": lambda s: "yes" if s.speculative else None,
}
"""Every group is inside one engine, so an unknown family returns to the physics; a None key belongs to no group."""

KNOWN = "format"  # a configuration is known when measurements share this group with it


def version_group(version: str | None, planned: str) -> str:
    """Version that groups a configuration: empty where nobody recorded it, and for the one a plan starts (`planned`),
    so that a user's run of that version speaks for their plan whether they wrote it down or not.

    >>> version_group("0.24.0", "0.24.0"), version_group("0.19.0", "0.24.0")
    ('', '0.19.0')
    """
    return "" if version is None or version == planned else version


def family_of(model: Model) -> str:
    """Shapes that behave alike: one architecture at one depth (DeepSeek-R1 and V3; Llama 3.1 and 3.3 70B).

    >>> from planner.models import resolve_model
    >>> family_of(resolve_model("deepseek-ai/DeepSeek-R1"))
    'deepseek-61'
    """
    return f"{model.family}-{model.num_layers}"
