"""A kernel variant that can be run, as its manifest describes it, and the hash that identifies it.

A manifest is a TOML file beside its sources. It describes one variant at its top level, or several in
`[[variant]]` tables that share what stands above them.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

from planner.kernels.errors import KernelError

SCHEMA = "planner.kernel/1"
OSI = ("Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause")
"""Licences that make a variant open."""
ROLES = ("floor", "vendor", "ours", "adapter", "plugin")
BACKENDS = ("cpu", "interpreter", "cuda", "rocm", "xpu", "dml")
"""Where a variant runs; `interpreter` is Triton's, `dml` Direct3D 12 on Windows."""
TARGETS = ("sm_80", "sm_89", "sm_90", "sm_100", "sm_120", "gfx942", "gfx950", "gfx1100", "gfx1201")
"""What Triton kernels are compiled for without the hardware."""
WORDS: Mapping[str, tuple[str, ...]] = {
    "arrays": ("numpy", "torch"),
    "role": ROLES,
    "backends": BACKENDS,
    "targets": TARGETS,
    "layouts": ("contiguous", "padded", "transposed"),
}


@dataclass(frozen=True, slots=True)
class Manifest:
    """One variant: what it computes, on what, from which sources, under which licence."""

    name: str
    op: str
    version: str
    language: str
    """python, triton, c++, mojo ..."""
    arrays: str
    """Whose arrays it takes: numpy or torch."""
    entry: str
    """`file.py:function`; called as `function(inputs, out, **config)`, it fills `out`."""
    dtypes: tuple[str, ...]
    backends: tuple[str, ...]
    licence: str
    author: str
    role: str
    """floor (NumPy), vendor (what the framework calls), ours, adapter (another project's), plugin."""
    folder: Path
    """Where the manifest and its sources are."""
    package: str | None = None
    """The package the folder is, None for loose files."""
    sources: tuple[str, ...] = ()
    layouts: tuple[str, ...] = ("contiguous", "padded")
    targets: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    """Modules it imports beyond its sources."""
    origin: str = ""
    """Whose work it is, cited; empty for our own."""
    destination_passing: bool = True
    """False: computes elsewhere and copies into `out`."""
    deterministic: bool = True
    isolated: bool = False
    """Load it only in a child process: its import may abort, need a device, or claim the machine."""
    summary: str = ""
    registry: str = ""
    """Its row in the reviewed registry of engine kernels, where it has one."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """Tunables of the default configuration."""
    config_for: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What differs on a target (`gfx1100`), for a dtype (`fp32`), or for both (`gfx1100.fp32`); later words win."""

    @property
    def open(self) -> bool:
        """Whether its source is published under an OSI licence."""
        return self.licence in OSI

    @property
    def file(self) -> str:
        """The source file of the entry."""
        return self.entry.partition(":")[0]

    def tunables(self, target: str = "", dtype: str = "") -> dict[str, Any]:
        """The configuration on a target and dtype: the default, changed by what the manifest says."""
        found = dict(self.config)
        for key in (target, dtype, f"{target}.{dtype}"):
            found |= self.config_for.get(key, {})
        return found

    @property
    def sha256(self) -> str:
        """Identity: the hash of the canonical manifest and of every source file, line ends normalised."""
        told = {
            f.name: getattr(self, f.name)
            for f in fields(self)
            if f.name not in ("folder", "package", "config", "config_for")
        }
        told["config"] = dict(self.config)
        told["config_for"] = {key: dict(value) for key, value in self.config_for.items()}
        told["files"] = {name: self._digest(name) for name in self.sources}
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    def _digest(self, name: str) -> str:
        try:
            content = (self.folder / name).read_bytes()
        except OSError as error:
            raise KernelError(f"{self.name}: source {name} cannot be read: {error.strerror}") from None
        return hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()


FIELDS = {f.name for f in fields(Manifest)} - {"folder", "package"}
TEXTS = ("name", "op", "version", "language", "arrays", "entry", "licence", "author", "role")
"""Fields that must be there and hold text."""
FLAGS = ("destination_passing", "deterministic", "isolated")
TUPLES = ("dtypes", "backends", "sources", "layouts", "targets", "needs")
KINDS: tuple[tuple[str, type, str], ...] = (
    *((name, str, "a text") for name in TEXTS),
    *((name, list, "a list of texts") for name in TUPLES),
    *((name, bool, "true or false") for name in FLAGS),
    *((name, dict, "a table") for name in ("config", "config_for")),
)
DEFAULTS: Mapping[str, Any] = {
    "layouts": ["contiguous", "padded"], "sources": [], "targets": [], "needs": [],
    "destination_passing": True, "deterministic": True, "isolated": False, "config": {}, "config_for": {},
}  # fmt: skip


def read_manifests(path: Path, package: str | None = None) -> Iterator[Manifest]:
    """The variants a manifest file describes.

    Raises `KernelError` naming file, field, value and remedy.
    """
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise KernelError(f"{path.name}: {error}") from None
    if told.pop("schema", None) != SCHEMA:
        raise KernelError(f"{path.name}: schema is missing or not known; write schema = {SCHEMA!r}")
    tables = told.pop("variant", [{}])
    if not isinstance(tables, list):
        raise KernelError(f"{path.name}: variant is one table; write [[variant]] for each")
    for table in tables:
        yield _manifest(told | table, path, package)


def _manifest(told: dict[str, Any], path: Path, package: str | None) -> Manifest:
    where = f"{path.name}: {told.get('name', 'a variant without a name')}"
    if unknown := sorted(set(told) - FIELDS):
        raise KernelError(f"{where}: {unknown[0]} is not a field; one of {', '.join(sorted(FIELDS))}")
    for name, kind, meant in KINDS:
        value = told.setdefault(name, DEFAULTS.get(name))
        if not isinstance(value, kind) or value == "":
            raise KernelError(f"{where}: {name} is {value!r}; give {meant}")
    for name in TUPLES:
        if wrong := [x for x in told[name] if not isinstance(x, str)]:
            raise KernelError(f"{where}: {name} has {wrong[0]!r}; give a list of texts")
        told[name] = tuple(told[name])
    for name, words in WORDS.items():
        for value in (told[name],) if isinstance(told[name], str) else told[name]:
            if value not in words:
                raise KernelError(f"{where}: {name} has {value!r}; one of {', '.join(words)}")
    if not told["dtypes"] or not told["backends"]:
        raise KernelError(f"{where}: dtypes and backends must name one at least")
    told["sources"] = _sources(told, path, where)
    for name in ("config", "config_for"):
        told[name] = MappingProxyType(told[name])
    return Manifest(**told, folder=path.parent, package=package)


def _sources(told: Mapping[str, Any], path: Path, where: str) -> tuple[str, ...]:
    """The files of a variant, that of its entry first."""
    file, _, function = told["entry"].partition(":")
    if not file.endswith(".py") or not function.isidentifier():
        raise KernelError(f"{where}: entry is {told['entry']!r}; give file.py:function, beside the manifest")
    sources = tuple(dict.fromkeys((file, *told["sources"])))
    for name in sources:
        if Path(name).name != name or not (path.parent / name).is_file():
            raise KernelError(f"{where}: source {name} is not beside the manifest")
    return sources
