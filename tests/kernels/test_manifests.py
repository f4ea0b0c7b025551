"""Manifests: one file and one source make a variant, a hash names it, a mistake is one line that says what to do."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from planner.kernels import load, load_ops, manifest, op, variants
from planner.kernels.arrays import errors
from planner.kernels.errors import KernelError
from planner.kernels.loading import load_manifests
from planner.kernels.registry import load_variants

MANIFEST = """\
schema = "planner.kernel/1"
name = "their_swiglu"
op = "swiglu"
version = "0.1.0"
language = "python"
arrays = "numpy"
dtypes = ["fp32"]
backends = ["cpu"]
licence = "MIT"
author = "A third party"
role = "plugin"
entry = "their_swiglu.py:run"
config = { factor = 1.0 }
config_for.sm_90 = { factor = 2.0 }
config_for."sm_90.fp32" = { factor = 3.0 }
"""
SOURCE = """\
import numpy as np


def run(inputs, out, *, factor):
    gate = inputs["gate"]
    out["y"][...] = factor * gate / (1 + np.exp(-gate)) * inputs["up"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "their_swiglu.toml").write_text(MANIFEST)
    (tmp_path / "their_swiglu.py").write_text(SOURCE)
    return tmp_path


def _answer_is_right(run) -> bool:
    shape = {"tokens": 3, "width": 17}
    swiglu = op("swiglu")
    inputs = swiglu.make_inputs(shape, "fp32", 1, library="numpy")
    out = swiglu.make_outputs(shape, "fp32", library="numpy")
    run(inputs, out)
    return errors(out["y"], swiglu.reference(inputs, shape)["y"]).norm < 1e-6


def test_one_manifest_and_one_file_make_a_variant(folder):
    theirs = manifest("their_swiglu", [folder])
    assert theirs in variants("swiglu", [folder]) and theirs not in variants("swiglu")
    assert _answer_is_right(load(theirs))
    assert theirs.open and theirs.config == {"factor": 1.0}


def test_tunables_may_differ_by_target_and_dtype_and_by_call(folder):
    theirs = manifest("their_swiglu", [folder])
    assert [theirs.tunables(*key)["factor"] for key in ((), ("sm_90",), ("sm_90", "fp32"), ("gfx942",))] == [
        1,
        2,
        3,
        1,
    ]
    assert load(theirs, target="sm_90").config["factor"] == 2
    assert load(theirs, target="sm_90", factor=7.0).config["factor"] == 7


def test_the_hash_changes_with_a_source_or_a_field_and_with_nothing_else(folder):
    theirs = manifest("their_swiglu", [folder])
    before = theirs.sha256
    assert before == manifest("their_swiglu", [folder]).sha256 == replace(theirs, package="elsewhere").sha256
    assert before != replace(theirs, config={"factor": 2.0}).sha256
    (folder / "their_swiglu.py").write_bytes(SOURCE.replace("\n", "\r\n").encode())
    assert before == theirs.sha256
    (folder / "their_swiglu.py").write_text(SOURCE + "# changed\n")
    assert before != theirs.sha256


def test_an_installed_package_adds_variants_through_its_entry_point(folder, tmp_path_factory):
    """A real distribution, installed by pip into a folder of its own, seen by a fresh interpreter."""
    project, site = tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("site")
    package = project / "their_kernels"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('finding variants must not run the plugin')\n")
    for name in ("their_swiglu.toml", "their_swiglu.py"):
        (package / name).write_text((folder / name).read_text())
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "their-kernels"\nversion = "0.1"\n'
        '[project.entry-points."openclaw_planner.kernels"]\ntheirs = "their_kernels"\n'
        '[tool.setuptools]\npackages = ["their_kernels"]\n'
        '[tool.setuptools.package-data]\ntheir_kernels = ["*.toml"]\n'
    )
    pip = [
        sys.executable,
        "-P",
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
    ]
    subprocess.run([*pip, "--target", str(site), str(project)], check=True, capture_output=True)
    find = (
        "import sys; sys.path.append(sys.argv[1])\n"
        "import planner.kernels as k\n"
        "theirs = k.manifest('their_swiglu')\n"
        "print(theirs.package, theirs in k.variants('swiglu'), 'their_kernels' in sys.modules)\n"
    )
    run = "(theirs.folder / '__init__.py').write_text('')\nprint(k.load(theirs).config['factor'])\n"
    done = subprocess.run(
        [sys.executable, "-P", "-c", find + run, str(site)], check=True, capture_output=True, text=True
    )
    assert done.stdout.splitlines() == ["their_kernels True False", "1.0"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('schema = "planner.kernel/1"\n', "", "schema is missing or not known"),
        ('op = "swiglu"', 'op = "swigloo"', "op 'swigloo' is not defined; did you mean swiglu"),
        ('op = "swiglu"', "op = 3", "op is 3; give a text"),
        ('dtypes = ["fp32"]', 'dtypes = ["fp8"]', "dtypes has 'fp8'; swiglu takes bf16, fp16, fp32"),
        ('dtypes = ["fp32"]', "dtypes = []", "dtypes and backends must name one at least"),
        ('dtypes = ["fp32"]', 'dtypes = "fp32"', "dtypes is 'fp32'; give a list of texts"),
        ('dtypes = ["fp32"]', "dtypes = [32]", "dtypes has 32; give a list of texts"),
        ('backends = ["cpu"]', 'backends = ["cdua"]', "backends has 'cdua'; one of cpu"),
        ('arrays = "numpy"', 'arrays = "jax"', "arrays has 'jax'; one of numpy, torch"),
        ('author = "A third party"', 'auhtor = "x"', "auhtor is not a field; one of"),
        ("their_swiglu.py:run", "their_swiglu.py", r"entry is 'their_swiglu.py'; give file.py:function"),
        ("their_swiglu.py:run", "../evil.py:run", r"source ../evil.py is not beside the manifest"),
        ("their_swiglu.py:run", "missing.py:run", "source missing.py is not beside the manifest"),
        ("config = { factor = 1.0 }", "config = 1", "config is 1; give a table"),
        ('name = "their_swiglu"', 'name = "numpy_swiglu"', "variant numpy_swiglu is there already"),
        ('version = "0.1.0"', "version = ", "Invalid value"),
    ],
)
def test_a_mistake_in_a_manifest_is_one_line_naming_file_and_remedy(folder, old, new, said):
    assert old in MANIFEST
    (folder / "their_swiglu.toml").write_text(MANIFEST.replace(old, new))
    with pytest.raises(KernelError, match=said) as caught:
        load_manifests([folder])
    assert "\n" not in str(caught.value)


def test_an_entry_that_is_not_there_is_named(folder):
    (folder / "their_swiglu.toml").write_text(MANIFEST.replace(":run", ":runs"))
    with pytest.raises(KernelError, match=r"their_swiglu.py:runs is not there"):
        load(manifest("their_swiglu", [folder]))


def test_an_unknown_variant_suggests_its_neighbours():
    with pytest.raises(KernelError, match="did you mean triton_rmsnorm"):
        manifest("triton_rmsnor")


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(KernelError, match="no such folder; give one that holds manifests"):
        load_manifests([tmp_path / "nowhere"])


@pytest.mark.parametrize("variant", variants(), ids=lambda v: v.name)
def test_a_shipped_manifest_cites_others_and_links_to_the_registry(variant):
    assert variant.op in load_ops() and len(variant.sha256) == 64
    assert variant.origin or variant.role in ("ours", "floor")
    assert not variant.registry or variant.registry in load_variants()
    assert variant.targets if variant.role == "ours" else not variant.targets


def test_every_op_has_a_floor_or_torch_and_one_of_ours():
    for name in load_ops():
        roles = {v.role for v in variants(name)}
        assert {"vendor", "ours"} <= roles, name
