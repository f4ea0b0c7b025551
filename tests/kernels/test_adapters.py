"""Adapters: right wherever they can be imported, and a plain reason wherever they cannot."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from planner.kernels import Unavailable, load, unavailable, variants

ADAPTERS = [v for v in variants() if v.role == "adapter"]
FAMILIES = {"onnxruntime", "openvino", "liger", "flag", "flashinfer", "hub", "max"}


@pytest.fixture(scope="module")
def verdicts():
    names = [v.name for v in ADAPTERS]
    command = [sys.executable, "-P", "-m", "planner.kernels.correctness", *names, "--dtypes", "fp32"]
    env = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    return {verdict["variant"]: verdict for verdict in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda v: v.name)
def test_an_adapter_is_right_or_says_why_it_cannot_run(verdicts, adapter):
    verdict = verdicts[adapter.name]
    assert not verdict["faults"], verdict["faults"][:3]
    assert verdict["cases"] >= 12 or verdict["reason"].startswith(f"{adapter.name}: ")


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda v: v.name)
def test_an_adapter_names_its_project_and_licence_and_what_it_needs(adapter):
    assert adapter.origin and adapter.licence and adapter.needs and adapter.isolated
    assert adapter.name.partition("_")[0] in FAMILIES


def test_every_project_has_an_adapter():
    assert {v.name.partition("_")[0] for v in ADAPTERS} == FAMILIES


def test_what_is_not_installed_is_named_before_anything_is_imported():
    absent = next(v for v in ADAPTERS if v.name == "flag_gems_gemm")
    if unavailable(absent, "cuda") is None:
        return
    with pytest.raises(Unavailable, match=r"flag_gems_gemm: needs .*, which is not installed"):
        load(absent)
    assert unavailable(absent, "cpu") == "runs on cuda, rocm, xpu, not on cpu"
