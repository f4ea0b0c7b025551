"""`planner estimate` for engines that serve one request at a time on one's own machine."""

from __future__ import annotations

from collections.abc import Mapping

from planner.errors import DoesNotFit, InputError
from planner.estimate.memory import kv_bytes
from planner.local.predict import Speed, predict
from planner.local.query import INPUT_COLUMNS, Query, read_query
from planner.modelshape import Model
from planner.profiles.gpus import Gpu
from planner.records import Estimate, Layout, MemoryGib, Quantity

GIB = 2.0**30
PUBLISHED = {"none": "fp16", "unknown": "fp16"}


def local_estimate(
    model: Model,
    gpu: Gpu,
    *,
    engine: str,
    weights: str | None,
    gpus: int,
    concurrency: int,
    lengths: tuple[float, float],
) -> Estimate:
    """One request in flight over `gpus` GPUs whose layers it passes in turn.

    Raises InputError for more than one request (nothing published says what these engines do then) and for
    names that do not resolve, DoesNotFit where weights and cache exceed the memory.
    """
    if concurrency != 1:
        raise InputError(
            f"concurrency: {concurrency} is not 1", hint=f"{engine} is predicted for a single request"
        )
    form = weights or PUBLISHED.get(model.weight_quant, model.weight_quant)
    query = read_query(_row(model, gpu, engine, form, gpus, lengths))
    memory = _memory(query, model, gpus, lengths)
    if memory.total > memory.capacity:
        raise DoesNotFit(
            f"{model.name} as {form} on {gpus} x {gpu.key}: {memory.total:.1f} GiB per GPU, it has "
            f"{memory.capacity:.1f}: more GPUs or fewer bits"
        )
    return _estimate(predict([query])[0], model, gpu, engine, form, gpus, lengths, memory)


def _row(
    model: Model, gpu: Gpu, engine: str, form: str, gpus: int, lengths: tuple[float, float]
) -> Mapping[str, str]:
    said = {"device": gpu.key, "device_as_reported": gpu.name, "count": str(gpus), "framework": engine,
            "model": model.name, "quant": form, "metric": "single-stream",
            "prompt_len": f"{lengths[0]:g}", "gen_len": f"{lengths[1]:g}"}  # fmt: skip
    return {column: said.get(column, "") for column in INPUT_COLUMNS}


def _memory(query: Query, model: Model, gpus: int, lengths: tuple[float, float]) -> MemoryGib:
    weights = query.weight_bytes / gpus / GIB
    cache = kv_bytes(model, Layout(), kv="bf16", tokens=sum(lengths)) / gpus / GIB
    return MemoryGib(weights=weights, kv=cache, activations=0.0, communication=0.0, other=0.0,
                     total=weights + cache, capacity=query.device.memory_bytes / GIB)  # fmt: skip


def _estimate(
    speed: Speed, model: Model, gpu: Gpu, engine: str, form: str, gpus: int, lengths: tuple[float, float],
    memory: MemoryGib,
) -> Estimate:  # fmt: skip
    decode, prefill = speed.decode_tokens_per_s, speed.prefill_tokens_per_s
    first = None if prefill is None else _inverse(prefill, 1e3 * lengths[0])
    tpot = _inverse(decode, 1e3)
    whole_s = (0.0 if first is None else first.value / 1e3) + lengths[1] / decode.value
    rate = 1.0 / whole_s
    share = decode.low / decode.value, decode.high / decode.value
    return Estimate(
        model=model.name, gpu=gpu.key, gpus_per_replica=gpus, layout=Layout(pp=gpus), engine=engine,
        engine_version=None, weight_precision=form, kv_precision="fp16", statistic="mean",
        server_ttft_ms=first, ttft_ms=first, tpot_ms=tpot, output_tokens_per_s=decode,
        requests_per_s=None if first is None else Quantity(rate, rate * share[0], rate * share[1], decode.basis),
        memory_gib=memory, power_w=None, measured_share=0.0, ops=(),
        notes=(*speed.notes, "one request at a time; compute buffers of the engine are not counted",
               "fitted to published single-request figures, docs/local-engines.md"),
    )  # fmt: skip


def _inverse(rate: Quantity, amount: float) -> Quantity:
    """Time for `amount` at a rate."""
    return Quantity(amount / rate.value, amount / rate.high, amount / rate.low, rate.basis)
