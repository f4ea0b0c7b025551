"""The residual model: returns to physics, never below the roofline, wider where nothing was measured."""

from __future__ import annotations

import csv
import json
import time
from pathlib import Path

import numpy as np
import pytest

from planner.calibration.field import Prior, extended, fit_field
from planner.calibration.groups import Subject, family_of
from planner.calibration.own import SCHEMA, calibrate, load_own
from planner.calibration.residual import residuals
from planner.calibration.store import load_calibration, read_calibration
from planner.errors import DataError
from planner.estimate.evaluate import Evaluation
from planner.estimate.floor import decode_floor_s, prefill_floor_s
from planner.estimate.recipes import FITTED, RECIPES
from planner.models import resolve_model
from planner.profiles.store import load_profiles
from planner.validate.formats import read_table
from planner.validate.pages import accuracy_document
from planner.validate.predict import GRID, evaluate_case, predict, subject_of

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "tests" / "data" / "validation" / "development_sample.csv"
SUBJECT = Subject(
    "vllm", "0.15.1", "gpt_oss-36", "openai/gpt-oss-120b", "h200_sxm", "nvfp4", 2, 1, 1, 1024, 1024, True
)
BATCH = np.array([1.0, 4.0, 16.0, 64.0])
PRIOR = Prior((1.0,) * 6, {"family": 0.2}, {"version": 0.2}, noise=0.05, clip=1.0)


def _evaluations() -> list[Evaluation]:
    cases = dict.fromkeys(q.case for q in read_table(SAMPLE).questions if q.case)
    return [evaluate_case(case, GRID, load_profiles()) for case in list(cases)[::4]]


def test_engines_share_what_few_families_cannot_tell_apart() -> None:
    """Pooled constants stay nearer to each other than an order of magnitude; others may differ freely."""
    from planner.calibration.parameters import PARAMETERS

    for p in (p for p in PARAMETERS if p.pooled):
        values = [FITTED[engine][p.name] for engine in RECIPES]
        assert min(values) > 0 and max(values) < 2 * min(values)


def test_the_fit_finds_constants_that_were_put_in() -> None:
    """Measurements made by the model itself under other constants return them, pulled together but in order."""
    from dataclasses import replace

    from planner.calibration.parameters import fit_recipes
    from planner.calibration.points import curves_of

    slower = {e: replace(r, host_s_per_sequence=3.0 * r.host_s_per_sequence) for e, r in RECIPES.items()}
    curves = []
    for curve in curves_of(read_table(SAMPLE), load_profiles())[::3]:
        tpot, ttft = curve.physics_ms(slower[curve.case.engine])
        curves.append(replace(curve, tpot_ms=tpot, ttft_ms=ttft))
    found = fit_recipes(curves)
    for engine, recipe in found.items():
        assert recipe.host_s_per_sequence == pytest.approx(slower[engine].host_s_per_sequence, rel=0.25)


def test_accuracy_document_is_current() -> None:
    written = (ROOT / "ACCURACY.md").read_text(encoding="utf-8")
    assert written == accuracy_document(load_calibration()), (
        "python -P -m planner.validate.pages > ACCURACY.md"
    )


def test_every_engine_constant_has_a_unit_and_a_reason() -> None:
    with (ROOT / "planner" / "data" / "calibration_parameters.csv").open(
        encoding="utf-8", newline=""
    ) as file:
        rows = list(csv.DictReader(file))
    assert all(row["unit"] and row["reason"] for row in rows)
    assert {(r["engine"], r["name"]) for r in rows} == {(e, n) for e in RECIPES for n in FITTED[e]}


def test_calibration_loads_within_a_fraction_of_a_second() -> None:
    load_calibration.cache_clear()
    start = time.process_time()
    load_calibration()
    assert time.process_time() - start < 0.2  # about 15 ms; generous for a busy machine


def test_residuals_are_the_same_for_one_batch_and_for_many() -> None:
    many, one = residuals(SUBJECT, BATCH), residuals(SUBJECT, BATCH[2:3])
    assert many is not None
    assert one is not None
    assert one.tpot.mean[0] == pytest.approx(many.tpot.mean[2])


def test_known_combinations_are_surer_than_new_ones() -> None:
    known = residuals(SUBJECT, BATCH)
    new = residuals(
        Subject("vllm", "", "other-10", "x/y", "b300_sxm", "fp8", 2, 1, 1, 1024, 1024, True), BATCH
    )
    assert known is not None
    assert new is not None
    assert known.known
    assert not new.known
    assert (known.tpot.sd < new.tpot.sd).all()
    assert (known.ttft.half95 > known.ttft.half80).all()


def test_an_engine_without_measurements_has_no_residual() -> None:
    assert (
        residuals(Subject("llama.cpp", "", "a-1", "a", "rtx_4090", "int4", 1, 1, 1, 8, 8, True), BATCH)
        is None
    )


def test_reuploads_share_a_family() -> None:
    names = ("deepseek-ai/DeepSeek-V3", "deepseek-ai/DeepSeek-R1")
    assert len({family_of(resolve_model(name)) for name in names}) == 1


def _toy(residual: float) -> tuple[list[tuple[str, ...]], np.ndarray, np.ndarray]:
    key = ("f", "l", "s", "p", "v", "y", "n", "")
    return [key] * 6, np.zeros((6, 6)) + np.arange(6.0)[:, None], np.full(6, residual)


def test_a_field_follows_its_points_and_returns_to_zero_elsewhere() -> None:
    field = fit_field(PRIOR, *_toy(0.3))
    near, sd = field.at(field.contexts[0], np.zeros((1, 6)))
    far, far_sd = field.at(("g", "m", "t", "q", "w", "z", "o", None), np.zeros((1, 6)))
    assert near[0] == pytest.approx(0.3, abs=0.02)
    assert far[0] == 0.0
    assert sd[0] < far_sd[0]


def test_an_outlier_weighs_less() -> None:
    contexts, x, residual = _toy(0.1)
    residual[3] = 1.0
    assert fit_field(PRIOR, contexts, x * 0.1, residual).weight.argmin() == 3


def test_one_own_point_moves_a_field_towards_it() -> None:
    field, other = fit_field(PRIOR, *_toy(0.3)), ("g", "m", "t", "q", "w", "z", "o", None)
    moved = extended(field, [other], np.zeros((1, 6)), np.array([-0.4]))
    assert moved.at(other, np.zeros((1, 6)))[0][0] < -0.3


def test_no_prediction_is_below_its_roofline() -> None:
    table = read_table(SAMPLE)
    found = predict(table.questions, load_profiles())
    for question, prediction in list(zip(table.questions, found, strict=True))[::5]:
        assert question.case is not None
        assert prediction.tpot is not None
        assert prediction.ttft is not None
        one = evaluate_case(question.case, np.array([question.batch]), load_profiles())
        assert prediction.tpot.value >= 1e3 * decode_floor_s(one)[0] * 0.999
        assert prediction.ttft.value >= 1e3 * prefill_floor_s(one) * 0.999


def test_tpot_never_falls_as_the_batch_grows() -> None:
    from planner.calibration.apply import calibrated

    table = read_table(SAMPLE)
    cases = list(dict.fromkeys(q.case for q in table.questions if q.case))
    batch = np.arange(1.0, 65.0)
    for case in cases[::6]:
        evaluation = evaluate_case(case, batch, load_profiles())
        found = calibrated(evaluation, subject_of(case, evaluation))
        assert (np.diff(found.evaluation.served.tpot_s) >= 0.0).all()
        assert (np.diff(evaluation.served.tpot_s) >= 0.0).all()


def _one_row(tmp_path: Path, **change: str) -> Path:
    with SAMPLE.open(encoding="utf-8", newline="") as file:
        row = next(csv.DictReader(file)) | change
    path = tmp_path / "own.csv"
    path.write_text(",".join(row) + "\n" + ",".join(f'"{v}"' for v in row.values()) + "\n", encoding="utf-8")
    return path


def test_one_own_point_of_an_unseen_combination_brings_the_prediction_to_it(tmp_path: Path) -> None:
    own = calibrate(_one_row(tmp_path, gpu="gb200"))
    point = own.points[0]
    assert point.tpot_after_ms is not None
    assert abs(np.log(point.tpot_after_ms / point.tpot_ms)) < 0.3 * abs(
        np.log(point.tpot_before_ms / point.tpot_ms)
    )


def test_a_written_user_calibration_is_read_back_and_used(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    measured = _one_row(tmp_path, gpu="gb200")
    own = calibrate(measured)
    path.write_text(own.to_json(), encoding="utf-8")
    found = predict(read_table(measured).questions, load_profiles(), load_own(path))
    assert found[0].tpot is not None
    assert found[0].tpot.value == pytest.approx(own.points[0].tpot_after_ms, rel=1e-4)


VLLM = {"model_id": "Qwen/Qwen3-32B", "completed": 10, "max_concurrency": 8, "total_input_tokens": 10240,
        "total_output_tokens": 2560, "mean_ttft_ms": 144.5, "mean_tpot_ms": 6.48}  # fmt: skip
MEANS = {"request_concurrency": 8, "prompt_token_count": 1024, "output_token_count": 256,
         "time_to_first_token_ms": 144.5, "inter_token_latency_ms": 6.48}  # fmt: skip
GUIDELLM = {"args": {"model": "Qwen/Qwen3-32B"},
            "benchmarks": [{"metrics": {k: {"successful": {"mean": v}} for k, v in MEANS.items()}}]}  # fmt: skip
AIPERF = {"input_config": {"endpoint": {"model_names": ["Qwen/Qwen3-32B"]}, "loadgen": {"concurrency": 8}},
          "input_sequence_length": {"avg": 1024}, "output_sequence_length": {"avg": 256},
          "time_to_first_token": {"avg": 144.5}, "inter_token_latency": {"avg": 6.48}}  # fmt: skip


@pytest.mark.parametrize("document", [VLLM, GUIDELLM, AIPERF], ids=["vllm bench", "guidellm", "aiperf"])
def test_result_files_of_benchmarks_are_read(tmp_path: Path, document: dict[str, object]) -> None:
    path = tmp_path / "result.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    own = calibrate(path, gpu="h100_sxm", engine="trtllm", weight_precision="fp8", tp="8")
    assert own.schema == SCHEMA
    assert own.points[0].tpot_ms == 6.48
    assert own.points[0].axes[0] == pytest.approx(8.0)


@pytest.mark.parametrize("text", ["{", "[]", '{"mean_ttft_ms": 1}', '{"benchmarks": [{}]}'])
def test_an_unknown_result_file_is_a_data_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "result.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"result\.json"):
        calibrate(path, gpu="h100_sxm", engine="vllm")


@pytest.mark.parametrize("text", ["{", "{}", '{"schema": "other/1"}'])
def test_a_damaged_calibration_is_a_data_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "own.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError):
        load_own(path)
    with pytest.raises(DataError):
        read_calibration(text)


def test_the_fit_on_the_sample_is_repeatable_and_beats_the_physics() -> None:
    from planner.calibration.points import curves_of
    from planner.calibration.split import folds, left_out

    curves = curves_of(read_table(SAMPLE), load_profiles())
    first, second = (list(left_out(curves, "pair")) for _ in range(2))
    assert all(np.array_equal(a.mean["tpot"], b.mean["tpot"]) for a, b in zip(first, second, strict=True))
    by_curve = list(left_out(curves, "curve"))
    left = np.abs(np.concatenate([out.miss("tpot") for out in by_curve]))
    physics = np.abs(np.concatenate([out.miss("tpot") + out.mean["tpot"] for out in by_curve]))
    assert np.median(left) < np.median(physics)
    assert len(set(folds(curves, "curve"))) == 5
