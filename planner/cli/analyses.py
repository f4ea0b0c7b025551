"""What would change the answer: `planner explain`, `flip` and the other analyses; a scenario in, a record out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli.command import ROWS, command
from planner.cli.output import Output
from planner.cli.question import (
    AsOfOption,
    CalibrationOption,
    ConfigOption,
    ExampleOption,
    PricesOption,
    ScenarioArgument,
    SetOption,
    both,
    question,
)

if TYPE_CHECKING:
    from datetime import datetime

    from planner.analysis.session import Session


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    command(app, "explain", formats=ROWS)(explain)
    command(app, "flip", formats=ROWS)(flip)
    command(app, "lock-in", formats=ROWS)(lock_in)
    command(app, "arbitrage", formats=ROWS)(arbitrage)
    command(app, "frontier", formats=ROWS)(frontier)


def explain(
    *,
    scenario: ScenarioArgument = None,
    workload: Annotated[str | None, typer.Option(help="Of one workload only.")] = None,
    gpu: Annotated[str | None, typer.Option(help="GPU, any usual spelling. [default: every GPU]")] = None,
    seller: Annotated[
        str | None, typer.Option(help="Seller; * and ? are wild, as in the next three.")
    ] = None,
    instance: Annotated[str | None, typer.Option(help="The seller's name of what is sold.")] = None,
    region: Annotated[str | None, typer.Option(help="The seller's region.")] = None,
    term: Annotated[str | None, typer.Option(help="on_demand, spot, committed_1y, owned ...")] = None,
    engine: Annotated[str | None, typer.Option(help="vllm, sglang, trtllm ...")] = None,
    precision: Annotated[
        str | None, typer.Option(help="Of the weights: fp8, or with the KV cache: fp8/bf16.")
    ] = None,
    layout: Annotated[str | None, typer.Option(help="Parallel layout, as plans spell it: tp4.")] = None,
    config: ConfigOption = None,
    example: ExampleOption = None,
    set_: SetOption = None,
    prices: PricesOption = None,
    calibration: CalibrationOption = None,
    as_of: AsOfOption = None,
    out: Output,
) -> None:
    """Why an option is in the plan or out of it: the limit that binds, and how far it is from turning."""
    asked = opened(scenario, config, example, set_, prices, calibration, as_of, out)
    out.emit(
        asked.explain(
            workload=workload, gpu=gpu, seller=seller, instance=instance, region=region, term=term,
            engine=engine, precision=precision, layout=layout,
        )
    )  # fmt: skip


def flip(
    *,
    scenario: ScenarioArgument = None,
    config: ConfigOption = None,
    example: ExampleOption = None,
    set_: SetOption = None,
    prices: PricesOption = None,
    calibration: CalibrationOption = None,
    as_of: AsOfOption = None,
    out: Output,
) -> None:
    """At which price, throughput or demand options enter or leave the plan."""
    out.emit(opened(scenario, config, example, set_, prices, calibration, as_of, out).flip())


def kernel_value(
    *,
    scenario: ScenarioArgument = None,
    config: ConfigOption = None,
    example: ExampleOption = None,
    set_: SetOption = None,
    prices: PricesOption = None,
    calibration: CalibrationOption = None,
    as_of: AsOfOption = None,
    before: Annotated[
        Path | None, typer.Option(help="Traces before a kernel change: what the change is worth instead.")
    ] = None,
    after: Annotated[Path | None, typer.Option(help="Traces after it.")] = None,
    out: Output,
) -> None:
    """What each kernel, switch and engine is worth to a plan, in dollars a month."""
    from planner import api

    asked = opened(scenario, config, example, set_, prices, calibration, as_of, out)
    if (files := both(before, after, "--before", "--after")) is None:
        out.emit(asked.kernel_value())
        return
    changed = api.kernel_speedups(*files)
    for text in filter(None, (s.warning for s in changed)):
        out.say(f"warning: {text}")
    out.emit(asked.kernel_value({s.variant: s.interval for s in changed}))


def lock_in(
    *,
    scenario: ScenarioArgument = None,
    engine: Annotated[str | None, typer.Option(help="Kernel stack that the split locks in.")] = None,
    vendor: Annotated[str | None, typer.Option(help="GPU maker that the split locks in.")] = None,
    seller: Annotated[str | None, typer.Option(help="Seller that the split locks in.")] = None,
    term: Annotated[str | None, typer.Option(help="Term that the split locks in.")] = None,
    config: ConfigOption = None,
    example: ExampleOption = None,
    set_: SetOption = None,
    prices: PricesOption = None,
    calibration: CalibrationOption = None,
    as_of: AsOfOption = None,
    out: Output,
) -> None:
    """What avoiding lock-in costs, and what being locked in costs."""
    asked = opened(scenario, config, example, set_, prices, calibration, as_of, out)
    out.emit(asked.lock_in(engine=engine, vendor=vendor, seller=seller, term=term))


def arbitrage(
    *,
    scenario: ScenarioArgument = None,
    config: ConfigOption = None,
    example: ExampleOption = None,
    set_: SetOption = None,
    prices: PricesOption = None,
    calibration: CalibrationOption = None,
    as_of: AsOfOption = None,
    out: Output,
) -> None:
    """The same demand from hyperscalers, neoclouds, marketplaces, owned cards and hosted APIs."""
    asked = opened(scenario, config, example, set_, prices, calibration, as_of, out)
    out.emit(asked.arbitrage())


def frontier(
    *,
    scenario: ScenarioArgument = None,
    config: ConfigOption = None,
    example: ExampleOption = None,
    set_: SetOption = None,
    prices: PricesOption = None,
    calibration: CalibrationOption = None,
    as_of: AsOfOption = None,
    out: Output,
) -> None:
    """Cost against latency, spot share, measured share and carbon."""
    asked = opened(scenario, config, example, set_, prices, calibration, as_of, out)
    out.emit(asked.frontier())


def opened(
    scenario: Path | None,
    config: Path | None,
    example: str | None,
    set_: list[str] | None,
    prices: Path | None,
    calibration: Path | None,
    as_of: datetime | None,
    out: Output,
) -> Session:
    """The session of the scenario asked about."""
    from planner import api

    asked, _ = question(scenario, config, example, out, set_)
    with out.progress("reading prices and profiles") as on_progress:
        return api.open_session(
            asked,
            api.load_catalog(prices),
            api.load_profiles(),
            as_of=as_of.date() if as_of else None,
            calibration=calibration,
            on_progress=on_progress,
        )
