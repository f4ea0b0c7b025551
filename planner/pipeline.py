"""The public functions for pipelines; `planner.api` is where they are called from. Edge code, like the api."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from planner.actuals import Actuals
    from planner.calibration.store import Calibration
    from planner.lock import Lock
    from planner.plan import Plan
    from planner.pricing.catalog import Catalog
    from planner.profiles.store import Profiles
    from planner.scenario import Scenario
    from planner.verdict import Findings, PlanDiff


def check(
    scenario: Scenario,
    catalog: Catalog | None = None,
    profiles: Profiles | None = None,
    *,
    plan: Plan | None = None,
    path: Path | str | None = None,
    baseline: Plan | None = None,
    baseline_path: Path | str | None = None,
    baseline_catalog: Catalog | None = None,
    kernel_change: tuple[Path, Path] | None = None,
    causes: bool = True,
    fail_on_warn: bool = False,
    as_of: date | None = None,
    calibration: Path | str | None = None,
    gap: float | None = None,
    time_limit_s: float | None = None,
    on_progress: Callable[[str], None] = lambda message: None,
) -> Findings:
    """The plan of the scenario (or `plan`) judged by its policy, and compared with `baseline`.

    `path` is the scenario's file, so that findings can name lines; `kernel_change` two trace files, before and
    after, whose worth on this fleet the policy may ask for. Raises what `recommend` raises.
    """
    from planner import api
    from planner.judging import scenario_lines, verdict_on
    from planner.plan import Finding, parse_plan
    from planner.policy import aged

    today = as_of or date.today()
    catalog = catalog if catalog is not None else api.load_catalog()
    profiles = profiles if profiles is not None else api.load_profiles()
    if plan is None:
        plan = api.recommend(
            scenario, catalog, profiles, as_of=today, gap=gap, time_limit_s=time_limit_s,
            on_progress=on_progress, calibration=calibration,
        )  # fmt: skip
    if kernel_change is not None:
        on_progress("pricing the kernel change")
        changed = api.kernel_speedups(*kernel_change)
        worth = api.kernel_value(
            scenario, catalog, profiles, as_of=today, speedups={s.variant: s.interval for s in changed}
        )
        plan = replace(
            plan,
            analyses={**plan.analyses, "kernel_value": worth},
            findings=(
                *plan.findings,
                *(Finding("warning", "kernel_change", s.warning) for s in changed if s.lost),
            ),
        )
    plan = parse_plan(plan.to_json())  # judged as stored: the same verdict from a file
    diff = None
    if baseline is not None:
        diff = compare(
            baseline, plan, catalog, profiles, baseline_catalog=baseline_catalog, causes=causes,
            calibration=calibration, on_progress=on_progress,
        )  # fmt: skip
    named = f"{baseline_path}: " if baseline_path else ""
    return verdict_on(
        aged(plan, today),
        scenario.policy.model_dump(),
        scenario=_shown(path),
        baseline=baseline,
        baseline_name=f"{named}as of {baseline.as_of}"
        if baseline
        else f"{named}no baseline yet, so nothing to compare with.",
        diff=diff,
        line_of=scenario_lines(path),
        fail_on_warn=fail_on_warn,
    )


def no_plan(error: Exception, *, path: Path | str | None = None) -> Findings:
    """The verdict where `check` could make no plan: the error as a finding, at its line if it names one."""
    from planner.judging import no_plan

    return no_plan(error, scenario=_shown(path))


def _shown(path: Path | str | None) -> str:
    """A file as annotations name it: from the current folder where it lies below it."""
    if path is None:
        return "scenario"
    whole, here = Path(path).resolve(), Path.cwd().resolve()
    return (whole.relative_to(here) if whole.is_relative_to(here) else Path(path)).as_posix()


def compare(
    base: Plan,
    head: Plan,
    catalog: Catalog | None = None,
    profiles: Profiles | None = None,
    *,
    baseline_catalog: Catalog | None = None,
    causes: bool = True,
    calibration: Path | str | None = None,
    on_progress: Callable[[str], None] = lambda message: None,
) -> PlanDiff:
    """What changed from `base` to `head`, and by how many dollars for which cause.

    `catalog` and `baseline_catalog` are the offers the plans were made from; what is not at hand is not told
    apart, and said.
    """
    from planner import api
    from planner import causes as why
    from planner.compare import compare

    if not causes:
        return compare(base, head)
    catalog = catalog if catalog is not None else api.load_catalog()
    profiles = profiles if profiles is not None else api.load_profiles()
    on_progress("telling the causes apart")
    used = own_calibration(calibration)
    data = why.data_for(base, head, catalog, profiles, earlier=baseline_catalog, calibration=used)
    solve = why.solver(profiles, as_of=date.fromisoformat(head.as_of), calibration=used)
    return compare(base, head, why.causes(base, head, data, solve), rule=why.RULE)


def lock(plan: Plan, *, plan_name: str, prices: str = "shipped") -> Lock:
    """The lock of a plan stored as `plan_name` beside it; `prices` names where its offers came from."""
    from planner.lock import lock

    return lock(plan, plan_name=plan_name, prices=prices)


def locked_plan(
    path: Path | str,
    scenario: Scenario,
    profiles: Profiles | None = None,
    *,
    prices: Path | str | None = None,
    calibration: Path | str | None = None,
    re_solve: bool = False,
    gap: float | None = None,
    time_limit_s: float | None = None,
    on_progress: Callable[[str], None] = lambda message: None,
) -> Plan:
    """The plan that the lock `path` pins, after verifying that nothing has moved and its figures add up.

    Raises LockMismatch naming what moved, DataError for a lock or plan that cannot be read. `re_solve` also
    makes the plan again and compares it to the byte.
    """
    from planner import api
    from planner.answer.assemble import versions
    from planner.calibration.store import load_calibration
    from planner.lock import verify, verify_plan, verify_same
    from planner.stored import read_lock, read_locked_plan

    found = read_lock(Path(path), versions())
    catalog = api.load_catalog(prices or (None if found.prices == "shipped" else found.prices))
    profiles = profiles if profiles is not None else api.load_profiles()
    used = own_calibration(calibration) or load_calibration()
    data = {"prices": catalog.digest, "profiles": profiles.digest, "calibration": used.digest}
    verify(found, scenario_sha256=scenario.digest, data=data, versions=versions())
    text, plan = read_locked_plan(Path(path), found)
    verify_plan(found, text, plan)
    if re_solve:
        again = api.recommend(
            scenario, catalog, profiles, as_of=date.fromisoformat(found.as_of), gap=gap,
            time_limit_s=time_limit_s, on_progress=on_progress, calibration=calibration,
        )  # fmt: skip
        verify_same(found, again)
    return plan


def own_calibration(path: Path | str | None) -> Calibration | None:
    """The calibration of a file written by `planner calibrate --save`; None without one."""
    if path is None:
        return None
    from planner.calibration.own import load_own

    return load_own(path)


def analysed(
    plan: Plan,
    catalog: Catalog | None = None,
    *,
    calibration: Path | str | None = None,
    on_progress: Callable[[str], None] = lambda message: None,
) -> Plan:
    """A stored plan with its analyses computed from its own question; InputError where the prices are others."""
    from planner import api
    from planner.errors import InputError
    from planner.inputs import loads

    catalog = catalog if catalog is not None else api.load_catalog()
    if plan.digests.prices != catalog.digest:
        raise InputError(
            "the prices at hand are not those of the plan", hint="give --prices, or make the plan again"
        )
    on_progress("analysing the plan")
    session = api.open_session(
        loads(plan.question.text, format="json"), catalog, as_of=date.fromisoformat(plan.as_of),
        calibration=calibration, on_progress=on_progress,
    )  # fmt: skip
    found = {name: record for name, record in session.plan.analyses.items() if record is not None}
    return replace(plan, analyses={**plan.analyses, **found})


def report(
    plan: Plan,
    format: str = "html",
    *,
    baseline: Plan | None = None,
    lock: Path | str | None = None,
    assume: Mapping[str, float] | None = None,
    currency: str = "USD",
) -> bytes:
    """A procurement report as html, pdf, xlsx or markdown; `baseline` is the plan of what runs today.

    `assume` gives inputs by name (`planner.report.inputs.INPUTS`). Raises MissingExtra where a library is missing.
    """
    from planner.lock import sha256
    from planner.pricing.assumptions import ASSUMPTIONS
    from planner.report import inputs_of, report_of, write
    from planner.stored import lock_digest

    discount = ASSUMPTIONS["discount_rate"]
    inputs = inputs_of(assume or {}, discount_rate=discount.value, discount_source=discount.source)
    digest = lock_digest(Path(lock)) if lock else sha256(plan.to_json())
    return write(report_of(plan, inputs, digest=digest, baseline=baseline, currency=currency), format)


def export(plan: Plan, tool: str, *, service: str | None = None) -> str:
    """The plan for another tool, one of `planner.export.EXPORTS`; `service` picks one where a file holds one."""
    from planner.export import export

    return export(plan, tool, service=service)


def forecast(plan: Plan, *, start: date | None = None, months: int = 12, account: str = "forecast") -> str:
    """The plan's months as a FOCUS 1.3 file, from the month after the plan's unless `start` says otherwise."""
    from planner.export.focus import focus

    made = date.fromisoformat(plan.as_of)
    after = date(made.year + made.month // 12, made.month % 12 + 1, 1)
    return focus(plan, start=start or after, months=months, account=account)


def actuals(plan: Plan, path: Path | str, *, tags: Mapping[str, str] | None = None) -> Actuals:
    """A bill in FOCUS form beside the plan, by month and seller; DataError names file, line and column."""
    from planner.actuals import actuals
    from planner.errors import DataError
    from planner.stored import read_text

    text = read_text(Path(path), hint="give a FOCUS file as CSV")
    try:
        return actuals(plan, text, tags=tags)
    except DataError as error:
        raise DataError(str(error), path=path) from error
