"""What pipelines read: valid against the formats' own schemas, safe whatever a name contains, within size limits."""

from __future__ import annotations

import json
import os
import re
import tarfile
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from planner.errors import Infeasible, InputError, LockMismatch, ScenarioError
from planner.judging import no_plan, verdict_on
from planner.plan import load_plan
from planner.render import render
from planner.render.gate import LONGEST_COMMENT, comment
from planner.verdict import EXIT_CODES, Checked, Findings

ROOT = Path(__file__).parents[3]
DATA = ROOT / "tests" / "data"
NASTY = 'a<b>&"c"\n::error::%0A--> ]]> \x1b[31m @team | `x` $1'
POLICY = {"max_usd_per_month": 1.0, "min_slo_probability": 0.0, "warn": {"min_headroom": 1.0}}


def judged() -> Findings:
    plan = load_plan(DATA / "plan_sample.json")
    first = plan.placements[0]
    nasty = replace(
        first, workload=NASTY, offer=replace(first.offer, seller=NASTY, instance=NASTY), headroom=0.0
    )
    return verdict_on(
        replace(plan, placements=(nasty, *plan.placements[1:])), POLICY, scenario="a folder/planner.toml",
        line_of={"max_usd_per_month": 3}.get,
    )  # fmt: skip


CASES = {
    "judged": judged(),
    "infeasible": no_plan(
        Infeasible("nothing: ttft", binding=["ttft_ms = 1"], relaxations=["ttft_ms = 19"]),
        scenario="planner.toml",
    ),
    "broken": no_plan(ScenarioError("x: 1 is wrong", path="planner.toml:7"), scenario="planner.toml"),
    "locked": no_plan(LockMismatch("the lock does not match: prices"), scenario="planner.toml"),
}


def published(package: str, name: str) -> bytes:
    """A schema out of the source package that publishes it (ci/schemas.txt)."""
    tools = Path(os.environ.get("PLANNER_TOOLS", ROOT / "build" / "tools"))
    found = list((tools / "schemas").glob(f"{package}-*.tar.gz"))
    if not found:
        pytest.skip("needs the schemas of the formats we write: make tools")
    with tarfile.open(found[0]) as packed:
        (member,) = (x for x in packed if x.name.endswith(f"/{name}"))
        content = packed.extractfile(member)
        assert content is not None
        return content.read()


@pytest.mark.parametrize("case", CASES)
def test_sarif_satisfies_its_schema(case: str) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(published("sarif_om", "sarif-2.1.0-rtm.4.json"))
    log = json.loads(render(CASES[case], "sarif"))
    jsonschema.Draft4Validator(schema).validate(log)
    assert log["runs"][0]["results"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft4Validator(schema).validate(log | {"version": "1.0"})


@pytest.mark.parametrize("case", CASES)
def test_junit_satisfies_its_schema(case: str) -> None:
    xmlschema = pytest.importorskip("xmlschema")
    schema = xmlschema.XMLSchema(published("pytest", "junit-10.xsd").decode())
    text = render(CASES[case], "junit")
    schema.validate(text)
    (suite,) = ElementTree.fromstring(text)
    assert int(suite.get("tests", "0")) == len(suite.findall("testcase"))
    assert int(suite.get("failures", "0")) == len(suite.findall("testcase/failure"))
    with pytest.raises(xmlschema.XMLSchemaValidationError):
        schema.validate(text.replace(' name="planner check"', ""))


@pytest.mark.parametrize("case", CASES)
def test_every_line_for_github_is_one_command(case: str) -> None:
    for line in render(CASES[case], "github").splitlines():
        assert re.match(r"::(error|warning|notice) file=[^:]*::", line), line
        assert "\x1b" not in line
        assert line.count("::") == 2 or case == "judged"  # a nasty name may hold the two signs in the message


def test_a_broken_file_is_annotated_at_its_line() -> None:
    assert render(CASES["broken"], "github").startswith("::error file=planner.toml,line=7,title=broken::")


def test_what_is_beyond_githubs_count_is_counted() -> None:
    many = replace(judged(), checked=tuple(Checked(f"rule_{i}", "failure", "x") for i in range(25)))
    lines = [x for x in render(many, "github").splitlines() if x.startswith("::error")]
    assert len(lines) == 10
    assert lines[-1].endswith("::and 16 more")


def test_the_comment_has_its_marker_first_and_no_name_breaks_out_of_it() -> None:
    text = comment(replace(judged(), scenario="a--><b>.toml"))
    assert text.splitlines()[0] == "<!-- planner:a- -<b.toml -->"
    assert "<b>" not in text
    assert "@team" not in text
    assert "\x1b" not in text


def test_the_comment_stays_within_its_size_and_says_what_it_left_out() -> None:
    found = judged()
    assert found.plan is not None
    huge = replace(found, plan=replace(found.plan, placements=found.plan.placements * 400))
    text = comment(huge)
    assert len(text) <= LONGEST_COMMENT
    assert text.count("<details>") == text.count("</details>")
    assert "Left out, to stay within 60,000 characters: The plan." in text


@pytest.mark.parametrize("format", ["github", "junit", "sarif"])
def test_a_plan_alone_has_no_such_form(format: str) -> None:
    with pytest.raises(InputError, match="only what `planner check` found"):
        render(load_plan(DATA / "plan_sample.json"), format)


def test_a_quiet_change_is_one_line() -> None:
    quiet = replace(judged(), verdict="pass", quiet=True, checked=())
    assert len(render(quiet, "table").split("\n\n")) == 1
    assert "<details>" not in comment(quiet)


def test_a_warning_fails_where_asked() -> None:
    plan = load_plan(DATA / "plan_sample.json")
    policy = {"warn": {"max_usd_per_month": 1.0}}
    assert verdict_on(plan, policy).exit_code == 0
    assert verdict_on(plan, policy, fail_on_warn=True).exit_code == 3


def test_exit_codes_are_those_of_the_documentation() -> None:
    assert dict(EXIT_CODES) == {
        "pass": 0, "warn": 0, "fail": 3, "infeasible": 4, "broken": 5, "locked": 6, "unanswered": 7,
    }  # fmt: skip
