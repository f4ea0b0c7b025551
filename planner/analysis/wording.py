"""Options as people name them."""

from __future__ import annotations

from collections.abc import Iterable

from planner.options.table import Option
from planner.profiles.gpus import load_gpus


def label_of(option: Option) -> str:
    """Hardware, seller, place and term of an option, and what runs on it."""
    offer, c = option.offer, option.configuration
    where = f" {offer.region}" if offer.region else ""
    gpus = f"{offer.gpu_count:g} x {offer.gpu}"
    seller = f"{offer.seller} {offer.instance}{where}, {offer.term.replace('_', ' ')}"
    return f"{gpus} ({seller}), {c.engine} {c.weights} {c.layout}"


def hardware_of(options: Iterable[Option]) -> str:
    """GPU models, each once."""
    return ", ".join(dict.fromkeys(load_gpus()[o.offer.gpu].name for o in options))
