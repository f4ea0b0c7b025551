"""The importer on a small made-up source: what is mapped, marked, merged, left out and written."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from planner.profiles.importers.aiter import aiter_blocks
from planner.profiles.importers.optables import summary
from planner.profiles.importers.prepare import LeftOut, prepare
from planner.profiles.importers.quality import Quality
from planner.profiles.importers.tables import DTYPES, TABLES, Table
from planner.profiles.importers.write import write_left_out, write_store
from planner.profiles.store import Profiles

GEMM = next(t for t in TABLES if t.file == "gemm")
PREFILL = next(t for t in TABLES if t.file == "context_attention")
ORIGIN = {"system": "h100_sxm", "framework": "vllm", "framework_version": "0.24.0", "op": "gemm"}
NO_SIDE_TABLES = Quality(floors={}, copies={}, specs={})


def gemm_rows(**more):
    fixed = {
        **ORIGIN,
        "kernel_source": "torch.nn.functional.linear",
        "dtype": "bfloat16",
        "n": 1024,
        "k": 1024,
    }
    rows = [{**fixed, "m": m, "latency_ms": 0.003 * max(m, 16) / 16} for m in (1, 2, 4, 8, 16, 32, 64)]
    return pd.DataFrame([row | more for row in rows])


def imported(table: Table, frame: pd.DataFrame, folder: Path, quality: Quality = NO_SIDE_TABLES):
    frame.to_parquet(folder / f"{table.file}.parquet")
    left_out = LeftOut()
    return list(prepare(table, folder, quality, left_out)), left_out


def test_a_table_becomes_blocks_with_thinned_curves(tmp_path):
    (block,), _ = imported(GEMM, gemm_rows(), tmp_path)
    assert block.header["dtype"] == "bf16" and block.header["axes"] == ("n", "k") and block.header["x"] == "m"
    assert block.x.tolist() == [1, 16, 64] and block.keys.tolist() == [[1024, 1024]]
    np.testing.assert_allclose(block.y, [3e-6, 3e-6, 12e-6], rtol=2e-4)
    assert (block.header["rows_source"], block.header["rows_kept"]) == (7, 3)


def test_rows_without_a_time_are_left_out_and_counted(tmp_path):
    frame = pd.concat([gemm_rows(), gemm_rows(latency_ms=0.0).head(2)])
    (block,), left_out = imported(GEMM, frame, tmp_path)
    assert block.header["rows_source"] == 7
    assert left_out.counts["gemm", "no time or no size"] == 2


def test_launch_bound_tables_carry_their_floor(tmp_path):
    key = ("gemm", "h100_sxm", "vllm", "0.24.0", "torch.nn.functional.linear", "bfloat16", "")
    (block,), _ = imported(GEMM, gemm_rows(), tmp_path, Quality({key: 9e-5}, {}, {}))
    assert block.header["quality"] == ("launch_bound",) and block.header["floor_s"] == 9e-5


def test_copies_of_another_system_are_named(tmp_path):
    quality = Quality({}, {("h100_sxm", "vllm", "0.24.0", "gemm"): "gb300"}, {})
    (block,), _ = imported(GEMM, gemm_rows(), tmp_path, quality)
    assert block.header["quality"] == ("copied_from:gb300",)


def test_rows_faster_than_memory_are_counted_and_the_table_marked_warm(tmp_path):
    spec = {"h100_sxm": {"mem_bw_gb_s": 100.0}}
    (block,), _ = imported(GEMM, gemm_rows(), tmp_path, Quality({}, {}, spec))
    assert block.header["quality"] == ("l2_warm",) and block.header["above_roofline"] == 7


def test_falling_times_are_kept_and_counted(tmp_path):
    frame = gemm_rows()
    frame.loc[frame.m == 32, "latency_ms"] = 0.1
    (block,), _ = imported(GEMM, frame, tmp_path)
    assert block.header["non_monotone"] == 1 and 32 in block.x


def test_decode_kernels_in_the_prefill_table_are_left_out(tmp_path):
    row = {
        **ORIGIN, "op": "context_attention", "attn_dtype": "bfloat16", "kv_cache_dtype": "fp8",
        "num_heads": 32, "num_kv_heads": 8, "head_dim": 128, "window_size": 0, "batch_size": 1, "seq_len": 64,
        "latency_ms": 1.0,
    }  # fmt: skip
    sources = ("vllm_flashinfer_trtllmdecode", "vllm_flashinfer_trtllmprefill")
    blocks, left_out = imported(
        PREFILL, pd.DataFrame([row | {"kernel_source": s} for s in sources]), tmp_path
    )
    assert [b.header["kernel_source"] for b in blocks] == ["vllm_flashinfer_trtllmprefill"]
    assert sum(left_out.counts.values()) == 1


def test_what_is_written_is_what_is_read_back(tmp_path):
    blocks, left_out = imported(GEMM, gemm_rows(), tmp_path)
    for block in blocks:
        block.header.update(variant="cublas", source="made up", as_of=None, licence="MIT")
    out = tmp_path / "store"
    out.mkdir()
    digest = write_store(out, blocks)
    write_left_out(out / "left_out.csv", left_out)
    profiles = Profiles(out)
    (block,) = profiles.blocks(system="h100_sxm", op="gemm")
    curves = profiles.curves(block)
    assert profiles.digest == digest and block.variant == "cublas"
    assert curves.curve(curves.index((1024, 1024)))[0].tolist() == [1.0, 16.0, 64.0]
    assert write_store(out, blocks) == digest
    assert "gemm (seconds)" in summary(blocks)


def test_every_table_maps_to_distinct_axes():
    for table in TABLES:
        assert table.x[0] not in table.axes and len(set(table.axes.values())) == len(table.axes)
    assert len({(t.op, t.file, t.where) for t in TABLES}) == len(TABLES)
    assert "" not in DTYPES


AITER = {
    "op": "gemm_bf16", "gfx": "gfx950", "cu_num": 256, "m": 16, "n": 1024, "k": 1024, "token": None,
    "model_dim": None, "inter_dim": None, "expert": None, "topk": None, "a_dtype": "bf16", "w_dtype": "bf16",
    "q_type": "No", "library": "asm", "us": 9.0, "source_file": "made_up.csv", "placeholder_us": False,
    "time_from_other_shape": False, "above_dram_peak": False, "above_compute_ceiling": False,
}  # fmt: skip


@pytest.fixture
def aiter_file(tmp_path):
    def write(*rows):
        path = tmp_path / "aiter_tuned.parquet"
        frame = pd.DataFrame([AITER | row for row in rows])
        sizes = ["cu_num", "m", "n", "k", "token", "model_dim", "inter_dim", "expert", "topk"]
        frame.astype(dict.fromkeys(sizes, "Int32")).to_parquet(path)
        return path

    return write


def test_winners_split_into_all_and_those_with_source(aiter_file):
    path = aiter_file({}, {"m": 32, "library": "triton"}, {"m": 64, "library": "ck"})
    blocks = list(aiter_blocks(path, LeftOut()))
    assert [b.header["kernel_source"] for b in blocks] == ["gemm_bf16_any", "gemm_bf16_open"]
    assert [b.header["rows_source"] for b in blocks] == [3, 2]
    assert all(b.header["quality"] == ("winners_only",) and b.header["system"] == "mi355x" for b in blocks)


def test_unknown_devices_flagged_rows_and_other_formats_are_left_out(aiter_file):
    left_out = LeftOut()
    path = aiter_file({}, {"cu_num": 80}, {"gfx": "gfx1250"}, {"placeholder_us": True}, {"q_type": "per_1x7"},
                      {"op": "gdr_decode"}, {"us": 0.0})  # fmt: skip
    (block,) = aiter_blocks(path, left_out)
    assert block.header["rows_source"] == 1 and sum(left_out.counts.values()) == 6


def test_fused_moe_is_per_rank(aiter_file):
    shape = {
        "token": 8,
        "model_dim": 4096,
        "inter_dim": 192,
        "expert": 33,
        "topk": 5,
        "m": None,
        "n": None,
        "k": None,
    }
    (block,) = aiter_blocks(aiter_file({"op": "fmoe", "library": "ck", **shape}), LeftOut())
    assert block.keys.tolist() == [[4096, 192, 33, 5, 1, 1]] and block.header["kernel_source"] == "fmoe_ck"
    assert ("shapes", "per rank") in block.header["detail"]
