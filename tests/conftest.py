"""What was skipped and why, at the end of every run; with PLANNER_REQUIRE_ALL=1 a skip is a failure."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

REQUIRE_ALL = "PLANNER_REQUIRE_ALL"


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    return str(report.longrepr)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:  # type: ignore[misc]
    """Turn a skip into a failure where everything is required (CI, a release)."""
    report: pytest.TestReport = yield  # type: ignore[misc, assignment]
    if report.skipped and os.environ.get(REQUIRE_ALL) == "1" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, but {REQUIRE_ALL}=1: {_reason(report)}"
    return report  # type: ignore[return-value]


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:  # type: ignore[misc]
    """The same for a whole file that an `importorskip` keeps out."""
    report: pytest.CollectReport = yield  # type: ignore[misc, assignment]
    if report.skipped and os.environ.get(REQUIRE_ALL) == "1":
        report.longrepr = f"skipped, but {REQUIRE_ALL}=1: {_reason(report)}"
        report.outcome = "failed"
    return report  # type: ignore[return-value]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line per reason, with the tests it kept from running."""
    by_reason: dict[str, list[str]] = {}
    for report in terminalreporter.stats.get("skipped", []):
        by_reason.setdefault(_reason(report), []).append(report.nodeid)
    if by_reason:
        terminalreporter.section(f"skipped ({REQUIRE_ALL}=1 makes these failures)")
    for reason, tests in sorted(by_reason.items()):
        terminalreporter.line(
            f"{reason}: {len(tests)} ({', '.join(tests[:3])}{' ...' if len(tests) > 3 else ''})"
        )
