"""Facts about every row of the shipped GPU table."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from planner.profiles.errors import ProfileError
from planner.profiles.gpus import Gpu, load_gpus, parse_gpu

GPUS = load_gpus()
ENGINES = {"vllm", "sglang", "trtllm", "llama.cpp"}
MEASURED = {
    "a100_sxm", "b200_sxm", "b300_sxm", "b60", "gb200", "gb300", "h100_sxm", "h200_sxm", "l40s",
    "rtx_pro_6000_server",
}  # fmt: skip
BEFORE_FP8 = {"maxwell", "pascal", "volta", "turing", "ampere"}


@pytest.fixture(params=sorted(GPUS), scope="module")
def gpu(request: pytest.FixtureRequest) -> Gpu:
    return GPUS[request.param]


def test_every_gpu_has_memory_and_a_place_to_stand(gpu: Gpu) -> None:
    assert 4 <= gpu.memory_gib <= 512
    assert gpu.segment in {"datacenter", "workstation", "consumer", "soc"}
    assert 1 <= gpu.gpus_per_node <= gpu.max_gpus_linked <= 72


def test_every_figure_names_its_source(gpu: Gpu) -> None:
    assert gpu.source
    if gpu.memory_bytes_per_s or gpu.dense_flops or gpu.tdp_w:
        assert "name only" not in gpu.source


def test_figures_are_physically_plausible(gpu: Gpu) -> None:
    if gpu.memory_bytes_per_s is not None:
        assert 5e10 < gpu.memory_bytes_per_s < 1e13
    if gpu.flops_16bit is not None and gpu.memory_bytes_per_s is not None:
        assert 2 < gpu.flops_16bit / gpu.memory_bytes_per_s < 1000  # FLOP per byte of every known accelerator
    if gpu.tdp_w is not None:
        assert 30 <= gpu.tdp_w <= 1500


def test_narrower_floats_are_never_slower(gpu: Gpu) -> None:
    rates = [gpu.dense_flops[dtype] for dtype in ("bf16", "fp8", "fp4") if dtype in gpu.dense_flops]
    assert rates == sorted(rates)


def test_a_reference_is_a_measured_gpu_and_only_unmeasured_ones_have_it(gpu: Gpu) -> None:
    assert gpu.reference_reason
    if gpu.measured:
        assert gpu.reference is None
    elif gpu.reference is not None:
        assert GPUS[gpu.reference].measured


def test_engines_fit_the_chip(gpu: Gpu) -> None:
    assert gpu.supports <= ENGINES
    if gpu.vendor == "apple":
        assert gpu.supports == {"llama.cpp"}
    if "trtllm" in gpu.supports:
        assert gpu.vendor == "nvidia" and gpu.compute_capability is not None and gpu.compute_capability >= 8.0
    if gpu.vendor == "nvidia":
        assert "llama.cpp" in gpu.supports
        assert ("sglang" in gpu.supports) == (gpu.architecture not in BEFORE_FP8 - {"ampere"})


def test_fp8_is_absent_on_ampere_and_older(gpu: Gpu) -> None:
    if gpu.architecture in BEFORE_FP8:
        assert "fp8" not in gpu.dense_flops
        assert "fp4" not in gpu.dense_flops


def test_the_measured_gpus_are_those_with_operation_tables() -> None:
    assert {key for key, gpu in GPUS.items() if gpu.measured} == MEASURED
    assert all(GPUS[key].plannable for key in MEASURED)


def test_well_known_figures_hold() -> None:
    h100, ada = GPUS["h100_sxm"], GPUS["rtx_4090"]
    assert (h100.memory_bytes_per_s, h100.dense_flops["bf16"], h100.dense_flops["fp8"]) == (
        3.35e12,
        9.89e14,
        1.978e15,
    )
    assert (ada.memory_gib, ada.dense_flops["fp16"], ada.tdp_w, ada.launch_usd) == (24, 1.652e14, 450, 1599)
    assert h100.memory_bytes == 80 * 1024**3
    assert (GPUS["gb200"].gpus_per_node, GPUS["gb200"].max_gpus_linked) == (4, 72)


@pytest.mark.parametrize(
    ("key", "reference"),
    [
        ("rtx_4090", "l40s"), ("l4", "l40s"), ("rtx_6000_ada", "l40s"), ("rtx_3090", "a100_sxm"),
        ("a100_pcie_40gb", "a100_sxm"), ("t4", "a100_sxm"), ("h100_nvl", "h100_sxm"), ("gh200", "h200_sxm"),
        ("rtx_5090", "rtx_pro_6000_server"), ("mi300x", "h100_sxm"), ("mi325x", "h200_sxm"),
        ("rx_7900_xtx", "l40s"), ("arc_b580", "b60"), ("m3_ultra", None), ("p40", None),
    ],
)  # fmt: skip
def test_utilisation_is_borrowed_from_the_nearest_architecture(key: str, reference: str | None) -> None:
    assert GPUS[key].reference == reference


def row(**changes: str) -> dict[str, str]:
    path = Path(__file__).parents[2] / "profiles" / "data" / "gpus.csv"
    with path.open(newline="", encoding="utf-8") as handle:
        columns = next(csv.reader(handle))
    basis = {"key": "x1", "memory_gib": "16", "gpus_per_node": "8", "max_gpus_linked": "8"}
    return {**dict.fromkeys(columns, ""), **basis, **changes}


def test_an_unknown_figure_is_none_and_makes_the_gpu_unplannable() -> None:
    gpu = parse_gpu(row())
    assert gpu.memory_bytes_per_s is None
    assert dict(gpu.dense_flops) == {}
    assert not gpu.plannable


@pytest.mark.parametrize("cell", ["-1", "0", "nan", "inf", "fast", "1,5"])
def test_a_bad_figure_is_refused_with_gpu_and_column(cell: str) -> None:
    with pytest.raises(ProfileError, match=r"^gpus.csv: x1.tdp_w: .* is not a positive number") as caught:
        parse_gpu(row(tdp_w=cell))
    assert "\n" not in str(caught.value)


def test_a_gpu_without_memory_is_refused() -> None:
    with pytest.raises(ProfileError, match="memory_gib"):
        parse_gpu(row(memory_gib=""))
