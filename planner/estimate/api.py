"""`planner estimate`: one configuration, spelled as people spell things, to one `Estimate`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from planner.calibration.apply import calibrated, subject_for
from planner.calibration.store import Calibration
from planner.errors import DoesNotFit, InputError, did_you_mean
from planner.estimate.admissible import Admissible
from planner.estimate.describe import describe
from planner.estimate.evaluate import Evaluation, Lengths, evaluate
from planner.estimate.layout import divides
from planner.estimate.power import board_power
from planner.estimate.precision import op_formats, refusal
from planner.estimate.recipes import setup_for
from planner.estimate.transfer import times_on
from planner.models import resolve_model
from planner.modelshape import Model
from planner.precisions import resolve_precision
from planner.profiles.gpus import Gpu, load_gpus, resolve_gpu
from planner.profiles.store import Profiles, load_profiles
from planner.records import Estimate, Layout

LOCAL_ENGINES = ("llama.cpp",)  # one request at a time, predicted by `planner.local`
KERNEL_RULES = ("any", "open", "portable")


def estimate(
    *,
    model: str,
    gpu: str,
    engine: str = "vllm",
    weight_precision: str | None = None,
    kv_precision: str | None = None,
    tp: int = 1,
    pp: int = 1,
    dp: int = 1,
    ep: int = 1,
    concurrency: int = 1,
    input_tokens: float = 1024,
    output_tokens: float = 256,
    kernels: str = "any",
    profiles: Profiles | None = None,
    calibration: Calibration | None = None,
    base_dir: Path | None = None,
) -> Estimate:
    """Means of a closed loop with `concurrency` requests in flight per replica; rates are per replica.

    Raises InputError (or a floor's own error) for a name that does not resolve or a layout that does not
    divide the model, DoesNotFit when weights and one request exceed the memory. A model may be the path of a
    config.json only where `base_dir` says what it is relative to.
    """
    shape, match = resolve_model(model, base_dir=base_dir), resolve_gpu(gpu)
    card, layout = load_gpus()[match.key], Layout(tp=tp, pp=pp, dp=dp, ep=ep)
    if engine in LOCAL_ENGINES:
        if calibration is not None:
            raise InputError(f"calibration: measured runs do not correct {engine}", hint="leave it out")
        from planner.local.estimate import local_estimate

        return local_estimate(
            shape, card, engine=engine, weights=weight_precision, gpus=layout.gpus, concurrency=concurrency,
            lengths=(float(input_tokens), float(output_tokens)),
        )  # fmt: skip
    _check(shape, card, layout, engine=engine, kernels=kernels, concurrency=concurrency,
           lengths=(input_tokens, output_tokens))  # fmt: skip
    weights = resolve_precision(weight_precision).name if weight_precision else _published(shape)
    kv = resolve_precision(kv_precision).name if kv_precision else "bf16"
    formats = op_formats(shape, weights=weights, kv=kv, gpu=card)
    if why := refusal(formats, card):
        raise InputError(f"precision on {card.key}: {why}", hint="choose bf16")
    tables = profiles or load_profiles()
    times = times_on(card, tables, engine=engine, admissible=Admissible(kernels))
    if times is None:
        raise InputError(f"gpu: nothing measured speaks for {card.key}", hint="see `planner profile show`")
    # Times at every power of two up to the concurrency show how the batch grows; the last one is asked for.
    batch = np.unique(
        np.append(2.0 ** np.arange(0, np.log2(max(concurrency / dp, 1.0))), max(concurrency / dp, 1.0))
    )
    found = evaluate(
        shape, card, times, layout=layout, formats=formats, setup=setup_for(engine), batch=batch,
        lengths=Lengths(float(input_tokens), float(output_tokens)),
    )  # fmt: skip
    if not found.memory.fits or found.running_limit < 1.0:
        raise DoesNotFit(_too_small(found))
    last = len(batch) - 1
    better = calibrated(found, subject_for(found, weights=weights), calibration)
    power = board_power(found, last, tables)
    answer = describe(better.evaluation, last, better.spread, weights=weights, kv=kv, power=power)
    if not match.ambiguous:
        return answer
    from dataclasses import replace

    return replace(
        answer, notes=(*answer.notes, f"{gpu!r} may be {' or '.join(match.keys)}; taken as the slowest")
    )


def _check(
    model: Model,
    gpu: Gpu,
    layout: Layout,
    *,
    engine: str,
    kernels: str,
    concurrency: int,
    lengths: tuple[float, float],
) -> None:
    if kernels not in KERNEL_RULES:
        raise InputError(
            f"kernels: {kernels!r} is not a rule",
            hint=did_you_mean(kernels, KERNEL_RULES) or "any, open or portable",
        )
    for name, value in (
        ("concurrency", concurrency),
        ("input_tokens", lengths[0]),
        ("output_tokens", lengths[1]),
    ):
        if not 1 <= value <= 1e7:
            raise InputError(f"{name}: {value:g} is not between 1 and 10,000,000")
    for name in ("tp", "pp", "dp", "ep"):
        if getattr(layout, name) < 1:
            raise InputError(f"{name}: {getattr(layout, name)} is not 1 or more")
    setup_for(engine)
    if engine not in gpu.supports:
        raise InputError(
            f"engine: {engine} does not run on {gpu.key}", hint=f"it runs {', '.join(sorted(gpu.supports))}"
        )
    if not gpu.plannable:
        raise InputError(f"gpu: {gpu.key} has no sourced bandwidth or matrix rate", hint="choose another GPU")
    if not divides(layout, model):
        raise InputError(
            f"layout: {layout} does not divide {model.name} ({model.num_heads} heads, {model.num_layers} layers, "
            f"{model.num_experts} experts)", hint="choose degrees that divide them; dp and ep need experts",
        )  # fmt: skip


def _published(model: Model) -> str:
    """Format the weights are published in; bf16 unless the checkpoint is quantised."""
    names = {"none": "bf16", "unknown": "bf16", "fp8_block": "fp8"}
    return names.get(model.weight_quant, model.weight_quant)


def _too_small(e: Evaluation) -> str:
    gib = 2.0**30
    short = e.kv_bytes_per_request - e.memory.free
    return (
        f"{e.model.name} on {e.layout.gpus} x {e.gpu.key}: weights {e.memory.weights / gib:.1f} GiB and one request "
        f"{e.kv_bytes_per_request / gib:.2f} GiB per GPU do not fit; the engine leaves "
        f"{max(e.memory.free + e.memory.weights, 0.0) / gib:.1f} of {e.memory.capacity / gib:.1f} GiB "
        f"(short by {short / gib:.1f} GiB): more tensor parallelism, "
        "a smaller format, or a larger GPU"
    )
