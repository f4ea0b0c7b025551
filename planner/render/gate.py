"""The verdict of `check` as a page for people, and as the comment on a pull request."""

from __future__ import annotations

from dataclasses import replace

from planner.render.advice import advice, decision
from planner.render.change import change_sections, headline
from planner.render.document import Bullets, Column, Document, Grid, Paragraph, section
from planner.render.markdown import markdown
from planner.render.words import dollars, number, percent, plural
from planner.verdict import Checked, Findings, Verdict

VERDICTS: dict[Verdict, str] = {
    "pass": "Passed",
    "warn": "Passed, with warnings",
    "fail": "Failed: the policy does not allow this plan",
    "infeasible": "Failed: nothing satisfies the limits",
    "broken": "Failed: a file is wrong",
    "locked": "Failed: the lock does not match",
    "unanswered": "Failed: no answer within the solver's limits",
}
UNITS = {"usd": dollars, "share": percent, "percent": number, "days": number}
LEVELS = {"failure": "FAILED", "warning": "warning", "note": "note", "pass": "ok"}
WORST_FIRST = ("failure", "warning", "note", "pass")
LONGEST_COMMENT = 60_000
"""Characters: GitHub refuses a comment above 65,536."""


def check_page(found: Findings) -> Document:
    """The page: verdict, change, rules, remarks; one line where the change is below the policy's threshold."""
    if found.quiet and found.verdict == "pass":
        return (Paragraph(summary(found), strong=True),)
    return (
        Paragraph(summary(found), strong=True),
        *section("Rules", _rules(found)),
        *(change_sections(found.diff) if found.diff else ()),
        *section("Before you sign", Bullets(tuple(f"{f.rule}: {f.message}" for f in found.remarks))),
    )


def summary(found: Findings) -> str:
    """Verdict, decision and change in one or two sentences."""
    said = f"{VERDICTS[found.verdict]}."
    if found.plan is None:
        return said
    if not found.checked:
        said = "Passed: [policy] sets no rule."
    if found.quiet and found.verdict == "pass":
        return f"{said} The change is smaller than the policy wants to hear about."
    change = headline(found.diff) if found.diff else (found.baseline or "")
    return " ".join(x for x in (said, decision(found.plan), change) if x)


def ranked(found: Findings) -> tuple[Checked, ...]:
    """What was checked, the worst first."""
    return tuple(sorted(found.checked, key=lambda c: WORST_FIRST.index(c.level)))


def sentence(c: Checked) -> str:
    """A rule with what it saw and what it allows.

    >>> sentence(Checked("max_usd_per_month", "failure", "too dear", 120.0, 100.0))
    'too dear (is $120, limit $100)'
    """
    if c.value is None or c.limit is None:
        return c.message
    write = UNITS[_unit(c.rule)]
    return f"{c.message} (is {write(c.value)}, limit {write(c.limit)})"


def _unit(rule: str) -> str:
    """The unit a rule's name carries."""
    if rule.endswith("percent"):
        return "percent"
    return "usd" if "usd" in rule else "days" if "days" in rule else "share"


def _rules(found: Findings) -> Grid:
    columns = (Column("Rule", whole=True), Column("Result"), Column("Seen"))
    return Grid(columns, tuple((c.rule, LEVELS[c.level], sentence(c)) for c in ranked(found)))


def comment(found: Findings, *, longest: int = LONGEST_COMMENT) -> str:
    """Markdown for a pull request: a hidden marker to find the old comment by, the verdict, details folded.

    What does not fit `longest` is left out whole, section by section, and said.
    """
    name = found.scenario.replace("--", "- -").replace(">", "")
    body = f"<!-- planner:{name} -->\n{markdown(check_page_head(found))}"
    left_out = []
    for title, content in _folded(found):
        part = f"\n<details><summary>{title}</summary>\n\n{markdown(content)}\n</details>\n"
        if len(body) + len(part) > longest - 300:
            left_out.append(title)
        else:
            body += part
    if left_out:
        body += f"\nLeft out, to stay within {longest:,} characters: {', '.join(left_out)}.\n"
    return body


def check_page_head(found: Findings) -> Document:
    """What stands open in the comment: the verdict, and the rules that did not pass."""
    loud = [c for c in ranked(found) if c.level != "pass"]
    passed = len(found.checked) - len(loud)
    items = tuple(f"{LEVELS[c.level]} {c.rule}: {sentence(c)}" for c in loud[:20])
    more = (f"and {len(loud) - 20} more",) if len(loud) > 20 else ()
    quiet = (f"{plural(passed, 'rule')} passed",) if passed else ()
    return (Paragraph(summary(found), strong=True), *_bullets((*items, *more, *quiet)))


def _bullets(items: tuple[str, ...]) -> Document:
    return (Bullets(items),) if items else ()


def _folded(found: Findings) -> list[tuple[str, Document]]:
    parts: list[tuple[str, Document]] = []
    if found.quiet and found.verdict == "pass":
        return parts
    if found.diff:
        parts.append(("What changed, and why", change_sections(found.diff)))
    if found.remarks:
        parts.append(("Before you sign", _bullets(tuple(f"{f.rule}: {f.message}" for f in found.remarks))))
    if found.plan:
        judged = {c.rule for c in found.checked}  # said above, with the baseline at hand
        rest = tuple(f for f in found.plan.findings if f.rule not in judged)
        parts.append(("The plan", advice(replace(found.plan, findings=rest))))
    return [(title, content) for title, content in parts if content]
