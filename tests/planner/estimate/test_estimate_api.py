"""`planner.estimate`: names as people write them in, one estimate or one line of complaint out."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import planner
from planner.errors import DoesNotFit, InputError, exit_code
from planner.plan import Estimate
from planner.precisions import load_precisions

BASE: dict[str, Any] = {"model": "llama-3.1-8b", "gpu": "h100_sxm", "concurrency": 16}
SCHEMA = Path(__file__).parents[3] / "planner" / "schemas" / "estimate.schema.json"


def _estimate(**changes: Any) -> Estimate:
    return planner.estimate(**(BASE | changes))


def test_an_estimate_satisfies_its_schema() -> None:
    jsonschema.validate(json.loads(_estimate().to_json()), json.loads(SCHEMA.read_text()))


def test_the_same_question_has_the_same_bytes() -> None:
    assert _estimate().to_json() == _estimate().to_json()


def test_what_the_estimate_says_about_itself() -> None:
    e = _estimate(tp=2, weight_precision="fp8", kv_precision="fp8", engine="sglang")
    assert (e.gpus_per_replica, e.layout.tp, e.engine, e.weight_precision, e.kv_precision) == (
        2,
        2,
        "sglang",
        "fp8",
        "fp8",
    )
    assert e.statistic == "mean"
    assert e.tpot_ms and e.tpot_ms.basis == "calibrated"


def test_bytes_of_memory_add_up_to_the_total_and_stay_inside_the_device() -> None:
    m = _estimate(concurrency=64).memory_gib
    assert m.total == pytest.approx(m.weights + m.kv + m.activations + m.communication + m.other)
    assert m.total <= m.capacity == 80


def test_shares_of_a_phase_add_up_to_one() -> None:
    e = _estimate()
    for phase in ("prefill", "decode"):
        assert math.fsum(o.time_share for o in e.ops if o.phase == phase) == pytest.approx(1.0)


def test_rates_are_tokens_times_requests() -> None:
    e = _estimate(output_tokens=300)
    assert e.requests_per_s and e.output_tokens_per_s
    assert e.output_tokens_per_s.value == pytest.approx(300 * e.requests_per_s.value)


def test_any_usual_spelling_of_the_gpu_is_the_same_gpu() -> None:
    assert _estimate(gpu="NVIDIA H100 SXM5 80GB").to_json() == _estimate(gpu="h100_sxm").to_json()


def test_an_ambiguous_gpu_is_taken_as_the_slowest_and_says_so() -> None:
    e = _estimate(gpu="h100")
    (note,) = [n for n in e.notes if "may be" in n]
    assert "taken as the slowest" in note and "h100_pcie" in note
    assert e.gpu == "h100_pcie"


def test_a_gpu_without_tables_is_transferred_and_less_certain() -> None:
    own, borrowed = _estimate(), _estimate(gpu="h100_pcie")
    assert own.tpot_ms and borrowed.tpot_ms
    assert borrowed.tpot_ms.basis == "transferred"
    assert borrowed.tpot_ms.high / borrowed.tpot_ms.low > own.tpot_ms.high / own.tpot_ms.low
    assert borrowed.measured_share == 0.0
    assert borrowed.tpot_ms.value > own.tpot_ms.value, "less bandwidth"


def test_a_config_json_is_a_model(tmp_path: Path) -> None:
    source = Path(__file__).parents[2] / "data" / "configs" / "llama-3.1-70b.json"
    (tmp_path / "config.json").write_text(source.read_text())
    mine = _estimate(model=str(tmp_path / "config.json"), tp=4)
    shipped = _estimate(model="llama-3.1-70b", tp=4)
    assert mine.memory_gib == shipped.memory_gib and mine.ops == shipped.ops
    assert mine.tpot_ms and shipped.tpot_ms
    # Measurements of the shipped name speak a little less for another.
    assert mine.tpot_ms.value == pytest.approx(shipped.tpot_ms.value, rel=0.03)


BAD: tuple[tuple[dict[str, Any], str], ...] = (
    ({"gpu": "h1000"}, "h100"),
    ({"model": "llama-3.1-71b"}, "did you mean"),
    ({"engine": "vlm"}, "did you mean vllm"),
    ({"engine": "trtllm", "gpu": "mi300x"}, "does not run on mi300x"),
    ({"kernels": "opne"}, "did you mean open"),
    ({"weight_precision": "fp9"}, "did you mean"),
    ({"weight_precision": "fp8", "gpu": "a100_sxm"}, "does not multiply fp8"),
    ({"kv_precision": "fp8", "gpu": "rtx_3090"}, "does not multiply fp8"),
    ({"concurrency": 0}, "concurrency"),
    ({"concurrency": -3}, "concurrency"),
    ({"input_tokens": math.nan}, "input_tokens"),
    ({"input_tokens": math.inf}, "input_tokens"),
    ({"output_tokens": 1e30}, "output_tokens"),
    ({"tp": 3}, "does not divide"),
    ({"tp": 0}, "tp"),
    ({"tp": -1}, "tp"),
    ({"ep": 2}, "does not divide"),
    ({"gpu": "gh200_144gb"}, "no sourced"),
)


@pytest.mark.parametrize(("changes", "says"), BAD, ids=lambda x: str(x)[:50])
def test_bad_input_is_one_line_naming_the_field(changes: dict[str, Any], says: str) -> None:
    with pytest.raises((InputError, ValueError)) as caught:
        _estimate(**changes)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert exit_code(caught.value) == 5


def test_a_model_that_does_not_fit_says_by_how_much() -> None:
    with pytest.raises(DoesNotFit, match=r"short by [\d.]+ GiB") as caught:
        _estimate(model="llama-3.1-70b", gpu="rtx_4090")
    assert exit_code(caught.value) == 4


@pytest.mark.parametrize("name", sorted(load_precisions()))
def test_every_weight_format_is_estimated_or_refused_in_words(name: str) -> None:
    with suppress(InputError, DoesNotFit):
        assert _estimate(weight_precision=name, gpu="b200_sxm").measured_share > 0


@pytest.mark.parametrize("name", sorted(p.name for p in load_precisions().values() if p.kv_cache))
def test_every_cache_format_is_estimated_or_refused_in_words(name: str) -> None:
    with suppress(InputError, DoesNotFit):
        assert _estimate(kv_precision=name, gpu="b200_sxm").measured_share > 0


def test_a_quantised_checkpoint_is_named_as_it_is_published() -> None:
    assert planner.estimate(model="gpt-oss-20b", gpu="b200_sxm").weight_precision == "mxfp4"
    assert planner.estimate(model="deepseek-v3", gpu="b200_sxm", tp=8).weight_precision == "fp8"
