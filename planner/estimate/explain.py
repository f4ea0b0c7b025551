"""Where an estimate's numbers come from: every byte by name, every term of a step, every setting.

Nothing is computed a second time: the parts are those whose sums the estimate shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from planner.estimate.calls import op_list
from planner.estimate.evaluate import Evaluation
from planner.estimate.memory import cache_parts, in_blocks, weight_parts
from planner.estimate.recipes import SETTINGS
from planner.estimate.step import host_parts
from planner.profiles import basis as codes
from planner.records import Bytes, Estimate, Explanation, Setting, StepTerm, TimeTerm

Array = NDArray[np.float64]


def explain(
    answer: Estimate,
    physics: Evaluation,
    corrected: Evaluation,
    i: int,
    *,
    settings: tuple[Setting, ...] = (),
) -> Explanation:
    """The parts of `answer`, which describes `corrected` at batch index `i`; `settings` beside the engine's."""
    return Explanation(
        estimate=answer,
        settings=(*settings, *_settings(physics)),
        weights=tuple(_weights(physics)),
        cache_per_request=tuple(_cache(physics)),
        cache_tokens=_cached_tokens(physics),
        requests_in_cache=float(physics.served.running[i]),
        requests_that_fit=physics.running_limit if np.isfinite(physics.running_limit) else None,
        step=tuple(_step(physics, i)),
        tpot=tuple(_tpot(physics, corrected, i)),
        ttft=tuple(_ttft(physics, corrected, i)),
    )


def _settings(e: Evaluation) -> Iterator[Setting]:
    version = e.setup.engine_version
    yield Setting("engine_version", version or e.setup.recipe.version, version is not None)
    for name, said in SETTINGS.items():
        yield Setting(name, said(e.setup), name not in e.setup.assumed)


def _weights(e: Evaluation) -> Iterator[Bytes]:
    for part in (p for p in weight_parts(e.model, e.layout, e.formats) if p.parameters):
        over = f" over {part.ways} GPUs" if part.ways > 1 else ""
        yield Bytes(part.name, part.bytes, f"{part.parameters:,.0f} parameters in {part.fmt}{over}")


def _cached_tokens(e: Evaluation) -> float:
    return in_blocks(e.lengths.input_tokens + e.lengths.output_tokens / 2, e.setup.recipe)


def _cache(e: Evaluation) -> Iterator[Bytes]:
    """What one request holds half-way through its answer; what block rounding adds stands apart."""
    tokens = e.lengths.input_tokens + e.lengths.output_tokens / 2
    exact, whole = (
        cache_parts(e.model, e.layout, kv=e.formats.kv, tokens=t) for t in (tokens, _cached_tokens(e))
    )
    for part in exact:
        rows = (
            f"{part.rows:,.6g} token{'s' if part.rows != 1 else ''}"
            if part.name != "recurrent state"
            else "1 state"
        )
        how = f"{part.layers:g} layers x {rows} x ({part.made_of}) x {part.value_bytes:g} B"
        yield Bytes(part.name, part.bytes, how)
    added = sum(p.bytes for p in whole) - sum(p.bytes for p in exact)
    size = e.setup.recipe.kv_block_tokens
    yield Bytes("block rounding", added, f"blocks of {size} tokens, the last one half empty on average"
                if size > 1 else "none: blocks of 1 token")  # fmt: skip


def _step(e: Evaluation, i: int) -> Iterator[StepTerm]:
    """Every call of a decode step at the running batch, and of reading one prompt alone."""
    running = e.served.running[i]
    for part in e.step.parts:
        decode = part.phase == "decode"
        seconds = float(np.interp(running, e.step.steps.batch, part.seconds) if decode else part.seconds[0])
        basis = codes.name(int(part.basis[i if decode else 0]))
        yield StepTerm(part.phase, part.name, part.variant, part.calls, 1e3 * seconds, basis)  # type: ignore[arg-type]
    ops = op_list(e.model, e.layout, e.formats)
    phases: tuple[tuple[Literal["decode", "prefill"], float], ...] = (
        ("decode", float(running)),
        ("prefill", 1.0),
    )
    for phase, batch in phases:
        for name, count, seconds in host_parts(ops, e.setup, batch):
            yield StepTerm(phase, name, "engine scheduler", round(count), 1e3 * seconds, "calibrated")


def _tpot(e: Evaluation, corrected: Evaluation, i: int) -> Iterator[TimeTerm]:
    """Terms that add up to TPOT."""
    served, steps, setup = e.served, e.step.steps, e.setup
    running, accepted = float(served.running[i]), setup.accepted_tokens
    factor = float(corrected.served.tpot_s[i] / served.tpot_s[i])
    decode = float(np.interp(running, steps.batch, steps.decode)) / accepted
    yield _term("decode step", decode, factor, f"{running:g} requests per attention rank"
                + (f", {accepted:g} tokens per step" if accepted > 1 else ""))  # fmt: skip
    share = 1.0 if setup.random_lengths else setup.recipe.lockstep_share
    level = float(np.interp(running, steps.batch, np.maximum.accumulate(steps.decode)))
    prompt = max(float(np.interp(running, steps.batch, np.maximum.accumulate(steps.mixed))) - level, 0.0)
    others = share * running / e.lengths.output_tokens * prompt / accepted
    yield _term("prompts of the others", others, factor, f"{share:.3g} x {running:g} / {e.lengths.output_tokens:g} "
                f"prompts per token, {1e3 * prompt:.3g} ms each")  # fmt: skip
    rest = float(served.tpot_s[i]) - decode - others
    if rest > 1e-12:
        yield _term("no gain from a larger batch", rest, factor, "a smaller batch took longer in the tables")


def _ttft(e: Evaluation, corrected: Evaluation, i: int) -> Iterator[TimeTerm]:
    """Terms that add up to the client's TTFT."""
    served, setup = e.served, e.setup
    factor = float(corrected.served.ttft_s[i] / served.ttft_s[i])
    first = setup.recipe.first_token_s
    yield _term("server: before the first step", first, factor, "parsing and tokenising")
    steps = 1.0 if setup.random_lengths else setup.recipe.lockstep_steps
    yield _term("server: the prompt's own step", float(served.server_ttft_s[i]) - first, factor,
                f"{steps:g} mixed step{'s' if steps != 1 else ''}, the running requests beside it")  # fmt: skip
    yield _term("client: until it is seen", float(served.stream_s[i]), factor,
                f"{setup.stream_delay_steps:.3g} decode steps of polling and streaming")  # fmt: skip
    yield _term("queue", float(served.queue_s[i]), factor, "requests beyond the cache or the limit")
    yield _term("opening burst", float(served.burst_s[i]), factor,
                "none in steady state" if not served.burst_s[i] else "prompts that arrive together")  # fmt: skip


def _term(name: str, seconds: float, factor: float, how: str) -> TimeTerm:
    return TimeTerm(name, 1e3 * seconds, 1e3 * seconds * factor, how)
