"""`planner check`: a plan, the policy and the baseline in, the verdict out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from planner.errors import Infeasible, exit_code
from planner.locate import line_in_toml, line_in_yaml
from planner.plan import Plan
from planner.policy import checked, quiet
from planner.verdict import EXIT_CODES, Checked, Findings, PlanDiff, Verdict

Lines = Callable[[str], int | None]


def verdict_on(
    plan: Plan,
    policy: Mapping[str, Any],
    *,
    scenario: str = "",
    baseline: Plan | None = None,
    baseline_name: str | None = None,
    diff: PlanDiff | None = None,
    line_of: Lines = lambda rule: None,
    fail_on_warn: bool = False,
) -> Findings:
    """The plan judged by every rule of the policy; remarks are what else the plan warns of."""
    rules = tuple(replace(c, line=line_of(c.rule)) for c in checked(plan, policy, baseline=baseline))
    levels = {c.level for c in rules}
    verdict: Verdict = "fail" if "failure" in levels else "warn" if "warning" in levels else "pass"
    judged = {c.rule for c in rules}
    return Findings(
        verdict="fail" if verdict == "warn" and fail_on_warn else verdict,
        scenario=scenario,
        checked=rules,
        remarks=tuple(f for f in plan.findings if f.level == "warning" and f.rule not in judged),
        baseline=baseline_name,
        diff=diff,
        quiet=quiet(plan, policy, baseline),
        plan=plan,
    )


def no_plan(error: Exception, *, scenario: str, line: int | None = None) -> Findings:
    """The verdict where an error kept the plan from being made; the error itself says it in words."""
    code = exit_code(error)
    verdict: Verdict = next((v for v, c in EXIT_CODES.items() if c == code and c > 3), "broken")
    message = " ".join(str(error).split())
    if line is None and (said := re.match(rf"\S*{re.escape(scenario)}:(\d+): ", message)):
        line = int(said[1])
    rows = [Checked(verdict, "failure", message, line=line)]
    if isinstance(error, Infeasible) and error.binding:
        rows = [Checked(verdict, "failure", message.partition(": ")[0], line=line)]
        rows += [Checked("binds", "note", limit, line=line) for limit in error.binding]
        rows += [Checked("would_help", "note", change, line=line) for change in error.relaxations]
    return Findings(verdict=verdict, scenario=scenario, checked=tuple(rows))


def scenario_lines(path: Path | str | None) -> Lines:
    """Line of each rule in a scenario file; none where there is no file to read."""
    if path is None or not Path(path).is_file():
        return lambda rule: None
    path = Path(path)
    table = ("tool", "planner") if path.name == "pyproject.toml" else ()
    text = path.read_text(encoding="utf-8", errors="replace")
    return lines_of(text, toml=path.suffix.lower() == ".toml", table=table)


def lines_of(text: str, *, toml: bool, table: tuple[str, ...] = ()) -> Lines:
    """Line of each rule in the text of a scenario file, that of `[policy.warn]` where only it is set."""
    find = line_in_toml if toml else line_in_yaml

    def line(rule: str) -> int | None:
        for path in ((*table, "policy", rule), (*table, "policy", "warn", rule)):
            number = find(text, path)
            if number is not None and rule in text.splitlines()[number - 1]:
                return number
        return find(text, (*table, "policy"))

    return line
