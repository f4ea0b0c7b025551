"""The verdict of `check` for machines: GitHub annotations, JUnit XML, SARIF."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from planner.render.gate import VERDICTS, ranked, sentence, summary
from planner.render.text import clean
from planner.verdict import Checked, Findings

MOST_ANNOTATIONS = 10
"""Of one kind: GitHub shows no more of a step."""
KINDS = {"failure": "error", "warning": "warning", "note": "notice"}
SARIF_LEVELS = {"failure": "error", "warning": "warning", "note": "note", "pass": "none"}
SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def github(found: Findings) -> str:
    """Workflow commands, one per line, the worst first; what is beyond GitHub's count is counted."""
    lines = []
    for level, kind in KINDS.items():
        rows = [c for c in ranked(found) if c.level == level]
        left = len(rows) - MOST_ANNOTATIONS
        shown = rows[: MOST_ANNOTATIONS - 1] if left > 0 else rows
        lines += [_annotation(kind, c.rule, sentence(c), found.scenario, c.line) for c in shown]
        if left > 0:
            lines.append(_annotation(kind, "more", f"and {left + 1} more", found.scenario, None))
    lines.append(_annotation("notice", VERDICTS[found.verdict], summary(found), found.scenario, None))
    return "".join(f"{line}\n" for line in lines)


def _annotation(kind: str, title: str, message: str, file: str, line: int | None) -> str:
    parts = {"file": file, "line": "" if line is None else str(line), "title": title}
    properties = ",".join(f"{name}={_property(value)}" for name, value in parts.items() if value)
    return f"::{kind} {properties}::{_data(message)}"


def _data(raw: str) -> str:
    """Text that stays on one line of a workflow command."""
    return clean(raw).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(raw: str) -> str:
    return _data(raw).replace(":", "%3A").replace(",", "%2C")


def junit(found: Findings) -> str:
    """One test case per rule: failed ones fail, warnings say so in their output, what needs more is skipped."""
    rows = ranked(found)
    failed = [c for c in rows if c.level == "failure"]
    counts = {"tests": len(rows), "failures": len(failed), "errors": 0, "skipped": len(found.at("note"))}
    suites = ElementTree.Element("testsuites")
    attributes = {"name": "planner check", **{name: str(count) for name, count in counts.items()}}
    suite = ElementTree.SubElement(suites, "testsuite", attributes)
    for c in rows:
        _case(suite, c, found.scenario)
    out = ElementTree.SubElement(suite, "system-out")
    out.text = clean(summary(found))
    ElementTree.indent(suites)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(suites, encoding="unicode")}\n'


def _case(suite: ElementTree.Element, c: Checked, scenario: str) -> None:
    case = ElementTree.SubElement(suite, "testcase", {"classname": clean(scenario), "name": clean(c.rule)})
    said = clean(sentence(c))
    if c.level == "failure":
        ElementTree.SubElement(case, "failure", {"type": clean(c.rule), "message": said}).text = said
    elif c.level == "note":
        ElementTree.SubElement(case, "skipped", {"message": said})
    else:
        ElementTree.SubElement(case, "system-out").text = said


def sarif(found: Findings) -> str:
    """SARIF 2.1.0: one result per rule that did not pass, at the line that sets it."""
    rows = [c for c in ranked(found) if c.level != "pass"]
    rules = list(dict.fromkeys(c.rule for c in rows))
    driver = {
        "name": "planner",
        "rules": [{"id": rule, "shortDescription": {"text": rule.replace("_", " ")}} for rule in rules],
    }
    run = {
        "tool": {"driver": driver},
        "results": [_result(c, rules.index(c.rule), found.scenario) for c in rows],
    }
    log = {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _result(c: Checked, index: int, scenario: str) -> dict[str, Any]:
    place: dict[str, Any] = {
        "artifactLocation": {"uri": quote(scenario.replace("\\", "/")) or "planner.toml"}
    }
    if c.line is not None:
        place["region"] = {"startLine": c.line}
    return {
        "ruleId": c.rule,
        "ruleIndex": index,
        "level": SARIF_LEVELS[c.level],
        "message": {"text": clean(sentence(c))},
        "locations": [{"physicalLocation": place}],
    }


WRITERS: dict[str, Callable[[Findings], str]] = {"github": github, "junit": junit, "sarif": sarif}
"""Formats that only a verdict has."""
