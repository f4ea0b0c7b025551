"""Model shapes by name: the shipped table, reviewed aliases, and `config.json` files.

A name resolves only through `data/models.csv` and `data/model_aliases.csv`: case, spaces and the
publisher in front do not matter, and endings listed there ("-Instruct", "-FP8", "-GGUF" ...) are taken
off because they do not change the shape. Nothing is guessed from similarity.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

from planner.errors import ScenarioError, did_you_mean
from planner.modelshape import Model, parameter_groups

__all__ = [
    "Model",
    "is_config_path",
    "load_models",
    "model_names",
    "parameter_groups",
    "read_config",
    "resolve_model",
]

_MAX_CONFIG_BYTES = 4_000_000  # the largest published config.json is under 1 MB
_CONVERT: Mapping[str, Any] = {
    "int": lambda text: int(text or 0),
    "bool": lambda text: text == "1",
    "str": str,
}


@lru_cache(maxsize=1)
def load_models() -> Mapping[str, Model]:
    """Every shipped shape by its canonical name, in file order."""
    return MappingProxyType({row["name"]: _from_row(row) for row in _rows("models.csv")})


def _from_row(row: Mapping[str, str]) -> Model:
    values = {f.name: _CONVERT[str(f.type)](row[f.name]) for f in fields(Model) if f.name != "as_of"}
    return Model(**values, as_of=row["as_of"] or None)


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = (files("planner") / "data" / name).read_text(encoding="utf-8")
    yield from csv.DictReader(text.splitlines())


@lru_cache(maxsize=1)
def _names() -> tuple[Mapping[str, tuple[str, str]], tuple[tuple[str, str], ...]]:
    """(folded spelling -> (canonical name, weight format or ""), endings with the format each implies)."""
    spellings: dict[str, tuple[str, str]] = {}
    endings: list[tuple[str, str]] = []
    for name in load_models():
        spellings[_fold(name)] = (name, "")
        spellings.setdefault(_without_publisher(_fold(name)), (name, ""))
    for row in _rows("model_aliases.csv"):
        if row["kind"] == "ending":
            endings.append((row["text"], row["weight_quant"]))
        else:
            spellings[_fold(row["text"])] = (row["name"], row["weight_quant"])
    return spellings, tuple(sorted(endings, key=lambda e: -len(e[0])))


def _fold(text: str) -> str:
    """
    >>> _fold(" Meta-Llama_3.1 70B ")
    'meta-llama-3.1-70b'
    """
    return re.sub(r"[\s_]+", "-", text.strip().casefold())


def _without_publisher(folded: str) -> str:
    return folded.rpartition("/")[2]


def model_names() -> tuple[str, ...]:
    """Canonical names of the shipped shapes."""
    return tuple(load_models())


def resolve_model(text: str, *, base_dir: Path | None = None) -> Model:
    """The shape `text` means: a shipped name or alias, or the path of a `config.json`.

    Paths are relative to `base_dir`; without one (an upload) they are refused. Raises ScenarioError.

    >>> resolve_model("llama-3.1-70b").name
    'meta-llama/Meta-Llama-3.1-70B'
    >>> resolve_model("nvidia/Llama-3.1-8B-Instruct-FP8").weight_quant
    'fp8'
    """
    if is_config_path(text):
        if base_dir is None:
            raise ScenarioError(
                f"model {text!r} is a path, and files are not read here",
                hint="name a shipped model, or describe it under `shape`",
            )
        return read_config(base_dir / Path(text).expanduser())
    return _resolve_name(text)


@lru_cache(maxsize=512)
def _resolve_name(text: str) -> Model:
    spellings, _ = _names()
    for folded, quant in _shortened(_fold(text)):
        if found := spellings.get(folded):
            model = load_models()[found[0]]
            stored = found[1] or quant
            return replace(model, weight_quant=stored) if stored else model
    known = (*load_models(), *spellings)
    hint = did_you_mean(text, known) or did_you_mean(_without_publisher(_fold(text)), known)
    raise ScenarioError(f"unknown model {text[:80]!r}", hint=hint or "or give the path of its config.json")


def _shortened(folded: str) -> Iterator[tuple[str, str]]:
    """Spellings to look up, longest first, each with the weight format its removed endings imply."""
    _, endings = _names()
    quant = ""
    while True:
        yield folded, quant
        yield _without_publisher(folded), quant
        hit = next((e for e in endings if folded.endswith(e[0]) and len(folded) > len(e[0])), None)
        if hit is None:
            return
        folded, quant = folded[: -len(hit[0])], quant or hit[1]


def is_config_path(text: str) -> bool:
    """Whether a model is given as a file or folder and not as a name.

    >>> is_config_path("./my-model"), is_config_path("config.json"), is_config_path("Qwen/Qwen3-8B")
    (True, True, False)
    """
    return text.endswith(".json") or text.startswith((".", "/", "~"))


def read_config(path: Path) -> Model:
    """Shape out of a Hugging Face `config.json`, or of the folder that holds one; raises ScenarioError."""
    import json

    from planner.modelconfig import parse_config

    if path.is_dir():
        path = path / "config.json"
    try:
        if path.stat().st_size > _MAX_CONFIG_BYTES:
            raise ScenarioError(
                "larger than any config.json", path=path, hint="name the config, not the weights"
            )
        config = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScenarioError(f"cannot read the model: {error.strerror}", path=path) from None
    except (ValueError, RecursionError) as error:
        raise ScenarioError(
            f"not JSON: {error}", path=path, hint="a Hugging Face config.json is expected"
        ) from None
    name = path.parent.name if path.name == "config.json" else path.stem
    return parse_config(config, name=name or "config.json", path=path)
