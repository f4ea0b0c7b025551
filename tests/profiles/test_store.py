"""The shipped op tables: complete, sound, small, quick to open; every row of the index is checked."""

import hashlib
import json
import subprocess
import sys
from collections import Counter
from importlib.resources import files
from operator import attrgetter
from pathlib import Path

import numpy as np
import pytest

from planner.profiles.errors import ProfileError
from planner.profiles.importers.thin import TOLERANCE
from planner.profiles.store import Profiles, load_profiles, row_counts

DATA = Path(str(files("planner.profiles").joinpath("data")))
NVIDIA_AND_INTEL = ("a100_sxm", "b200_sxm", "b300_sxm", "b60", "gb200", "gb300", "h100_sxm", "h200_sxm",
                    "l40s", "rtx_pro_6000_server")  # fmt: skip
DTYPES = {"", "bf16", "fp8", "fp8_block", "nvfp4", "int4", "int8", "int8_wo", "w4a16_mxfp4", "w4a8_mxfp4",
          "w4a4_mxfp4"}  # fmt: skip
FLAGS = {"launch_bound", "l2_warm", "eager", "winners_only", "copied_from:gb300"}


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return load_profiles()


@pytest.fixture(scope="module")
def every(profiles):
    return profiles.blocks(value=None)


def test_all_shipped_data_fits_in_25_megabytes():
    assert sum(f.stat().st_size for f in DATA.iterdir()) <= 25_000_000


def test_files_have_the_digests_the_index_records(profiles):
    for name, digest in profiles.file_digests.items():
        assert hashlib.sha256((DATA / name).read_bytes()).hexdigest() == digest, name


def test_the_store_digest_covers_files_and_headers(profiles):
    columns = json.loads((DATA / "index.json").read_text())["columns"]
    body = json.dumps(columns, separators=(",", ":"))
    text = "\n".join([*profiles.file_digests.values(), body])
    assert profiles.digest == hashlib.sha256(text.encode()).hexdigest()


def test_every_measured_system_has_gemm_attention_and_collectives(profiles):
    for system in NVIDIA_AND_INTEL:
        for op in ("gemm", "attention_prefill", "attention_decode", "moe", "all_reduce"):
            assert profiles.blocks(system=system, op=op), (system, op)
    for system in ("mi300x", "mi355x"):
        assert profiles.blocks(system=system, op="gemm") and profiles.blocks(system=system, op="moe")


def test_every_curve_is_sorted_positive_and_finite(profiles, every):
    for block in every:
        curves = profiles.curves(block)
        where = (block.file, block.row_group)
        assert curves.keys.shape == (len(curves.start) - 1, len(block.axes)), where
        assert len(curves.x) == len(curves.y) == curves.start[-1] == block.rows_kept, where
        assert np.isfinite(curves.y).all() and (curves.y > 0).all() and (curves.x >= 1).all(), where
        inside = np.ones(len(curves.x) - 1, bool)
        inside[curves.start[1:-1] - 1] = False
        assert (np.diff(curves.x)[inside] > 0).all(), where
        order = np.lexsort(curves.keys.T[::-1])
        assert (order == np.arange(len(order))).all(), where
        assert len(np.unique(curves.keys, axis=0)) == len(curves.keys), where


def test_headers_use_the_vocabulary(every):
    for block in every:
        assert block.dtype in DTYPES and block.kv_dtype in ("", "bf16", "fp8"), block
        assert block.value in ("seconds", "watts") and set(block.quality) <= FLAGS, block
        assert (block.floor_s is not None) == ("launch_bound" in block.quality), block
        assert block.source and block.licence in ("Apache-2.0", "MIT") and block.engine_version, block
        assert len(set(block.axes)) == len(block.axes) and block.x not in block.axes, block
        assert 0 < block.rows_kept <= block.rows_source, block


def test_one_block_per_meaning(every):
    meaning = attrgetter("system", "op", "engine", "engine_version", "kernel_source", "dtype", "kv_dtype",
                         "detail", "value")  # fmt: skip
    seen = Counter(map(meaning, every))
    assert max(seen.values()) == 1


def test_thinning_stayed_within_one_percent_everywhere(every):
    assert max(b.thinning_error for b in every) <= TOLERANCE


def test_times_and_powers_are_of_a_believable_size(profiles, every):
    for block in every:
        y = profiles.curves(block).y
        low, high = (4e-7, 20.0) if block.value == "seconds" else (50.0, 1500.0)
        if block.op == "quantize_compute_scale":
            low = 0.0  # the difference of two timings
        assert low < y.min() and y.max() < high, (block.file, block.op, block.kernel_source)


def test_known_faults_are_marked(profiles):
    launch = profiles.blocks(op="gemm", engine="vllm", dtype="fp8_block")
    assert launch and all("launch_bound" in b.quality and b.floor_s > 2e-5 for b in launch)
    assert all("launch_bound" in b.quality for b in profiles.blocks(system="b60", op="gemm"))
    assert all(
        "launch_bound" in b.quality for b in profiles.blocks(op="mla_decode", engine="vllm", scope="kernel")
    )
    copied = profiles.blocks(system="b300_sxm", op="gemm", engine="sglang")
    assert copied and all("copied_from:gb300" in b.quality for b in copied)
    warm = profiles.blocks(system="l40s", op="gemm", dtype="bf16")
    assert warm and all("l2_warm" in b.quality and b.above_roofline > 0 for b in warm)
    assert not any("l2_warm" in b.quality for b in profiles.blocks(system="h100_sxm"))
    assert all("winners_only" in b.quality for b in profiles.blocks(engine="aiter"))


def test_decode_kernels_are_not_in_the_prefill_table(profiles):
    assert not [b for b in profiles.blocks(op="attention_prefill") if "decode" in b.kernel_source]


def test_full_attention_is_not_faster_than_windowed(profiles):
    # Guards against a row class that once was: full attention timed as if its window were near zero, 14 times
    # too fast. Some kernels lose up to a third to the mask itself, so the bound is a factor of two.
    checked = 0
    for block in profiles.blocks(op="attention_prefill"):
        curves = profiles.curves(block)
        for i, key in enumerate(curves.keys.tolist()):
            heads, kv_heads, head_dim, window, batch = key
            full = curves.index((heads, kv_heads, head_dim, 0, batch))
            if not window or full < 0:
                continue
            x, y = curves.curve(i)
            xf, yf = curves.curve(full)
            both, mine, others = np.intersect1d(x, xf, return_indices=True)
            long = both >= 8 * window
            assert (yf[others][long] > 0.5 * y[mine][long]).all(), (block.system, block.kernel_source, key)
            checked += int(long.sum())
    assert checked > 1000


def test_left_out_rows_are_listed_with_reasons():
    lines = (DATA / "left_out.csv").read_text().splitlines()
    assert lines[0] == "table,reason,rows,example" and len(lines) > 5


def test_nothing_but_thinning_and_left_out_rows_is_missing(profiles):
    source, kept = row_counts(profiles)
    assert source > 10_000_000 and 0.6 < kept / source < 0.9


def test_a_filter_matches_header_and_detail(profiles):
    found = profiles.blocks(
        system="h100_sxm", op="moe", engine="sglang", dtype="bf16", distribution="balanced"
    )
    assert found and all(b.about("distribution") == "balanced" and b.dtype == "bf16" for b in found)
    assert profiles.blocks(system="no_such_gpu") == ()


def test_power_is_only_given_when_asked_for(profiles):
    assert not [b for b in profiles.blocks(op="gemm") if b.value == "watts"]
    assert {b.system for b in profiles.blocks(op="gemm", value="watts")} == {"b200_sxm", "gb200", "h200_sxm"}


def test_a_broken_index_is_named(tmp_path):
    with pytest.raises(ProfileError, match=r"index\.json.*rebuild"):
        Profiles(tmp_path)
    (tmp_path / "index.json").write_text('{"schema": "other"}')
    with pytest.raises(ProfileError, match="schema is 'other'"):
        Profiles(tmp_path)


def test_opening_the_store_imports_neither_pandas_nor_pyarrow():
    code = (
        "import sys; from planner.profiles.store import load_profiles; p = load_profiles();"
        "p.blocks(op='gemm');"
        "assert not {'pandas', 'pyarrow'} & set(sys.modules);"
        "p.curves(p.blocks(op='gemm')[0]); assert 'pandas' not in sys.modules"
    )
    subprocess.run([sys.executable, "-P", "-c", code], check=True)
