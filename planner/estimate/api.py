"""`planner estimate`: one configuration, spelled as people spell things, to one `Estimate`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import Any

import numpy as np

from planner.calibration.apply import calibrated, subject_for
from planner.calibration.store import Calibration
from planner.errors import DoesNotFit, InputError, did_you_mean
from planner.estimate.admissible import Admissible
from planner.estimate.describe import describe
from planner.estimate.evaluate import Evaluation, Lengths, evaluate
from planner.estimate.explain import explain
from planner.estimate.layout import divides
from planner.estimate.power import board_power
from planner.estimate.precision import op_formats, refusal
from planner.estimate.recipes import Setup, setup_for
from planner.estimate.transfer import times_on
from planner.models import resolve_model
from planner.modelshape import Model
from planner.precisions import resolve_precision
from planner.profiles.gpus import Gpu, load_gpus, resolve_gpu
from planner.profiles.store import Profiles, load_profiles
from planner.profiles.tracefile import shipped_traces
from planner.records import Estimate, Explanation, Layout, Setting

TRACED = "cpu_"  # keys of processors that only our own traces know
LOCAL_ENGINES = ("llama.cpp",)  # one request at a time, predicted by `planner.local`
KERNEL_RULES = ("any", "open", "portable")
LENGTHS = ("random", "fixed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One configuration as people spell it; None is the engine's default, and the answer says so.

    `concurrency` counts requests in flight per replica, `accepted_tokens` tokens per decode step with speculative
    decoding, `stream_interval` decode steps per streamed chunk; `lengths` are "random" (around their means) or "fixed".
    """

    model: str
    gpu: str
    engine: str = "vllm"
    engine_version: str | None = None
    weight_precision: str | None = None
    kv_precision: str | None = None
    tp: int = 1
    pp: int = 1
    dp: int = 1
    ep: int = 1
    concurrency: int = 1
    input_tokens: float = 1024
    output_tokens: float = 256
    lengths: str | None = None
    kernels: str = "any"
    cuda_graphs: bool | None = None
    accepted_tokens: float | None = None
    scheduler: str | None = None
    stream_interval: int | None = None
    max_running: int | None = None

    @property
    def layout(self) -> Layout:
        """Parallel degrees."""
        return Layout(tp=self.tp, pp=self.pp, dp=self.dp, ep=self.ep)

    @property
    def setup(self) -> Setup:
        """Engine settings; InputError for one that is not known."""
        return setup_for(
            self.engine, engine_version=self.engine_version, scheduler=self.scheduler, cuda_graphs=self.cuda_graphs,
            accepted_tokens=self.accepted_tokens, stream_interval=self.stream_interval, max_running=self.max_running,
            random_lengths=None if self.lengths is None else self.lengths == "random",
        )  # fmt: skip


def estimate(
    *,
    profiles: Profiles | None = None,
    calibration: Calibration | None = None,
    base_dir: Path | None = None,
    **asked: Any,
) -> Estimate:
    """Means of a closed loop; rates are per replica. `asked` are the fields of `Asked`.

    Raises InputError (or a floor's own error) for a name that does not resolve or a layout that does not
    divide the model, DoesNotFit when weights and one request exceed the memory. A model may be the path of a
    config.json only where `base_dir` says what it is relative to.
    """
    question = Asked(**asked)
    if question.gpu.startswith(TRACED):
        return _traced(question, base_dir)
    if question.engine in LOCAL_ENGINES:
        if calibration is not None:
            raise InputError(
                f"calibration: measured runs do not correct {question.engine}", hint="leave it out"
            )
        return _local(question, base_dir)
    return _answer(question, profiles, calibration, base_dir)[0]


def explain_estimate(
    *,
    profiles: Profiles | None = None,
    calibration: Calibration | None = None,
    base_dir: Path | None = None,
    **asked: Any,
) -> Explanation:
    """The estimate taken apart: memory by name, every term of a step, every setting. Raises what `estimate` raises."""
    question = Asked(**asked)
    if question.engine in LOCAL_ENGINES:
        raise InputError(
            f"explain: {question.engine} is predicted as a whole", hint="see docs/local-engines.md"
        )
    answer, physics, corrected = _answer(question, profiles, calibration, base_dir)
    kv = Setting("kv_precision", f"{answer.kv_precision} KV cache", question.kv_precision is not None)
    return explain(answer, physics, corrected, len(physics.served.batch) - 1, settings=(kv,))


def _traced(asked: Asked, base_dir: Path | None) -> Estimate:
    from planner.estimate.traced import traced_estimate

    return traced_estimate(
        resolve_model(asked.model, base_dir=base_dir), shipped_traces(), device=asked.gpu, engine=asked.engine,
        precision=asked.weight_precision or "fp32", concurrency=asked.concurrency,
        lengths=(float(asked.input_tokens), float(asked.output_tokens)),
    )  # fmt: skip


def _local(asked: Asked, base_dir: Path | None) -> Estimate:
    from planner.local.estimate import local_estimate

    return local_estimate(
        resolve_model(asked.model, base_dir=base_dir), load_gpus()[resolve_gpu(asked.gpu).key], engine=asked.engine,
        weights=asked.weight_precision, gpus=asked.layout.gpus, concurrency=asked.concurrency,
        lengths=(float(asked.input_tokens), float(asked.output_tokens)),
    )  # fmt: skip


def _answer(
    asked: Asked, profiles: Profiles | None, calibration: Calibration | None, base_dir: Path | None
) -> tuple[Estimate, Evaluation, Evaluation]:
    """The estimate, its physics, and its physics as corrected by measured runs; all at the last batch size."""
    shape, match = resolve_model(asked.model, base_dir=base_dir), resolve_gpu(asked.gpu)
    card, layout = load_gpus()[match.key], asked.layout
    _check(shape, card, asked)
    weights = resolve_precision(asked.weight_precision).name if asked.weight_precision else _published(shape)
    kv = resolve_precision(asked.kv_precision).name if asked.kv_precision else "bf16"
    formats = op_formats(shape, weights=weights, kv=kv, gpu=card)
    if why := refusal(formats, card):
        raise InputError(f"precision on {card.key}: {why}", hint="choose bf16")
    tables = profiles or load_profiles()
    times = times_on(card, tables, engine=asked.engine, admissible=Admissible(asked.kernels))
    if times is None:
        raise InputError(f"gpu: nothing measured speaks for {card.key}", hint="see `planner profile show`")
    # Times at every power of two up to the concurrency show how the batch grows; the last one is asked for.
    most = max(asked.concurrency / layout.dp, 1.0)
    found = evaluate(
        shape, card, times, layout=layout, formats=formats, setup=asked.setup,
        batch=np.unique(np.append(2.0 ** np.arange(0, np.log2(most)), most)),
        lengths=Lengths(float(asked.input_tokens), float(asked.output_tokens)),
    )  # fmt: skip
    if not found.memory.fits or found.running_limit < 1.0:
        raise DoesNotFit(_too_small(found))
    last = len(found.served.batch) - 1
    better = calibrated(found, subject_for(found, weights=weights), calibration)
    answer = describe(better.evaluation, last, better.spread, weights=weights, kv=kv,
                      power=board_power(found, last, tables),
                      assumed=() if asked.kv_precision else (f"{kv} KV cache",))  # fmt: skip
    if match.ambiguous:
        said = f"{asked.gpu!r} may be {' or '.join(match.keys)}; taken as the slowest"
        answer = replace(answer, notes=(*answer.notes, said))
    return answer, found, better.evaluation


def _check(model: Model, gpu: Gpu, asked: Asked) -> None:
    for name, rules in (("kernels", KERNEL_RULES), ("lengths", LENGTHS)):
        said = getattr(asked, name)
        if said is not None and said not in rules:
            hint = did_you_mean(said, rules) or f"{', '.join(rules[:-1])} or {rules[-1]}"
            raise InputError(f"{name}: {said!r} is not known", hint=hint)
    for name in ("concurrency", "input_tokens", "output_tokens"):
        if not 1 <= getattr(asked, name) <= 1e7:
            raise InputError(f"{name}: {getattr(asked, name):g} is not between 1 and 10,000,000")
    for name in ("tp", "pp", "dp", "ep", "stream_interval", "max_running", "accepted_tokens"):
        if (said := getattr(asked, name)) is not None and not 1 <= said < inf:
            raise InputError(f"{name}: {said} is not 1 or more")
    engine, layout = asked.setup.engine, asked.layout
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
