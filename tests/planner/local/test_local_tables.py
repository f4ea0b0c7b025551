"""Spellings of published figures resolve through reviewed tables, or are refused."""

from __future__ import annotations

import pytest

from planner.errors import ScenarioError
from planner.local.tables import published_workload, resolve_engine, resolve_format, resolve_metric, rows
from planner.models import load_models
from planner.precisions import load_precisions
from planner.profiles.gpus import load_gpus

ENGINES = [
    ("llama.cpp b8778 rocm", "amd", "llama.cpp/rocm", "layer"),
    ("Ollama or llama.cpp", "nvidia", "llama.cpp/cuda", "layer"),
    ("lmstudio metal", "apple", "llama.cpp/metal", "layer"),
    ("llama.cpp btl3-fork cuda", "apple", "llama.cpp/metal", "layer"),
    ("ExLlama v1 int4", "nvidia", "exllama/cuda", "layer"),
    ("ExLlamaV2", "nvidia", "exllamav2/cuda", "layer"),
    ("vLLM 0.10.0 ROCm 6.4.1", "amd", "vllm/rocm", "tensor"),
    ("MLPerf v5.1 TensorRT 10.11 ; CUDA 12.9", "nvidia", "trtllm/cuda", "tensor"),
    ("optimum-habana run_generation (HPU graphs)", "intel", "optimum-habana/hpu", "tensor"),
]
FORMATS = [
    ("F16", 16.0, "float"),
    ("Q4_K_M (ollama default)", 4.8944, "kquant"),
    ("UD-IQ2_XXS", 2.3824, "iquant"),
    ("EXL2 3.0bpw", 3.0, "int"),
    ("FP4", 4.5, "fp4"),
    ("GPTQ g128", 4.16, "int"),
]


@pytest.mark.parametrize(("text", "vendor", "key", "split"), ENGINES, ids=[e[0] for e in ENGINES])
def test_engine_labels_name_an_engine_its_backend_and_its_split(
    text: str, vendor: str, key: str, split: str
) -> None:
    engine = resolve_engine(text, vendor)
    assert (engine.key, engine.split) == (key, split)


@pytest.mark.parametrize(("text", "bits", "kernel"), FORMATS, ids=[f[0] for f in FORMATS])
def test_format_labels_state_bits_and_kernel(text: str, bits: float, kernel: str) -> None:
    form = resolve_format(text)
    assert (form.bits_per_weight, form.kernel) == (bits, kernel)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: resolve_engine("tinygrad", "nvidia"),
        lambda: resolve_format("best of tested"),
        lambda: resolve_format("MQ4"),
        lambda: resolve_metric("images per second"),
    ],
    ids=["engine", "vague format", "private format", "metric"],
)
def test_unknown_spelling_is_refused_with_its_name(ask: object) -> None:
    with pytest.raises(ScenarioError, match="unknown"):
        ask()  # type: ignore[operator]


def test_lengths_of_a_published_benchmark_are_known_by_model() -> None:
    workload = published_workload("llama3.1-405b")
    assert workload is not None
    assert workload.input_tokens > workload.output_tokens
    assert published_workload("Qwen3-8B") is None


def test_every_format_has_bits_here_or_in_the_precision_table() -> None:
    for row in rows("formats"):
        assert row["bits_per_weight"] or row["format"] in load_precisions(), row
        assert 1.5 < resolve_format(row["text"]).bits_per_weight <= 32, row


def test_every_alias_points_at_a_shape_that_is_shipped() -> None:
    shapes = {row["name"] for row in rows("shapes")} | set(load_models())
    for row in rows("models"):
        assert row["name"] in shapes, row
        assert row["kind"] in {"alias", "scaled"}, row


def test_every_added_device_figure_fills_a_gap_of_the_gpu_table() -> None:
    for row in rows("devices"):
        gpu = load_gpus()[row["gpu"]]
        assert not (row["memory_gb_per_s"] and gpu.memory_bytes_per_s), row
        assert not (row["matrix_tflops"] and gpu.flops_16bit), row
        assert row["source"] and row["as_of"], row
