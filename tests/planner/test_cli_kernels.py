"""`planner kernels list --runnable` and `show`: what can be run, by whom, and what it compiled to."""

from __future__ import annotations

import json
import subprocess
import sys

import planner


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "planner", "kernels", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_runnable_variants_of_an_op_include_ours_and_others():
    found = json.loads(_run("list", "--runnable", "--op", "rmsnorm", "--format", "json").stdout)
    roles = {card["role"] for card in found}
    assert {"floor", "vendor", "ours", "adapter"} <= roles
    assert all(len(card["sha256"]) == 64 and "folder" not in card for card in found)


def test_show_names_hash_tunables_and_what_is_missing_here():
    card = planner.runnable_kernel("triton_gemm_fp8")
    page = _run("show", "triton_gemm_fp8").stdout
    assert card.sha256 in page.replace("\n", "").replace(" ", "") and "bm 128" in page
    assert "sm_80" not in card.targets and card.open


def test_a_wrong_name_or_op_or_mixture_is_one_line():
    for arguments, said in (
        (("show", "triton_gem_fp8"), "did you mean triton_gemm_fp8"),
        (("list", "--runnable", "--op", "gem"), "did you mean gemm"),
        (("list", "--runnable", "--open"), "--runnable goes with --op only"),
    ):
        done = _run(*arguments)
        assert done.returncode == 5 and said in done.stderr and done.stderr.count("\n") == 1
