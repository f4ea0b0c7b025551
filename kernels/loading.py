"""The variants that can be run: found in our folders, in a folder given, or in an installed plugin; and loaded.

Finding reads manifests only. Loading imports the variant's code, so a plugin's code runs when it is loaded
and not before.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

from planner.kernels.errors import KernelError
from planner.kernels.manifests import Manifest, read_manifests
from planner.kernels.reference import op as op_named

ENTRY_POINTS = "openclaw_planner.kernels"
"""Group under which an installed package names the package that holds its manifests."""
OURS = ("planner.kernels.plain", "planner.kernels.triton", "planner.kernels.adapters")


class Unavailable(KernelError):
    """A variant cannot run here; the message is the reason."""


@dataclass(frozen=True, slots=True)
class Runner:
    """A loaded variant: call it with inputs by name and the buffers it has to fill."""

    manifest: Manifest
    config: Mapping[str, Any]
    """The tunables in force; part of the measured record."""
    function: Callable[..., None]

    def __call__(self, inputs: Mapping[str, Any], out: Mapping[str, Any]) -> None:
        """Compute `out` from `inputs`; nothing is returned."""
        self.function(inputs, out, **self.config)


@cache
def _shipped() -> tuple[Manifest, ...]:
    return tuple(_of_packages(OURS))


def _of_packages(packages: Iterable[str]) -> Iterator[Manifest]:
    for package in packages:
        try:
            spec = importlib.util.find_spec(package)
        except ImportError as error:
            raise KernelError(f"plugin {package}: {error}") from None
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            for path in sorted(Path(folder).glob("*.toml")):
                yield from read_manifests(path, package)


def _of_folder(folder: Path) -> Iterator[Manifest]:
    if not folder.is_dir():
        raise KernelError(f"{folder}: no such folder; give one that holds manifests (*.toml)")
    for path in sorted(folder.glob("*.toml")):
        yield from read_manifests(path)


def plugins() -> tuple[str, ...]:
    """Packages that installed distributions name as holders of variants."""
    return tuple(sorted({e.value for e in importlib.metadata.entry_points(group=ENTRY_POINTS)}))


def load_manifests(folders: Iterable[Path] = ()) -> Mapping[str, Manifest]:
    """Every variant by name: ours, those of plugins, those in `folders`.

    Raises `KernelError` where two have one name, or where a manifest names an op or dtype that is not there.
    """
    found: dict[str, Manifest] = {}
    for manifest in (*_shipped(), *_of_packages(plugins()), *(m for f in folders for m in _of_folder(f))):
        if manifest.name in found:
            raise KernelError(
                f"{manifest.folder}: variant {manifest.name} is there already, from "
                f"{found[manifest.name].folder}; choose another name"
            )
        known = op_named(manifest.op)
        if missing := sorted(set(manifest.dtypes) - set(known.dtypes)):
            raise KernelError(
                f"{manifest.name}: dtypes has {missing[0]!r}; {manifest.op} takes {', '.join(known.dtypes)}"
            )
        found[manifest.name] = manifest
    return MappingProxyType(found)


def variants(op: str | None = None, folders: Iterable[Path] = ()) -> tuple[Manifest, ...]:
    """The variants of an op, or all of them."""
    if op is not None:
        op_named(op)
    return tuple(m for m in load_manifests(folders).values() if op in (None, m.op))


def manifest(name: str, folders: Iterable[Path] = ()) -> Manifest:
    """The variant of this name; raises `KernelError` with the nearest names when there is none."""
    known = load_manifests(folders)
    if name not in known:
        near = get_close_matches(name, known, n=3)
        raise KernelError(
            f"variant {name!r} is not known" + (f"; did you mean {' or '.join(near)}?" if near else "")
        )
    return known[name]


def unavailable(variant: Manifest, backend: str = "cpu") -> str | None:
    """Why a variant cannot run on a backend here, None when nothing speaks against trying.

    Looks only whether the modules it needs are installed; `load` finds out whether they work.
    """
    if backend not in variant.backends:
        return f"runs on {', '.join(variant.backends)}, not on {backend}"
    for module in variant.needs:
        try:
            there = importlib.util.find_spec(module) is not None
        except (ImportError, ValueError):
            there = False
        if not there:
            return f"needs {module}, which is not installed"
    return None


def load(variant: Manifest, *, target: str = "", dtype: str = "", **tunables: Any) -> Runner:
    """Import a variant and return what runs it, with the tunables of `target` and `dtype`, changed by `tunables`.

    Raises `Unavailable` with the reason when its code or what it needs cannot be imported here.
    """
    if (reason := unavailable(variant, variant.backends[0])) is not None:
        raise Unavailable(f"{variant.name}: {reason}")
    module = _module(variant)
    function = getattr(module, variant.entry.partition(":")[2], None)
    if not callable(function):
        raise KernelError(f"{variant.name}: {variant.entry} is not there; correct entry in the manifest")
    config = variant.tunables(target, dtype) | tunables
    try:
        if (ready := vars(module).get("ready")) is not None:  # a module with __getattr__ would make one up
            ready(**config)
    except ImportError as error:
        raise Unavailable(f"{variant.name}: {error}") from error
    return Runner(variant, MappingProxyType(config), function)


def _module(variant: Manifest) -> ModuleType:
    stem = Path(variant.file).stem
    try:
        if variant.package is not None:
            return importlib.import_module(f"{variant.package}.{stem}")
        name = f"_planner_variant_{variant.sha256[:16]}"
        spec = importlib.util.spec_from_file_location(name, variant.folder / variant.file)
        if spec is None or spec.loader is None:
            raise ImportError(f"no loader for {variant.file}")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise Unavailable(f"{variant.name}: cannot be imported: {reason}") from error
    return module
