"""What a reader sees of a plan, an estimate or a list."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.errors import InputError
from planner.plan import Finding, Plan, load_plan
from planner.render import RENDERERS, Listing, Style, page, render
from planner.render.document import Bullets, Facts, Grid, Heading, Paragraph
from planner.render.lists import checks
from planner.render.markdown import escape, markdown
from planner.render.pipeline import WRITERS
from planner.render.prices import offers
from planner.render.text import text
from planner.render.words import dollars, percent, price_ages

SAMPLE = Path(__file__).parents[1] / "data" / "plan_sample.json"
HOSTILE = "evil|`code`<img src=x onerror=alert(1)>\x1b[31m@octocat $x$ [a](b)\u202e"


@pytest.fixture(scope="module")
def plan() -> Plan:
    return load_plan(SAMPLE)


def _single(plan: Plan, **changes: object) -> Plan:
    placement = dataclasses.replace(plan.placements[0], **changes)  # type: ignore[arg-type]
    return dataclasses.replace(plan, placements=(placement,), usd_per_month=placement.usd_per_month)


def _opening(plan: Plan) -> str:
    return " ".join(render(plan).split("\n\n")[0].split())


def test_the_decision_is_one_sentence_one_could_act_on(plan: Plan) -> None:
    assert _opening(_single(plan)) == (
        "Rent 16 h100_sxm as 2 x p5.48xlarge from aws, on demand, in eu-central-1 (DE) for chat, "
        "running vllm 0.14.0, fp8, KV bf16, 2 x tp4: $45,937 a month."
    )


def test_owned_hardware_is_used_and_hardware_to_buy_is_bought(plan: Plan) -> None:
    owned = dataclasses.replace(plan.placements[0].offer, term="owned", flags=())
    assert _opening(_single(plan, offer=owned, term="owned")).startswith("Use your own 2 x (8 x h100_sxm)")
    bought = dataclasses.replace(owned, flags=("would_buy",))
    assert _opening(_single(plan, offer=bought, term="owned")).startswith("Buy 2 x (8 x h100_sxm)")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("optimal", "No plan within these limits costs less."),
        ("within_gap", "No plan within these limits can be more than 0.6% cheaper."),
        ("limit", "The solver stopped at its limit with this plan in hand"),
    ],
)
def test_how_good_the_answer_is_stands_under_it(plan: Plan, status: str, words: str) -> None:
    assert words in " ".join(render(dataclasses.replace(plan, status=status)).split())  # type: ignore[arg-type]


def test_an_infeasible_plan_says_so_and_shows_no_empty_section(plan: Plan) -> None:
    nothing = dataclasses.replace(plan, status="infeasible", placements=(), usd_per_month=None, gap=None)
    shown = render(nothing)
    assert shown.startswith("No plan satisfies the limits.")
    assert "Placements" not in shown
    assert "Cost per month" in shown and "not known" in shown


@pytest.mark.parametrize(
    "words",
    [
        "Cost per month $47,100",
        "input $0.35, output $1.42, total $0.62; split by",
        "12 req/s",
        "23% free",
        "350 to 510",
        "calibrated",
        "TTFT above 1000 ms at p95 812",
        "electricity USD/kWh 0.15",
        "interpolated 62%",
        "oldest 113 days old",
        "date not known for 1 of 3 offers",
        "FAILED max_usd_per_month",
        "22 November 2026",
    ],
)
def test_the_page_answers(plan: Plan, words: str) -> None:
    assert words in " ".join(render(plan).split())


def test_only_the_five_best_alternatives_are_shown(plan: Plan) -> None:
    assert len(plan.alternatives) == 6
    shown = render(plan, "markdown")
    assert [f"| {n} x h200" in shown for n in range(1, 7)] == [True] * 5 + [False]


def test_failures_come_before_warnings_and_notes_come_last(plan: Plan) -> None:
    shown = render(plan)
    assert shown.index("FAILED") < shown.index("price_age") < shown.index("Placements") < shown.index("Notes")


@pytest.mark.parametrize("width", [80, 100, 120])
def test_no_line_is_wider_than_the_terminal(plan: Plan, width: int) -> None:
    assert max(map(len, render(plan, style=Style(width=width)).splitlines())) <= width


def test_plain_text_has_no_escape_codes_and_no_trailing_blanks(plan: Plan) -> None:
    shown = render(plan)
    assert "\x1b" not in shown
    assert not re.search(r" +$", shown, re.MULTILINE)


def test_colour_changes_the_looks_and_not_the_words(plan: Plan) -> None:
    coloured = render(plan, style=Style(color=True))
    assert "\x1b[1m" in coloured
    stripped = re.sub(r"\x1b\[[\d;]*m", "", coloured)
    assert stripped.split() == render(plan).split()


def test_looks_do_not_depend_on_the_environment(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    before = render(plan, style=Style(color=True))
    for name, value in {"COLUMNS": "40", "TERM": "dumb", "NO_COLOR": "1", "FORCE_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    assert render(plan, style=Style(color=True)) == before


def test_json_is_the_plan_itself(plan: Plan) -> None:
    assert render(plan, "json") == SAMPLE.read_text()


def test_a_foreign_name_drives_neither_terminal_nor_markdown(plan: Plan) -> None:
    offer = dataclasses.replace(plan.placements[0].offer, seller=HOSTILE, instance=HOSTILE, region=HOSTILE)
    hostile = _single(plan, workload=HOSTILE, offer=offer)
    shown = render(hostile, style=Style(width=120))
    assert not set(shown) & {"\x1b", "\u202e"}
    comment = render(hostile, "markdown")
    assert not set(comment) & {"\x1b", "\u202e"}
    assert "<img" not in comment and "@octocat" not in comment
    assert not re.search(r"(?<!\\)`", comment)
    rows = [line for line in comment.splitlines() if "evil" in line and line[0] == "|"]
    widths = {_cells(line): _cells(_header(comment, line)) for line in rows}
    assert rows and all(cells == named for cells, named in widths.items()), "a pipe in a name adds a column"


def _cells(row: str) -> int:
    return len(re.findall(r"(?<!\\)\|", row))


def _header(page: str, row: str) -> str:
    """First line of the table that `row` stands in."""
    lines = page.splitlines()
    at = lines.index(row)
    while at and lines[at - 1].startswith("|"):
        at -= 1
    return lines[at]


def test_rich_markup_in_a_name_is_text(plan: Plan) -> None:
    offer = dataclasses.replace(plan.placements[0].offer, seller="[red]x[/red] :smile:")
    assert "[red]x[/red] :smile:" in render(_single(plan, offer=offer))


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=60))
def test_escaped_text_has_no_bare_markdown(raw: str) -> None:
    shown = re.sub(r"&(?:amp|lt|gt|#64);", "", escape(raw))
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*_|~$#\[\]]|[<>@&]", shown)


def test_a_list_or_rule_at_the_start_of_a_line_stays_text() -> None:
    shown = markdown((Paragraph("1. not a list"), Bullets(("- nor this", "+ or this"))))
    assert shown == "1\\. not a list\n\n- \\- nor this\n- \\+ or this\n"


def test_both_writers_show_every_kind_of_block() -> None:
    document = (Heading("H"), Facts((("a", "b"),)), Bullets(("i",)), Grid((), ()), Paragraph("p"))
    for shown in (text(document), markdown(document)):
        assert all(word in shown for word in ("H", "a", "b", "i", "p"))


def test_a_list_as_csv_has_every_field_of_an_offer(plan: Plan) -> None:
    listing = offers([p.offer for p in plan.placements])
    rows = list(csv.DictReader(io.StringIO(render(listing, "csv"))))
    assert list(rows[0]) == [f.name for f in dataclasses.fields(plan.placements[0].offer)]
    assert rows[1]["as_of"] == "", "an unknown date stays empty"
    assert rows[0]["usd_per_hour"] == "31.464"


def test_a_list_as_json_is_its_rows(plan: Plan) -> None:
    listing = offers([p.offer for p in plan.placements])
    assert [row["seller"] for row in json.loads(render(listing, "json"))] == ["aws", "runpod", "deepinfra"]


def test_a_long_list_says_what_it_leaves_out(plan: Plan) -> None:
    listing = offers([plan.placements[0].offer] * 60)
    assert "50 of 60 rows; narrow with the options" in render(listing)
    assert render(listing, "csv").count("\n") == 61


def test_an_empty_list_is_a_sentence_and_not_a_frame() -> None:
    assert "no offer matches" in render(offers([]))
    assert render(offers([]), "json") == "[]\n"
    assert render(offers([]), "csv").startswith("seller,instance,gpu,")


def test_an_unknown_format_is_answered_with_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean markdown"):
        render(Listing("t", (), ()), "markdwn")


def test_a_plan_has_no_csv_form(plan: Plan) -> None:
    with pytest.raises(InputError, match="use json"):
        render(plan, "csv")


@pytest.mark.parametrize("format", sorted(set(RENDERERS) - {"csv", *WRITERS}))
def test_rendering_twice_gives_the_same(plan: Plan, format: str) -> None:
    assert render(plan, format) == render(plan, format)


def test_unknown_is_never_zero() -> None:
    assert dollars(None) == percent(None) == "not known"
    assert "$0" not in dollars(None)


@given(st.floats(1e-6, 1e9))
def test_dollars_keep_two_digits_of_what_is_shown(x: float) -> None:
    shown = float(dollars(x).lstrip("$").replace(",", ""))
    assert shown == pytest.approx(x, rel=0.01)


def test_price_ages_without_any_date_say_so(plan: Plan) -> None:
    undated = [dataclasses.replace(p.offer, as_of=None, age_days=None) for p in plan.placements]
    assert price_ages(undated) == "date not known for 3 of 3 offers"


def test_a_finding_shows_what_it_saw_and_allows(plan: Plan) -> None:
    found = (Finding("warning", "max_spot_share", "too much spot", 0.7, 0.5),)
    shown = render(dataclasses.replace(plan, findings=found))
    assert "max_spot_share: too much spot (is 0.7, limit 0.5)" in shown


def test_an_estimate_page_names_the_configuration_first(plan: Plan) -> None:
    estimate = plan.placements[0].estimate
    assert estimate is not None
    assert render(estimate).startswith(
        "llama-3.1-70b on 4 x h100_sxm (tp4), vllm 0.14.0, fp8 weights, bf16 KV\n"
    )
    assert "Power, W" in render(estimate) and "not known" in render(estimate)


def test_checks_say_whether_all_is_well() -> None:
    assert page(checks([], healthy=False))[0] == Paragraph(
        "Something the planner needs is missing", strong=True
    )
